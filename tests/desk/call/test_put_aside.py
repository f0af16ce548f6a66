"""A call-back that was put aside, and the books that went on meanwhile: she is told only what is so."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Policy
from ivr.desk.call import callback_list, callbacks
from ivr.desk.case import callback_planning, closing, meeting_calls
from ivr.desk.meetings import agenda, order_giving, request_deciding, session_moving, session_planning
from ivr.store import tables
from ivr.store.callbacks import ASIDE
from tests.desk.call.test_callbacks import NOON, NUMBER, answered, claim, desk, page, row
from tests.desk.meetings.hall import LATER, SOON, Hall, hall
from tests.desk.meetings.test_invitation_answers import accepted, rung
from tests.desk.meetings.test_order_answers import called, ordered
from tests.desk.meetings.test_order_giving import FAR, NEAR
from tests.desk.meetings.test_session_moving import FRIDAY, invited, news
from tests.fixtures.province import answer

ITS = tables.callbacks.c
WHAT = ITS.notice["what"].as_string()


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def put_aside(engine: AsyncEngine, now: datetime, which: ColumnElement[bool]) -> None:
    """That row is one of the next release's, and this one meets it."""
    async with engine.begin() as connection:
        odd = update(tables.callbacks).where(which, ITS.state == "waiting")
        await connection.execute(odd.values(last_outcome="an_outcome_of_tomorrow", next_at=now))
    assert await callbacks.claim(engine, await page(engine), Policy(), now) is None
    assert await callback_list.put_aside(engine) == 1


async def next_release(engine: AsyncEngine) -> None:
    """It starts, and can read what the one before could not."""
    async with engine.begin() as connection:
        its = update(tables.callbacks).where(ITS.last_outcome == "an_outcome_of_tomorrow")
        await connection.execute(its.values(last_outcome=None))
    await callbacks.try_anew(engine)
    assert await callback_list.put_aside(engine) == 0


async def slot(at: Hall) -> tuple[int, str]:
    """A session on Saturday and who is invited to it, whose invitation is put aside."""
    code = await accepted(at, 3, NUMBER)
    number = await at.session(slots=1, starts_at=FRIDAY + timedelta(days=1))
    assert await at.fill(number) == [code]
    await put_aside(at.engine, at.at, WHAT == "invited")
    return number, code


async def test_an_invitation_put_aside_is_not_told_once_its_session_is_moved(at: Hall) -> None:
    number, code = await slot(at)
    monday = FRIDAY + timedelta(days=3)
    await session_moving.move(at.engine, at.page, at.by("", "مأموریت"), number, monday, "سالن ۲")
    await next_release(at.engine)
    assert await news(at) == {code: ["moved", "reminder"]}
    _, told = await rung(at)
    assert told is not None and told.starts_at == monday


async def test_an_invitation_put_aside_is_not_told_once_her_slot_is_another_s(at: Hall) -> None:
    _, code = await slot(at)
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    await next_release(at.engine)
    assert await news(at) == {code: ["waiting"]}


async def test_an_invitation_put_aside_gives_way_to_the_reminder(at: Hall) -> None:
    _, code = await slot(at)
    at.at = FRIDAY
    placing, told = await rung(at)
    assert placing.code == code and told is not None and told.what == "reminder"
    await next_release(at.engine)
    assert await news(at) == {}


async def test_that_her_slot_is_off_she_hears_though_it_was_put_aside_as_she_was_put_off(at: Hall) -> None:
    number, [code] = await invited(at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    await put_aside(at.engine, at.at, WHAT == "off")
    far = LATER + timedelta(days=9)
    await request_deciding.put_off(at.engine, at.page, at.by(code, "هنوز نوبتی نیست"), far)
    await next_release(at.engine)
    assert await news(at) == {code: ["off"]}
    _, told = await rung(at)
    assert told is not None and (told.what, told.again_on) == ("off", far)


@pytest.mark.parametrize("on", [SOON, SOON + timedelta(days=2)])
async def test_until_when_she_waits_is_told_while_that_is_ahead_only(at: Hall, on: date) -> None:
    code = await accepted(at, 3, NUMBER)
    await request_deciding.put_off(at.engine, at.page, at.by(code, "هنوز نوبتی نیست"), SOON)
    await put_aside(at.engine, at.at, WHAT == "waiting")
    await next_release(at.engine)
    at.at = datetime.combine(on, at.at.time(), at.at.tzinfo)
    if on == SOON:
        _, told = await rung(at)
        assert told is not None and told.again_on == SOON
    else:
        assert await claim(at.engine, at.at) is None and (await row(at.engine)).state == "cancelled"


@pytest.mark.parametrize(
    ("notice", "so"),
    [
        ({"starts_at": (NOON + timedelta(hours=1)).isoformat(), "again_on": "2026-11-24"}, True),
        ({"starts_at": NOON.isoformat(), "again_on": "2026-12-24"}, False),
        ({"again_on": "2026-11-25"}, True),
        ({"again_on": "2026-11-24"}, False),
        ({"was_at": NOON.isoformat(), "again_on": "2026-11-25"}, True),
        ({"was_at": NOON.isoformat(), "again_on": "2026-11-24"}, False),
        ({"was_at": (NOON + timedelta(days=1)).isoformat(), "again_on": "2026-11-24"}, True),
    ],
)
def test_news_are_so_until_the_slot_or_the_day_they_name_and_she_comes_to_none_that_is_off(
    notice: dict[str, Any], so: bool
) -> None:
    assert meeting_calls.still_true(notice, NOON, NOON.date()) is so


async def test_a_question_put_aside_is_not_asked_once_the_order_has_another_day(at: Hall) -> None:
    _, [part] = await ordered(at, "abfa")
    at.at = datetime.combine(NEAR, NOON.timetz())
    await put_aside(at.engine, at.at, ITS.purpose == "order")
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    await next_release(at.engine)
    assert await called(at, NEAR) is None
    assert await called(at, FAR) is not None


async def status(engine: AsyncEngine, code: str, key: str) -> None:
    """She wishes to be called about her case, and nothing else waits."""
    async with engine.begin() as connection:
        await connection.execute(tables.callbacks.delete().where(ITS.purpose == "answer"))
        assert await callback_planning.wish(connection, code, "+989141234567", "fa", key, NOON)


async def states(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        found = await connection.execute(select(ITS.key, ITS.state))
        return {each.key: each.state for each in found}


@pytest.mark.parametrize("days", [10, 31])
async def test_a_wish_put_aside_is_fulfilled_but_not_months_later(
    engine: AsyncEngine, tmp_path: Path, days: int
) -> None:
    code = await answered(engine, tmp_path)
    await status(engine, code, "first")
    await put_aside(engine, NOON, ITS.purpose == "status")
    await next_release(engine)
    placed = await claim(engine, NOON + timedelta(days=days))
    assert (placed is not None) == (days < 30)
    assert await states(engine) == {"first": "calling" if placed else "cancelled"}


async def test_a_newer_wish_or_the_answer_takes_the_place_of_one_put_aside(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    await status(engine, code, "first")
    await put_aside(engine, NOON, ITS.purpose == "status")
    await status(engine, code, "first")  # the same wish, delivered twice
    assert await states(engine) == {"first": "unreachable"}
    await status(engine, code, "second")
    assert await states(engine) == {"first": "cancelled", "second": "waiting"}
    await put_aside(engine, NOON, ITS.key == "second")
    await answer(engine, code, "abfa", "پاسخ دوم", NOON)
    await next_release(engine)
    assert sorted((await states(engine)).values()) == ["cancelled", "cancelled", "waiting"]


async def test_where_anybody_is_called_again_an_answer_put_aside_bears_no_reason_any_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    await callbacks.dialled(engine, True, NOON - timedelta(hours=1))
    await put_aside(engine, NOON, ITS.purpose == "answer")
    for dials in (False, True):
        await callbacks.dialled(engine, dials, NOON)
    await next_release(engine)
    its = await row(engine)
    assert its.state == "waiting" and ASIDE not in its.notice
    assert await claim(engine) is not None


async def test_what_nobody_can_read_alarms_nobody_once_its_case_is_closed(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(purpose="order", notice={"words": ""}))
        await connection.execute(update(tables.cases).values(status="in_progress"))
    assert await claim(engine) is None and await callback_list.put_aside(engine) == 1
    await closing.withdraw(engine, await page(engine), desk(code))
    await callbacks.try_anew(engine)
    assert await claim(engine) is None
    assert (await row(engine)).state == "cancelled" and await callback_list.put_aside(engine) == 0
