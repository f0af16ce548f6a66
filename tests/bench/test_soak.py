"""The soak says what it missed, each in a sentence, and nothing when all is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.halt.clicking import GaveUp
from bench.soak.__main__ import Minute, halts_in, made, missed
from ivr.loops.lag import Lag
from ivr.store.tables import cases
from ivr.web.metrics import text
from tests.fixtures.province import read_page

HALTS = {"calls": 3, "panel": 0, "work": 9}
LOOK = Minute(20.0, 5, 100, 0, HALTS, 400.0, {"calls": 200.0, "work": 300.0})


def minutes(**last: object) -> list[Minute]:
    """Seven looks at a run in which all is well after the first; `last`: what the last one saw otherwise."""
    well = [LOOK] + [
        replace(LOOK, at=20.0 + 60 * n, ended=100 * (n + 1), climbed=5 + n, longest_ms=8.0)
        for n in range(1, 7)
    ]
    return [*well[:-1], replace(well[-1], **last)]  # type: ignore[arg-type]


def test_nothing_is_missed_when_all_is_well_after_the_first_look() -> None:
    assert missed(minutes()) == []


def test_a_loop_that_stood_still_is_named_with_how_often_since_the_first_look() -> None:
    found = missed(minutes(halts=HALTS | {"work": 11}))
    assert found == ["work: its loop stood still for more than 50 ms 2 times"]


def test_a_role_that_ended_in_between_is_named_with_what_was_seen_of_it() -> None:
    looks = minutes()
    looks[3] = replace(looks[3], halts=HALTS | {"work": 900})
    assert missed(looks) == [
        "work: it ended, or was begun anew",
        "work: its loop stood still for more than 50 ms 891 times",
    ]
    assert missed(minutes(halts={"calls": 3, "work": 9})) == ["panel: it ended, or was begun anew"]
    assert len(missed(minutes(halts={}))) == 3


def test_what_a_caller_waited_too_long_is_told_with_what_came_before() -> None:
    found = missed(minutes(longest_ms=61.2, behind="RECORD FILE"))
    assert found == ["a caller waited 61 ms for the command behind RECORD FILE"]


def test_memory_that_grows_by_a_tenth_and_by_20_mb_is_told() -> None:
    found = missed(minutes(memory_mb={"calls": 219.0, "work": 331.0}))
    assert found == ["work: its memory grew from 300 to 331 MB"]
    assert missed(minutes(memory_mb={"calls": 220.0, "work": 329.0})) == []


def test_a_lost_call_is_told() -> None:
    assert missed(minutes(lost=2)) == ["2 calls were lost"]


def test_a_minute_in_which_no_call_ended_is_told() -> None:
    assert missed(minutes(ended=600)) == ["no call ended in the minute before 6.3 min"]


def test_a_statement_that_took_too_long_is_told() -> None:
    assert missed(minutes(statement=(5.0, "SELECT"))) == []
    assert missed(minutes(statement=(29.3, "SELECT cases.id"))) == ["a statement took 29 s: SELECT cases.id"]


def test_that_no_case_climbed_is_told() -> None:
    assert missed(minutes(climbed=0)) == ["no case climbed"]


def test_halts_are_read_from_what_metrics_tells_of_each_role() -> None:
    calls, work = Lag("calls", lambda: 0.0), Lag("work", lambda: 0.0)
    for seconds in (0.001, 0.05, 0.051, 0.2, 7.0):
        calls.saw(seconds)
    work.saw(0.01)
    assert halts_in(text([*calls.gauges(), *work.gauges()])) == {"calls": 3, "work": 0}


async def test_kept_books_are_taken_as_they_are_and_refused_for_another_number(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    mark = tmp_path / "cases"
    async with engine.connect() as connection:
        page = await read_page(connection)
    assert await made(engine, page, 300, mark) != await made(engine, page, 300, mark)  # two sessions
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(cases))).scalar_one() == 300
    with pytest.raises(GaveUp, match="keeps the books of 300 cases, not of 400"):
        await made(engine, page, 400, mark)
