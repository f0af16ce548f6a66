"""Deadlines that move with the calendar; what a closure brings about: tests/desk/editing/test_closures.py."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text, literal_column, select, update
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.case import collecting, referring
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import closures
from ivr.store.aside import MANY, Aside, NoneWorks
from ivr.store.tables import cases, referrals
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.database import until_blocked

DESK, SATURDAY = Actor("desk/karimi", Side.DESK), date(2026, 11, 28)


async def test_of_three_cases_one_that_the_books_refuse_to_time_anew_keeps_no_other_nor_the_next_county(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    codes = [await at.open("water.bill", county) for county in ("ahar", "ahar", "tabriz")]
    before = [(await at.row(code)).due_at for code in codes]
    last, aside = await at.put_behind(codes[0]), Aside()
    desk = Actor("desk/karimi", Side.DESK)
    await closures.declare(engine, at.page, desk, date(2026, 11, 28), "", "برف", at.at)
    await at.reread()
    assert await retime(engine, at.page, at.at, batch=1, aside=aside) == 2
    moved = [(await at.row(code)).due_at > due_at for code, due_at in zip(codes, before, strict=True)]
    assert moved == [False, True, True] and aside.counts == {"deadlines": 1}
    await at.mend(codes[0], last)
    assert await retime(engine, at.page, at.later(1), aside=aside) == 1 and aside.troubles == []


async def test_a_case_that_another_process_times_anew_after_all_is_told_no_more(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await at.open("water.bill")
    last, aside = await at.put_behind(code), Aside()
    await closures.declare(engine, at.page, DESK, SATURDAY, "", "برف", at.at)
    await at.reread()
    assert await retime(engine, at.page, at.at, aside=aside) == 0 and aside.troubles
    await at.mend(code, last)
    assert await retime(engine, at.page, at.at) == 1
    assert await retime(engine, at.page, at.later(1), aside=aside) == 0 and aside.troubles == []


async def test_that_none_of_many_could_be_timed_is_told_no_more_once_another_process_has_timed_them(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    codes = [await at.open("water.bill") for _ in range(MANY)]
    behind, aside = {code: await at.put_behind(code) for code in codes}, Aside()
    await closures.declare(engine, at.page, DESK, SATURDAY, "", "برف", at.at)
    await at.reread()
    with pytest.raises(NoneWorks):
        await retime(engine, at.page, at.at, aside=aside)
    for code, last in behind.items():
        await at.mend(code, last)
    assert await retime(engine, at.page, at.at) == MANY and aside.troubles
    assert await retime(engine, at.page, at.at, aside=aside) == 0 and aside.troubles == []


async def test_a_collective_case_is_due_when_the_first_of_its_members_is_though_its_county_was_closed(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    desk = Actor("desk/karimi", Side.DESK)
    codes = [
        await at.open(county=county, caller=f"0914123456{n}") for n, county in enumerate(("ahar", "tabriz"))
    ]
    whole = (await collecting.collect(engine, at.page, desk, codes, "قطع آب", at.at)).code
    await closures.declare(engine, at.page, desk, date(2026, 11, 28), "ahar", "برف", at.at)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 1, "it has not moved with its county and back"
    here, there = [(await at.row(code)).due_at for code in codes]
    [running] = await at.running(whole)
    assert (await at.row(whole)).due_at == running.due_at == there < here
    assert await retime(engine, at.page, at.at) == 0
    assert await prove(engine, at.page, at.at + GRACE) == []
    assert await findings(engine, tmp_path) == [], "its events vouch for its clock"


async def test_a_collective_case_goes_back_with_its_members_as_a_closure_is_taken_back(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """While it stood it counted days up to the first member of another county: too few afterwards."""
    at = await counter(engine)
    desk, saturday = Actor("desk/karimi", Side.DESK), date(2026, 11, 28)
    codes = [
        await at.open(county=county, caller=f"0914123456{n}") for n, county in enumerate(("ahar", "tabriz"))
    ]
    whole = (await collecting.collect(engine, at.page, desk, codes, "قطع آب", at.at)).code
    before = [(await at.row(code)).due_at for code in (*codes, whole)]
    await closures.declare(engine, at.page, desk, saturday, "ahar", "برف", at.at)
    await at.reread()
    await retime(engine, at.page, at.at)
    await closures.lift(engine, at.page, desk, saturday, "ahar", at.at)
    await at.reread()
    await retime(engine, at.page, at.at)
    assert [(await at.row(code)).due_at for code in (*codes, whole)] == before
    [running] = await at.running(whole)
    assert running.due_at == before[-1]
    assert await prove(engine, at.page, at.at + GRACE) == []
    assert await findings(engine, tmp_path) == [], "its events vouch for its clock"


async def test_a_collective_case_moves_with_the_first_of_its_members_though_its_own_county_works(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    desk = Actor("desk/karimi", Side.DESK)
    first = await at.open(county="tabriz", caller="09141234561")
    at.later(4)
    last = await at.open(county="ahar", caller="09141234562")
    whole = (await collecting.collect(engine, at.page, desk, [last, first], "قطع آب", at.at)).code
    before = (await at.row(whole)).due_at
    assert before == (await at.row(first)).due_at < (await at.row(last)).due_at
    await closures.declare(engine, at.page, desk, at.at.date(), "tabriz", "برف", at.at)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 2
    assert before < (await at.row(whole)).due_at == (await at.row(first)).due_at


async def test_a_collective_case_is_not_hurried_by_a_member_that_is_still_to_be_timed_anew(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    desk = Actor("desk/karimi", Side.DESK)
    codes = [await at.open(caller=f"0914123456{n}") for n in range(2)]
    whole = (await collecting.collect(engine, at.page, desk, codes, "قطع آب", at.at)).code
    before = (await at.row(whole)).due_at
    last, aside = await at.put_behind(codes[0]), Aside()
    await closures.declare(engine, at.page, desk, date(2026, 11, 28), "", "برف", at.at)
    await at.reread()
    for _ in range(2):
        await retime(engine, at.page, at.at, aside=aside)
        assert (await at.row(whole)).due_at == (await at.row(codes[1])).due_at > before
    await at.mend(codes[0], last)
    assert await retime(engine, at.page, at.later(1), aside=aside) == 1
    assert (await at.row(whole)).due_at == (await at.row(codes[0])).due_at > before


@pytest.mark.parametrize("closed", ["ahar", "bonab"])
async def test_a_collective_case_that_a_deed_times_before_the_pass_goes_back_to_the_first_of_its_members(
    engine: AsyncEngine, tmp_path: Path, closed: str
) -> None:
    """Its own county was closed, or that of its first member, which the deed times with it."""
    at = await counter(engine)
    whole, first = await _whole_of_two_counties(at)
    await closures.declare(engine, at.page, DESK, SATURDAY, closed, "برف", at.at)
    await at.reread()
    await referring.accept(engine, at.page, at.ask(whole, "abfa"))
    assert (await at.row(whole)).due_at != (await at.row(first)).due_at
    await retime(engine, at.page, at.at)
    assert (await at.row(whole)).due_at == (await at.row(first)).due_at
    assert await retime(engine, at.page, at.at) == 0
    assert await findings(engine, tmp_path) == [], "its events vouch for its clock"


async def test_a_collective_case_that_a_deed_times_as_a_closure_is_taken_back_is_not_due_before_its_members(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    whole, first = await _whole_of_two_counties(at)
    await closures.declare(engine, at.page, DESK, SATURDAY, "ahar", "برف", at.at)
    await at.reread()
    await retime(engine, at.page, at.at)
    await closures.lift(engine, at.page, DESK, SATURDAY, "ahar", at.at)
    await at.reread()
    await referring.accept(engine, at.page, at.ask(whole, "abfa"))
    assert (await at.row(whole)).due_at < (await at.row(first)).due_at
    await retime(engine, at.page, at.at)
    assert (await at.row(whole)).due_at == (await at.row(first)).due_at


async def test_a_case_that_is_collected_before_the_pass_takes_its_collective_case_along_to_its_new_day(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    first = await at.open(county="bonab", caller="09141234561")
    await closures.declare(engine, at.page, DESK, SATURDAY, "bonab", "برف", at.at)
    await at.reread()
    at.later(4)
    last = await at.open(county="ahar", caller="09141234562")
    done = await collecting.collect(engine, at.page, DESK, [last, first], "قطع آب", at.at)
    assert (await at.row(done.code)).due_at < (await at.row(first)).due_at < (await at.row(last)).due_at
    await retime(engine, at.page, at.at)
    assert (await at.row(done.code)).due_at == (await at.row(first)).due_at


async def test_a_collective_case_that_a_pass_left_behind_as_it_died_is_brought_along_by_the_next(
    engine: AsyncEngine,
) -> None:
    """It dies in a county that comes after the first member's."""
    at = await counter(engine)
    [held] = await at.running(await at.open(county="tabriz"))
    whole, first = await _whole_of_two_counties(at)
    for county in ("bonab", "tabriz"):
        await closures.declare(engine, at.page, DESK, SATURDAY, county, "برف", at.at)
    await at.reread()
    async with engine.begin() as connection:
        await connection.execute(select(referrals).where(referrals.c.id == held.id).with_for_update())
        dying = asyncio.create_task(retime(engine, at.page, at.at))
        await until_blocked(engine)
        dying.cancel()
        await asyncio.wait([dying])
    assert (await at.row(whole)).due_at < (await at.row(first)).due_at
    await retime(engine, at.page, at.at)
    assert (await at.row(whole)).due_at == (await at.row(first)).due_at


async def test_a_collective_case_that_an_older_release_timed_by_its_own_clock_is_due_with_its_members_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Which took the mark away with it, as it ran on beside an upgrade."""
    at = await counter(engine)
    whole, first = await _whole_of_two_counties(at)
    hers = await at.row(first)
    early = {"due_at": hers.due_at - timedelta(days=1), "timed_by": at.page.revision}
    async with engine.begin() as connection:
        its = update(cases).where(cases.c.code == whole)
        await connection.execute(its.values(early | {"ordered_days": cases.c.ordered_days - 1}))
    assert await retime(engine, at.page, at.at) == 1
    assert (await at.row(whole)).due_at == hers.due_at
    assert await retime(engine, at.page, at.at) == 0


async def test_a_collective_case_whose_county_is_off_as_the_first_of_its_members_is_due_is_timed_once(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    whole, first = await _whole_of_two_counties(at)
    its_day = (await at.row(first)).due_at.date()
    await closures.declare(engine, at.page, DESK, its_day, "ahar", "برف", at.at)
    await at.reread()
    await retime(engine, at.page, at.at)
    assert (await at.row(whole)).due_at != (await at.row(first)).due_at
    written = select(literal_column("xmin::text", Text)).where(cases.c.code == whole)
    async with engine.connect() as connection:
        before = (await connection.execute(written)).scalar_one()
        await retime(engine, at.page, at.at)
        assert (await connection.execute(written)).scalar_one() == before


async def _whole_of_two_counties(at: Counter) -> tuple[str, str]:
    """A collective case of ahar on a Sunday; its first member is of bonab."""
    first = await at.open(county="bonab", caller="09141234561")
    at.later(4)
    last = await at.open(county="ahar", caller="09141234562")
    done = await collecting.collect(at.engine, at.page, DESK, [last, first], "قطع آب", at.at)
    return done.code, first


async def test_where_no_case_waits_one_question_tells_and_one_without_a_county_is_found(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    code = await at.open("water.bill", "")
    due_at = (await at.row(code)).due_at
    taken = list[object]()
    listen(engine.sync_engine.pool, "checkout", lambda *its: taken.append(its))
    assert await retime(engine, at.page, at.at) == 0 and len(taken) == 1 < len(at.page.counties)
    await closures.declare(
        engine, at.page, Actor("desk/karimi", Side.DESK), date(2026, 11, 28), "", "برف", at.at
    )
    await at.reread()
    assert await retime(engine, at.page, at.at) == 1
    assert (await at.row(code)).due_at > due_at
