"""Until when an agency owes its view, and what an answer to an invitation needs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.cases.attendance import InvitationState, check_answer, reminder_at, view_due
from ivr.cases.deadlines import Calendar
from ivr.cases.transitions import Refused

TEHRAN = ZoneInfo("Asia/Tehran")
CALENDAR = Calendar("Asia/Tehran", frozenset({3, 4}), {"": {date(2026, 12, 1): False}})


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 12, day, hour, tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("starts_at", "now", "due"),
    [
        (at(9, 10), at(3, 9), at(8, 12)),
        (at(5, 10), at(1, 9), at(2, 12)),  # a Saturday: the weekend is no day to write
        (at(2, 10), datetime(2026, 11, 25, 9, tzinfo=TEHRAN), datetime(2026, 11, 30, 12, tzinfo=TEHRAN)),
        (at(9, 10), at(8, 13), at(9, 9)),  # invited too late for that
        (at(9, 10), at(9, 9), at(9, 10)),  # and too late for this
        (at(9, 10), at(9, 9) + timedelta(minutes=40), at(9, 10)),
    ],
)
def test_a_view_is_due_at_noon_of_the_working_day_before(
    starts_at: datetime, now: datetime, due: datetime
) -> None:
    assert view_due(CALENDAR, starts_at, now) == due


def test_a_body_is_reminded_a_day_before_or_at_half_time() -> None:
    assert reminder_at(at(1, 12), at(8, 12)) == at(7, 12)
    assert reminder_at(at(8, 6), at(8, 12)) == at(8, 6) + timedelta(hours=3)


def test_a_substitute_has_a_name_and_a_refusal_a_reason() -> None:
    for state, who, reason in (
        (InvitationState.SUBSTITUTE, " ", "بیمار است"),
        (InvitationState.REFUSES, "کسی", " "),
        (InvitationState.INVITED, "کسی", "چرا"),
    ):
        with pytest.raises(Refused):
            check_answer(state, who, reason)
    check_answer(InvitationState.ACCEPTS, "", "")
