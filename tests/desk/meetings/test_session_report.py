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
        ("پاسخ نامهٔ ۱۲۳/۴۵۶۷ سال ۱۴۰۴/۱۴۰۵ داده شود", "پاسخ نامهٔ ۱۲۳/۴۵۶۷ سال ۱۴۰۴/۱۴۰۵ داده شود"),
    ],
)
def test_her_name_and_long_numbers_are_taken_out_and_nothing_else(words: str, told: str) -> None:
    assert nameless(words, "زهرا احمدی", None) == told


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("علي كريمي", "علی کریمی"),
        ("علی کریمی", "علي كريمي"),
        ("علی کریمی", "عَلیِ کــــریمی"),
        ("علی کریمی", "علی‌کریمی"),
        ("زهرا حسینی‌نژاد", "حسینی نژاد"),
        ("زهرا حسینی‌نژاد", "حسینینژاد"),
        ("زهرا حسینی نژاد", "زهرا حسینی‌نژاد"),
        ("زهرا حسینی نژاد", "حسینینژاد"),
        ("محمد رضا کریمی", "محمدرضا"),
        ("سید محمد علی رضوی", "سیدمحمدعلی"),
        ("رضا و مریم کریمی", "مریم‌کریمی"),
        ("آ. ب. احمدی", "احمدی"),
        ("محمدرضا کریمی", "محمد‌رضا کریمی"),
        ("محمدرضا کریمی", "محمد‌رضا"),
        ("رضا حسینی‌نژاد", "حسینی_نژاد"),
        ("Aydın Ilqar", "aydin"),
        ("رضا رضائی", "رضایی"),
        ("رضا رضایی", "رضائی"),
        ("آرمان مؤمنی", "ارمان مومنی"),
        ("علاءالدین فاطمة", "علاالدین فاطمه"),
        ("Aydın İlqar", "aydın ilqar"),
        ("حسن ۲۲", "حسن ٢٢"),
    ],
)
def test_her_name_is_taken_out_however_it_is_spelt(name: str, written: str) -> None:
    assert nameless(f"وام آقای {written} بررسی شود", name, None) == "وام آقای … بررسی شود"


@pytest.mark.parametrize(
    "number",
    [
        "0914.123.45.67",
        "۰۹۱۴/۱۲۳/۴۵/۶۷",
        "0914–123–4567",
        "۰۹۱۴\u200c۱۲۳\u200c۴۵۶۷",
        "0914\u00a0123\u00a04567",
    ],
)
def test_her_number_is_taken_out_however_it_is_grouped_and_a_day_stays(number: str) -> None:
    words = f"تا ۱۴۰۵/۰۶/۰۱ با {number} تماس بگیرند"
    assert nameless(words, "زهرا احمدی", None) == "تا ۱۴۰۵/۰۶/۰۱ با … تماس بگیرند"


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [("آ. ب. احمدی", "آب خانم احمدی", "آب خانم …"), ("رضا و مریم کریمی", "رضا و آب", "… و آب")],
)
def test_initials_and_an_and_in_her_name_take_no_word_out(name: str, words: str, told: str) -> None:
    assert nameless(words, name, None) == told


@pytest.mark.parametrize("name", ["", "؟", "- -"])
def test_a_name_without_letters_takes_nothing_out(name: str) -> None:
    assert nameless("آب - برق؟ وصل شود", name, None) == "آب - برق؟ وصل شود"


def test_no_pattern_is_built_for_a_name_that_the_words_do_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_report, "any_spelling", None)  # building takes milliseconds, in the loop
    assert nameless("آب وصل شود", "زهرا احمدی", None) == "آب وصل شود"


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
