"""PostgreSQL goes at the worst moment: she has spoken, and the pump stands between first row and commit."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.store.engine import make_engine, plain_url
from ivr.store.tables import outbox
from ivr.voice.events import Lookup
from tests.desk.office import Office, call, office, opening, unhurried
from tests.fixtures.weak_database import DELAY, FAULTS, WeakDatabase, slow

Fault = Callable[[WeakDatabase], AbstractAsyncContextManager[None]]
IN_MID_COMMIT = """SELECT pid FROM pg_stat_activity
WHERE application_name = 'seda111' AND wait_event_type = 'Lock' AND query ILIKE '%recordings%'"""


async def hold_the_pump(weak: WeakDatabase) -> Any:
    """A session that holds `recordings`: the pump has written call and case by then, and waits."""
    hog: Any = await asyncpg.connect(plain_url(weak.inside))  # type: ignore[no-untyped-call]
    await hog.execute("BEGIN")
    await hog.execute("LOCK TABLE recordings IN SHARE ROW EXCLUSIVE MODE")
    return hog


async def until_it_waits(weak: WeakDatabase) -> int:
    """The process of PostgreSQL's that serves the pump."""
    looking: Any = await asyncpg.connect(plain_url(weak.inside))  # type: ignore[no-untyped-call]
    async with asyncio.timeout(patience(10)):
        while not (waiting := await looking.fetchrow(IN_MID_COMMIT)):
            await asyncio.sleep(0.02)
    await looking.close()
    return int(waiting["pid"])


def engines(weak: WeakDatabase) -> tuple[AsyncEngine, AsyncEngine]:
    """The hotline's, in a hurry; and ours, to read by, which takes its time and outlives the fault."""
    return make_engine(weak.url, command_seconds=2.0), make_engine(weak.inside, pool_pre_ping=True)


SOON = 2.5  # seconds: what is done without the database …
SOONER = 1.6 * DELAY  # … and sooner than the slow one answers, which takes twice its delay


async def timed(work: Any, most: float = SOON) -> Any:
    began = time.monotonic()
    found = await work
    assert time.monotonic() - began < patience(most)
    return found


async def callers(desk: Office, most: float) -> list[str]:
    """What five callers ask of the desk meanwhile; the codes that they hear."""
    codes = [await timed(desk.intake.open_case(call(), opening()), most) for _ in range(5)]
    seen = await timed(desk.intake.look_up("09141234567", codes[0]), most)
    assert seen.result is Lookup.UNAVAILABLE
    await timed(desk.intake.recall("09141234567"), most)
    await timed(desk.intake.wish_call_back(call(), codes[0]), most)
    return codes


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_she_notices_nothing_and_every_code_resolves_afterwards_once(
    weak_database: WeakDatabase, fault: Fault, tmp_path: Path
) -> None:
    engine, books = engines(weak_database)
    before = {case["code"] for case in await as_json.cases(books, limit=500)}
    async with office(engine, tmp_path, hurried=True) as desk:
        await desk.pump.idle()
        hog = await hold_the_pump(weak_database)
        codes = [await desk.intake.open_case(call(), opening())]
        await until_it_waits(weak_database)
        async with fault(weak_database):
            codes += await callers(desk, SOONER if fault is slow else SOON)
        hog.terminate()
        async with asyncio.timeout(patience(30)):
            await desk.pump.idle()
        found = [case for case in await as_json.cases(books, limit=500) if case["code"] not in before]
        assert all(codes) and sorted(case["code"] for case in found) == sorted(codes)
        assert all(len(case["recordings"]) == 1 for case in found)
        with unhurried():
            assert (await desk.intake.look_up("09141234567", codes[0])).result is Lookup.FOUND
        async with books.connect() as connection:
            wished = select(outbox).where(outbox.c.kind == "call_back_wished")
            wishes = (await connection.execute(wished)).all()
        (wish,) = [wish for wish in wishes if wish.payload["code"] == codes[1]]
        assert wish.payload["number"] == "+989141234567" and wish.payload["language"] == "fa"
    await engine.dispose()
    await books.dispose()


async def test_a_session_killed_in_mid_commit_takes_nothing_with_it(
    weak_database: WeakDatabase, tmp_path: Path
) -> None:
    """PostgreSQL then ends all the others, too, and recovers as after a crash."""
    engine, books = engines(weak_database)
    async with office(engine, tmp_path, hurried=True) as desk:
        await desk.pump.idle()
        hog = await hold_the_pump(weak_database)
        facts = call()
        code = await desk.intake.open_case(facts, opening())
        os.kill(await until_it_waits(weak_database), signal.SIGKILL)
        another = await timed(desk.intake.open_case(call(), opening()))
        async with asyncio.timeout(patience(30)):
            await desk.pump.idle()
        hog.terminate()
        found = [case for case in await as_json.cases(books, limit=500) if case["code"] in {code, another}]
        assert sorted(case["code"] for case in found) == sorted([code, another])
        assert all(len(case["recordings"]) == 1 for case in found)
    await engine.dispose()
    await books.dispose()
