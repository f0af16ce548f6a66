"""What runs beside calls is begun again when it fails, and tells when it keeps failing."""

from __future__ import annotations

import asyncio
import logging

import pytest
from sqlalchemy import text

from ivr.lab.pace import patience
from ivr.loops import every
from ivr.loops.every import Loops
from ivr.store.engine import make_engine


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.001)


async def test_one_that_fails_is_logged_counted_and_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    loops, runs, well = Loops(), 0, asyncio.Event()

    async def part() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("an unreadable row")
        well.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.ERROR):
        loops.start("delivery", part)
        async with asyncio.timeout(patience(10)):
            await well.wait()
    assert [(loop.name, loop.failures) for loop in loops.all] == [("delivery", 2)]
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert loops.troubles == [], "twice is no habit"
    await loops.close()


async def test_what_the_database_refuses_is_told_without_the_statement(empty_url: str) -> None:
    engine = make_engine(empty_url, pool=1)
    loops = Loops()

    async def part() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT max(opened_at) FROM cases"))

    loops.start("figures", part)
    async with asyncio.timeout(patience(10)):
        while not loops.troubles:
            await asyncio.sleep(0.01)
    [told] = loops.troubles
    await loops.close()
    await engine.dispose()
    assert told.endswith(' min: ProgrammingError: relation "cases" does not exist'), told


async def test_one_that_keeps_failing_is_told_until_it_has_run_for_a_while() -> None:
    clock = Clock()
    loops, many, well = Loops(clock), asyncio.Event(), asyncio.Event()

    async def part() -> None:
        if loops.all[0].failures >= 3:
            many.set()
            await well.wait()
        raise ValueError("the\nsame row")

    loops.start("delivery", part)
    async with asyncio.timeout(patience(10)):
        await many.wait()
    [trouble] = loops.troubles
    assert trouble == "delivery keeps failing, 3 times in 0 min: ValueError: the same row"
    clock.now += every.WELL_SECONDS
    assert loops.troubles == []
    await loops.close()


async def test_one_that_fails_an_hour_apart_is_told_until_a_turn_succeeds_and_not_until_it_is_old() -> None:
    clock = Clock()
    loops, turns, well, again = Loops(clock), 0, asyncio.Event(), asyncio.Event()

    async def an_hour() -> None:
        clock.now += 3600
        await asyncio.sleep(0)

    async def work() -> None:
        nonlocal turns
        turns += 1
        clock.now += 3600
        if turns <= 3:
            raise ValueError("the same row")
        (again if well.is_set() else well).set()

    loops.every("retention", an_hour, work, at_once=False)
    [loop] = loops.all
    told: list[str] = []
    async with asyncio.timeout(patience(10)):
        while not well.is_set():
            told += [each for each in loops.troubles if each not in told]
            await asyncio.sleep(0)
        await again.wait()
    assert any(each.startswith("retention keeps failing, 3 times in ") for each in told), told
    assert loops.troubles == [] and loop.failures == 3
    await loops.close()


async def test_a_database_that_is_away_costs_a_turn_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loops, turns, again = Loops(), 0, asyncio.Event()

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise ConnectionRefusedError("no database")
        if turns == 2:
            raise LookupError("what it waits for")
        again.set()

    async def on_a_disk() -> None:
        raise OSError(5, "Input/output error")

    loops.every("figures", 0.001, work, waits_for=(LookupError,))
    loops.every("fallback", 0.001, on_a_disk, asks_books=False)
    async with asyncio.timeout(patience(10)):
        await again.wait()
        while not loops.all[1].failures:
            await asyncio.sleep(0.001)
    await loops.close()
    assert loops.all[0].failures == 0
    assert [each.message for each in caplog.records if each.message.startswith("figures")] == [
        "figures waits: no database",
        "figures waits: what it waits for",
    ]


async def test_its_neighbours_go_on_and_one_that_is_done_ends() -> None:
    loops, turns = Loops(), 0

    async def fails() -> None:
        raise ValueError

    async def goes_on() -> None:
        nonlocal turns
        while turns < 5:
            turns += 1
            await asyncio.sleep(0.001)

    loops.start("fails", fails)
    loops.start("goes on", goes_on)
    async with asyncio.timeout(patience(10)):
        while turns < 5 or loops.all[0].failures < 3:
            await asyncio.sleep(0.001)
    await loops.close()
    assert loops.all[1].failures == 0


@pytest.mark.parametrize("failures", [1, 5, 50, 5_000])
def test_the_pause_grows_to_a_minute_and_no_further(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 1.0)
    loop = every.Loop("x", by_turns=True)
    waits = [loop.failed(ValueError(), now=float(n)) for n in range(failures)]
    assert waits[-1] == {1: 1.0, 5: 16.0, 50: 60.0, 5_000: 60.0}[failures]
