"""Deadlines that move with the calendar; what a closure brings about: tests/desk/editing/test_closures.py."""

from __future__ import annotations

from datetime import date

from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import closures
from ivr.store.aside import Aside
from tests.desk.counter import counter


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
