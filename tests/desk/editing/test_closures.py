"""Sudden closures move deadlines and rungs. 25 November 2026 is a Wednesday; Saturday is a working day."""

from __future__ import annotations

import asyncio
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.case import closing, pausing
from ivr.desk.case.change import clock_of
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import closures
from ivr.desk.editing.seeding import seed
from ivr.desk.refusals import Refused
from ivr.store.named_lock import alone
from ivr.store.tables import calendar_days, cases
from tests.cases.elapsed import elapsed
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.database import SEED, until_blocked
from tests.fixtures.province import answer

DESK = Actor("desk/karimi", Side.DESK)
SATURDAY, MONDAY = date(2026, 11, 28), date(2026, 11, 30)
BILL = "water.bill"


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def close(at: Counter, day: date, county: str = "ahar") -> int:
    await closures.declare(at.engine, at.page, DESK, day, county, "برف", at.at)
    await at.reread()
    return await retime(at.engine, at.page, at.at)


async def days(at: Counter, code: str) -> tuple[str, str]:
    """Deadline, which the running referral agrees on, and next rung."""
    row, running = await at.row(code), await at.running(code)
    assert [r.due_at for r in running] == [row.due_at] * len(running)
    return str(row.due_at.date()), str(row.next_rung_at and row.next_rung_at.date())


async def test_a_county_s_cases_get_the_day_that_it_was_closed_and_others_do_not(at: Counter) -> None:
    here, there, unknown = [await at.open(BILL, county) for county in ("ahar", "tabriz", "")]
    before = await days(at, there)
    assert before == ("2026-12-06", "2026-12-05")
    assert await close(at, SATURDAY) == 1
    assert [await days(at, code) for code in (there, unknown)] == [before, before]
    assert await days(at, here) == ("2026-12-07", "2026-12-06")
    last = (await at.case(here))["events"][-1]
    assert (last["what"], last["actor"]) == ("retimed", "ivr")
    assert last["details"]["due_at"].startswith("2026-12-07")
    assert await close(at, MONDAY, "") == 3, "the whole province"
    assert [(await days(at, code))[0] for code in (here, there, unknown)] == [
        "2026-12-08",
        "2026-12-07",
        "2026-12-07",
    ]
    assert await retime(at.engine, at.page, at.at) == 0


async def test_time_used_stays_used_and_pauses_and_answers_keep_theirs(at: Counter) -> None:
    paused, answered, over = [await at.open(BILL) for _ in range(3)]
    await pausing.pause(at.engine, at.page, at.ask(paused, "abfa", "x"), 2)
    at.later(3)  # Saturday: one day used
    await answer(at.engine, answered, "abfa", "x", at.at)
    await closing.withdraw(at.engine, at.page, at.ask(over, "citizen"))
    ended = await at.row(over)
    used = elapsed(clock_of(await at.row(answered)), at.page.calendar, at.at, "ahar")
    assert await close(at, MONDAY) == 2
    assert await days(at, paused) == ("2026-12-09", "2026-12-08"), "two days of pause and one of snow"
    assert (await days(at, answered))[1] == "None"
    at.later(4)
    row = await at.row(answered)
    assert elapsed(clock_of(row), at.page.calendar, at.at, "ahar") == used == 1
    await closing.reopen(at.engine, at.page, at.ask(answered, "citizen"))
    assert (await days(at, answered))[0] == "2026-12-12", "Sunday, Tuesday and Wednesday waited for her"
    assert await at.row(over) == ended


async def test_work_after_all_moves_everything_back_and_a_late_case_climbs_at_once(at: Counter) -> None:
    code = await at.open()  # water.supply: two working days, due on Sunday the 29th
    assert await close(at, SATURDAY) == 1
    at.later(5)  # Monday: due today at midnight
    assert await sweep(at.engine, at.page, at.at) == 0
    await closures.lift(at.engine, at.page, DESK, SATURDAY, "ahar")
    await at.reread()
    assert await retime(at.engine, at.page, at.at) == 1
    assert await days(at, code) == ("2026-11-29", "2026-11-29")
    assert await sweep(at.engine, at.page, at.at) == 1
    assert (await at.row(code)).level == "head"
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_a_day_off_of_the_province_s_files_is_taken_back_and_they_do_not_bring_it_again(
    at: Counter, tmp_path: Path
) -> None:
    folder = tmp_path / SEED.name
    shutil.copytree(SEED, folder)
    snow = "days: [{day: 2026-11-28, working: false, county: ahar}]"
    (folder / "calendar.yaml").write_text(snow, encoding="utf-8")
    code = await at.open(BILL)
    await seed(at.engine, folder)
    await at.reread()
    assert await retime(at.engine, at.page, at.at) == 1
    await closures.lift(at.engine, at.page, DESK, SATURDAY, "ahar")
    assert [(kept.noun, kept.here) for kept in await seed(at.engine, folder)] == [("day", None)]
    await at.reread()
    assert await retime(at.engine, at.page, at.at) == 1
    assert await days(at, code) == ("2026-12-06", "2026-12-05")
    assert await closures.listed(at.engine, SATURDAY) == []


async def test_a_rung_once_climbed_is_not_climbed_again_when_the_deadline_moves(at: Counter) -> None:
    code = await at.open()
    await sweep(at.engine, at.page, at.later(5))
    assert (await at.row(code)).level == "head"
    await close(at, SATURDAY)
    await close(at, MONDAY)
    assert await days(at, code) == ("2026-12-01", "2026-12-02")
    assert await sweep(at.engine, at.page, at.later(2)) == 0
    assert await sweep(at.engine, at.page, at.later(1)) == 1
    assert (await at.row(code)).level == "deputy_governor"


async def test_a_pass_that_dies_anywhere_or_runs_twice_at_once_ends_the_same(
    at: Counter, tmp_path: Path
) -> None:
    codes = [await at.open(BILL) for _ in range(9)]
    await closures.declare(at.engine, at.page, DESK, SATURDAY, "ahar", "برف", at.at)
    await at.reread()
    for fatal in range(2, 12, 3):
        seen = 0

        def die(*_: Any, fatal: int = fatal) -> None:
            nonlocal seen
            seen += 1
            if seen == fatal:
                raise ConnectionResetError

        event.listen(at.engine.sync_engine, "before_cursor_execute", die)
        try:
            await retime(at.engine, at.page, at.at, batch=2)
        except ConnectionResetError:
            pass
        finally:
            event.remove(at.engine.sync_engine, "before_cursor_execute", die)
    await asyncio.gather(*(retime(at.engine, at.page, at.at, batch=2) for _ in range(3)))
    assert {await days(at, code) for code in codes} == {("2026-12-07", "2026-12-06")}
    told = [[e["what"] for e in (await at.case(code))["events"]].count("retimed") for code in codes]
    assert told == [1] * 9
    assert await findings(at.engine, tmp_path) == [], "the chains of events hold"


async def test_a_case_opened_by_an_older_reading_of_the_calendar_is_found(at: Counter) -> None:
    old = at.page
    await close(at, SATURDAY)
    at.page = old  # a worker that has not reread yet
    late = await at.open(BILL)
    await at.reread()
    fresh = await at.open(BILL)
    assert [(await days(at, code))[0] for code in (late, fresh)] == ["2026-12-06", "2026-12-07"]
    assert await retime(at.engine, at.page, at.at) == 1
    assert (await days(at, late))[0] == "2026-12-07"
    async with at.engine.connect() as connection:
        assert set((await connection.execute(select(cases.c.timed_by))).scalars()) == {at.page.revision}


@pytest.mark.parametrize(
    ("actor", "day", "county", "reason", "why"),
    [
        (Actor("abfa/x", Side.AGENCY, "abfa"), SATURDAY, "ahar", "x", "by the agency, only by the desk"),
        (DESK, SATURDAY, "ahar", " ", "needs a reason"),
        (DESK, SATURDAY, "atlantis", "x", "no county atlantis"),
        (DESK, date(2026, 11, 27), "ahar", "x", "2026-11-27 is no working day in ahar anyway"),
        (DESK, date(2028, 1, 1), "", "x", "too far"),
    ],
)
async def test_what_can_t_be_a_closure_is_refused(
    at: Counter, actor: Actor, day: date, county: str, reason: str, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        await closures.declare(at.engine, at.page, actor, day, county, reason, at.at)
    with pytest.raises(Refused, match=r"no closure is declared|only by the desk|no county"):
        await closures.lift(at.engine, at.page, actor, day, county)
    assert await closures.listed(at.engine, date(2026, 1, 1)) == []


async def test_a_day_is_lifted_while_the_files_are_taken_in_and_neither_fails(at: Counter) -> None:
    await close(at, SATURDAY)
    async with at.engine.begin() as seeding:
        await alone(seeding, "seed")
        lifting = asyncio.create_task(closures.lift(at.engine, at.page, DESK, SATURDAY, "ahar"))
        await until_blocked(at.engine)
        await seeding.execute(update(calendar_days).values(note="برف و یخ"))
    await lifting
    assert await closures.listed(at.engine, SATURDAY) == []


async def test_closures_are_listed_with_who_declared_them(at: Counter) -> None:
    await close(at, MONDAY)
    await close(at, SATURDAY, "")
    rows = await closures.listed(at.engine, SATURDAY)
    assert [(row["day"], row["county"], row["declared_by"], row["reason"]) for row in rows] == [
        ("2026-11-28", "", "desk/karimi", "برف"),
        ("2026-11-30", "ahar", "desk/karimi", "برف"),
    ]
    with pytest.raises(Refused, match="no working day in the province anyway"):
        await close(at, SATURDAY, "")
    with pytest.raises(Refused, match="no closure is declared for 2026-11-28 in ahar"):
        await closures.lift(at.engine, at.page, DESK, SATURDAY, "ahar")
