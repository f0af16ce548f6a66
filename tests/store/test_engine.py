"""The way to PostgreSQL: which addresses are taken."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest
from sqlalchemy import make_url, text

from ivr.lab.pace import patience
from ivr.store.direct import asking, direct
from ivr.store.engine import AWAY, WrongAddress, async_url, make_engine
from tests.fixtures.weak_database import Wire

# As PostgreSQL takes leave of a connection: FATAL, 57P01.
LEAVE = b"E\0\0\0\x2cSFATAL\0VFATAL\0C57P01\0Mterminating: bye\0\0"


@pytest.mark.parametrize("address", ["mysql://u:hush@host/n", "postgresql://u:hush@host:port/n", "hush"])
def test_what_is_no_address_of_postgresql_is_refused_without_repeating_its_password(address: str) -> None:
    with pytest.raises(WrongAddress, match="IVR_DATABASE_URL") as refused:
        async_url(address)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_scheme_is_taken(scheme: str) -> None:
    assert async_url(f"{scheme}://u@host/name") == "postgresql+asyncpg://u@host/name"


async def test_a_database_elsewhere_is_told_nothing_but_by_tls_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    came: list[bytes] = []

    async def in_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readexactly(8))
        writer.write(b"N")  # it speaks no TLS
        came.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(in_clear, "127.0.0.1", 0)
    engine = make_engine(f"postgresql://u:hush@127.0.0.1:{server.sockets[0].getsockname()[1]}/n")
    with pytest.raises(AWAY):
        async with engine.connect():
            pass
    async with asyncio.timeout(patience(10)):
        while len(came) < 2:
            await asyncio.sleep(0.01)
    await engine.dispose()
    server.close()
    assert came == [b"\0\0\0\x08\x04\xd2\x16\x2f", b""]  # that it wants TLS, and then nothing


async def test_a_connection_of_which_the_database_took_leave_is_one_to_a_database_that_is_away(
    database_url: str,
) -> None:
    """Between its last word and the connection's end the pool may lend it once more."""
    wire = Wire()
    wire.open_.set()
    address = make_url(database_url)
    there = f"{address.query['host']}/.s.PGSQL.5432"
    relay = await asyncio.start_server(partial(wire.carry, there), "127.0.0.1", 0)
    through = address.set(host="127.0.0.1", port=relay.sockets[0].getsockname()[1], query={})
    engine = make_engine(through.render_as_string(False), pool=1)
    async with asking(engine) as raw:
        assert await raw.fetchval("SELECT 1") == 1
    [ours] = [writer for writer in wire.live if writer.get_extra_info("sockname")[1:]]
    ours.write(LEAVE)
    await ours.drain()
    async with asyncio.timeout(patience(10)):
        with pytest.raises(AWAY):
            while True:
                await asyncio.sleep(0.01)  # its word is on the way
                async with asking(engine) as raw:
                    await raw.fetchval("SELECT 1")
    async with asking(engine) as raw:  # and nobody gets it again
        assert await raw.fetchval("SELECT 2") == 2
    await engine.dispose()
    relay.close()


WORDS = "آب خانه ما\nسه روز است قطع است"
# A check that fails (the row is told), an argument of a wrong type, and a statement at fault elsewhere.
SPOILED = {
    "INSERT INTO pg_temp.heard VALUES (%s, 'x')": "violates not-null constraint",
    "SELECT CAST(%s AS integer)": "invalid input for query argument $1",
    "SELECT 1 / 0, CAST(%s AS text)": "division by zero",
}
HEARD = "CREATE TEMPORARY TABLE heard (words text, topic text, kind text NOT NULL)"


@pytest.mark.parametrize("statement", SPOILED)
async def test_what_a_statement_was_given_comes_to_no_log_when_it_fails(
    statement: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine, log = make_engine(database_url, pool=1), logging.getLogger("ivr")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(HEARD))
            await connection.execute(text(statement % ":words"), {"words": WORDS})
    except AWAY as error:
        log.exception("a loop failed: %s", error)
    try:
        async with direct(engine) as (_, raw):
            await raw.execute(HEARD)
            await raw.execute(statement % "$1", WORDS)
    except AWAY as error:
        log.exception("facts wait: %s", error)
    await engine.dispose()
    assert caplog.text.count(SPOILED[statement]) >= 4, "twice as the sentence, and where it was raised"
    assert WORDS[:5] not in caplog.text and WORDS[-5:] not in caplog.text
