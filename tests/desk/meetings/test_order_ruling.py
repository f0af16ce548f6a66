"""An order is taken up or objected to on the spot; the office rules on the objection."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meeting_orders import OrderState as O
from ivr.desk.meetings import order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.refusals import Refused
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR, listed, ordered


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def states(at: Hall) -> list[O]:
    return [each.state for each in await listed(at)]


async def test_the_head_takes_it_up_or_says_on_the_spot_why_it_is_not_lawful(at: Hall) -> None:
    _, (water, school) = await ordered(
        at, MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", FAR)
    )
    await order_ruling.accept_here(at.engine, at.page, at.by(water))
    with pytest.raises(Refused, match="without a reason"):
        await order_ruling.object_here(at.engine, at.page, at.by(school))
    await order_ruling.object_here(at.engine, at.page, at.by(school, "خلاف آیین‌نامهٔ ثبت‌نام"))
    assert await states(at) == [O.ACCEPTED, O.OBJECTED]
    event = (await at.case(school))["events"][-1]
    assert event["details"]["reason"] == "خلاف آیین‌نامهٔ ثبت‌نام" and event["actor"] == "desk"


async def test_the_office_upholds_it_with_its_day_or_withdraws_it(at: Hall) -> None:
    _, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    with pytest.raises(Refused, match="nobody objects"):
        await order_ruling.uphold(at.engine, at.page, at.by(part, "قانونی است"))
    due_at = (await at.row(part)).due_at
    await order_ruling.object_here(at.engine, at.page, at.by(part, "بودجه نیست"))
    with pytest.raises(Refused, match="with a reason"):
        await order_ruling.uphold(at.engine, at.page, at.by(part))
    await order_ruling.uphold(at.engine, at.page, at.by(part, "از ردیف بحران"))
    row = await at.row(part)
    assert (row.agency, row.due_at) == ("abfa", due_at) and await states(at) == [O.GIVEN]
    await order_ruling.object_here(at.engine, at.page, at.by(part, "باز هم نیست"))
    await order_ruling.uphold(at.engine, at.page, at.by(part, "حکم است"))
    assert (await at.row(part)).agency == "abfa" and await at.in_force() == 1
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دیگر لازم نیست"))
    assert await states(at) == [O.REVOKED]


async def test_only_the_office_and_only_of_an_order(at: Hall) -> None:
    code, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    for deed in (
        order_ruling.accept_here,
        order_ruling.object_here,
        order_ruling.uphold,
        order_ruling.revoke,
    ):
        with pytest.raises(Refused, match="only the office"):
            await deed(at.engine, at.page, at.by(part, "چرا", "abfa/karimi"))
        with pytest.raises(Refused, match="is no order"):
            await deed(at.engine, at.page, at.by(code, "چرا"))
