"""The report of a session names no citizen, whatever the words of an order say."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.meetings import order_ruling, session_report
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_report import nameless
from tests.desk.meetings.hall import hall
from tests.desk.meetings.test_order_giving import FAR, NEAR, ordered


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("آب خانهٔ زهرا احمدی وصل شود", "آب خانهٔ … وصل شود"),
        ("آب خانم احمدی وصل شود", "آب خانم … وصل شود"),
        ("احمدیه آسفالت شود", "احمدیه آسفالت شود"),
        ("با ۰۹۱۴ ۱۲۳ ۴۵۶۷ تماس بگیرند", "با … تماس بگیرند"),
        ("کد ملی 0012345678 بررسی شود", "کد ملی … بررسی شود"),
        ("تا ۱۴۰۵ ساخته شود", "تا ۱۴۰۵ ساخته شود"),
    ],
)
def test_her_name_and_long_numbers_are_taken_out_and_nothing_else(words: str, told: str) -> None:
    assert nameless(words, "زهرا احمدی", None) == told


def test_who_left_no_name_loses_no_words() -> None:
    assert nameless("آب وصل شود", "", None) == "آب وصل شود"


async def test_the_press_is_told_of_no_order_that_was_withdrawn(engine: AsyncEngine) -> None:
    at = await hall(engine)
    orders = (MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "باز شود", FAR))
    _, (water, school) = await ordered(at, *orders)
    await order_ruling.revoke(at.engine, at.page, at.by(water, "دیگر لازم نیست"))
    async with at.engine.connect() as connection:
        report = await session_report.read(connection, at.page, at.at, 1)
    assert report is not None and [order.seen.part.code for order in report.orders] == [school]
