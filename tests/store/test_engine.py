"""The way to PostgreSQL: which addresses are taken."""

from __future__ import annotations

import asyncio
import logging
import re
from functools import partial

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ivr.lab.pace import patience
from ivr.store.direct import asking, direct
from ivr.store.engine import (
    AWAY,
    WrongAddress,
    async_url,
    in_its_words,
    is_a_row_s,
    is_away,
    is_our_fault,
    make_engine,
    plain_url,
)
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


async def no_postgresql(came: list[int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    came.append(writer.get_extra_info("sockname")[1])
    writer.close()


@pytest.mark.parametrize("form", ["host={0}&host={1}", "host={0},{1}&port={2},{3}"])
async def test_of_several_hosts_asyncpg_alone_tries_the_same_as_sqlalchemy(form: str) -> None:
    """Who listens to the database, and whoever asks it, must reach the primary wherever that is."""
    came: list[int] = []
    servers = [await asyncio.start_server(partial(no_postgresql, came), "127.0.0.1", 0) for _ in range(2)]
    ports = [each.sockets[0].getsockname()[1] for each in servers]
    hosts = ["127.0.0.1"] * 2 if "port" in form else [f"127.0.0.1:{port}" for port in ports]
    url = f"postgresql://u@/n?{form.format(*hosts, *ports)}&target_session_attrs=read-write"
    engine = make_engine(url)
    with pytest.raises(AWAY):
        async with engine.connect():
            pass
    asked, came[:] = {*came}, []
    with pytest.raises(AWAY):
        await asyncpg.connect(plain_url(async_url(url)), timeout=patience(5))  # type: ignore[no-untyped-call]
    await engine.dispose()
    for each in servers:
        each.close()
    assert asked == {*came} == {*ports}


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


# What the database says no to, whose fault that is, and whether the next row may be well all the same.
FAULTS = {
    "SELECT no_such_column FROM heard": (True, False),
    "SELECT * FROM no_such_table": (True, False),
    "SET ROLE pg_monitor; SELECT * FROM heard": (True, False),
    "INSERT INTO heard VALUES (NULL)": (True, True),
    "SELECT 'x'::integer": (True, True),
    "SELECT to_tsvector('simple', string_agg(n::text, ' ')) FROM generate_series(1, 300000) n": (True, True),
    "SET default_transaction_read_only = on; CREATE TABLE other (words text)": (False, False),
    "SET statement_timeout = 20; SELECT pg_sleep(60)": (False, False),
}


@pytest.mark.parametrize("statements", FAULTS)
@pytest.mark.parametrize("through", ["SQLAlchemy", "asyncpg"])
async def test_what_waiting_mends_is_told_from_a_fault_of_ours_and_that_from_a_row_s(
    engine: AsyncEngine, statements: str, through: str
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE heard (words text NOT NULL)"))
    refused: Exception | None = None
    *before, statement = statements.split("; ")
    try:
        async with engine.connect() as connection:
            for each in before:
                await connection.execute(text(each))
            await connection.commit()
            if through == "asyncpg":
                raw = (await connection.get_raw_connection()).driver_connection
                assert raw is not None
                await raw.fetch(statement)
            else:
                await connection.execute(text(statement))
    except AWAY as error:
        refused = error
    await engine.dispose()  # what was set goes with it
    assert refused is not None
    ours, a_row_s = FAULTS[statements]
    assert (is_away(refused), is_our_fault(refused), is_a_row_s(refused)) == (not ours, ours, a_row_s)


WORDS = "آب خانه ما\nسه روز است قطع است"
# A check that fails (the row is told), an argument of a wrong type, words that the server itself takes for a
# number, and a statement at fault elsewhere.
SPOILED = {
    "INSERT INTO pg_temp.heard VALUES (%s, 'x')": "violates not-null constraint",
    "SELECT CAST(%s AS integer)": "invalid input for query argument $1",
    "SELECT CAST(CAST(%s AS text) AS integer)": "invalid input syntax for type integer",
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


@pytest.mark.parametrize(
    ("statement", "said"),
    [("SELECT max(opened_at) FROM none_such", 'relation "none_such" does not exist'),
     ("SELECT 1 / 0", "division by zero"), ("SELECT pg_sleep(9)", "")],
)  # fmt: skip
async def test_what_the_database_says_is_told_without_the_statement_and_its_library_s_advice(
    statement: str, said: str, database_url: str
) -> None:
    engine = make_engine(database_url, pool=1, command_seconds=0.1)
    with pytest.raises(AWAY) as failed:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    await engine.dispose()
    assert in_its_words(failed.value) == said


async def test_so_it_is_of_who_found_no_free_connection_and_of_what_does_not_answer(
    database_url: str,
) -> None:
    engine = create_async_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    async with engine.connect():
        with pytest.raises(AWAY) as failed:
            await engine.connect()
    await engine.dispose()
    assert in_its_words(failed.value).startswith("QueuePool limit") and "sqlalche.me" in str(failed.value)
    assert "sqlalche.me" not in in_its_words(failed.value)
    assert in_its_words(ConnectionRefusedError(111, "refused")) == "[Errno 111] refused"


# As the pump writes many rows, and as SQLAlchemy writes a list of them.
INSERT = "INSERT INTO pg_temp.heard VALUES (%s, 'x', %s)"
ELEMENT = r"query argument \$2 in element #1 of executemany\(\) sequence"


async def test_nor_what_one_of_many_rows_was_given(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine, log = make_engine(database_url, pool=1), logging.getLogger("ivr")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(HEARD))
            rows = [{"words": "", "kind": kind} for kind in ("x", [WORDS])]
            await connection.execute(text(INSERT % (":words", ":kind")), rows)
    except AWAY as error:
        log.exception("a loop failed: %s", error)
    try:
        async with direct(engine) as (_, raw):
            await raw.execute(HEARD)
            await raw.executemany(INSERT % ("$1", "$2"), [("", "x"), ("", [WORDS])])
    except AWAY as error:
        log.exception("facts wait: %s", error)
    await engine.dispose()
    assert len(re.findall(ELEMENT + r" \(expected str, got list\)", caplog.text)) >= 4
    assert WORDS[:5] not in caplog.text and WORDS[-5:] not in caplog.text


@pytest.mark.parametrize(
    "value, kind, said",
    [
        (2**40, "integer", "query argument $1 (value out of int32 range)"),
        (
            [WORDS, 2**40],
            "text[]",
            "query argument $1 (invalid array element at index 1: expected str, got int)",
        ),
        (f"{WORDS} (value out of int32 range)", "integer", "query argument $1 ('str' object cannot be"),
        (WORDS, "uuid", "query argument $1"),  # its reason repeats it
    ],
)
async def test_why_an_argument_was_refused_is_told_where_the_reason_holds_nothing_of_it(
    value: object, kind: str, said: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(database_url, pool=1)
    try:
        async with direct(engine) as (_, raw):
            await raw.execute(f"SELECT CAST($1 AS {kind})", value)
    except AWAY as error:
        logging.getLogger("ivr").exception("facts wait: %s", error)
    await engine.dispose()
    assert said in caplog.text
    assert WORDS[:5] not in caplog.text and str(2**40) not in caplog.text


async def test_which_processes_hold_each_other_up_is_told(database_url: str) -> None:
    engine = make_engine(database_url, pool=2)

    async def lock(first: int, second: int, both: asyncio.Barrier) -> None:
        async with direct(engine) as (_, raw), raw.transaction():
            await raw.execute("SELECT pg_advisory_xact_lock($1)", first)
            await both.wait()
            await raw.execute("SELECT pg_advisory_xact_lock($1)", second)

    both = asyncio.Barrier(2)
    ends = await asyncio.gather(lock(1, 2, both), lock(2, 1, both), return_exceptions=True)
    await engine.dispose()
    [deadlock] = [each for each in ends if each]
    assert "waits for ExclusiveLock on advisory lock" in str(deadlock)
