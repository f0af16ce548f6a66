"""The report of a session names no citizen, whatever the words of an order say."""

from __future__ import annotations

import pytest

from ivr.desk.meetings.session_report import nameless


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
    assert nameless(words, "زهرا احمدی") == told


def test_who_left_no_name_loses_no_words() -> None:
    assert nameless("آب وصل شود", "") == "آب وصل شود"
