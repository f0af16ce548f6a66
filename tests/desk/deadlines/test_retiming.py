"""Deadlines that move with the calendar; what a closure brings about: tests/desk/editing/test_closures.py."""

from __future__ import annotations

from datetime import date

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
