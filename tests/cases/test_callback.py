"""When a citizen may be called, and when no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.callback import Outcome, Policy, Tried, allowed_from, next_attempt, next_day
from tests.fixtures.province import calendar

TEHRAN = ZoneInfo("Asia/Tehran")
CALENDAR = calendar(overrides={"": {date(2026, 11, 28): False}, "ahar": {date(2026, 11, 25): False}})
POLICY = Policy()


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """November 2026; the 25th is a Wednesday, the last working day of the week, the 28th a holiday here."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(25, 8, 59), at(25, 9)),
        (at(25, 9), at(25, 9)),
        (at(25, 19, 59), at(25, 19, 59)),
        (at(25, 20), at(29, 9)),  # Thursday, Friday, the holiday
        (at(26, 12), at(29, 9)),
    ],
)
def test_nobody_is_rung_at_night_on_a_day_off_or_on_a_holiday(moment: datetime, expected: datetime) -> None:
    assert allowed_from(POLICY, CALENDAR, moment) == expected


def test_a_countys_own_day_off_counts_and_days_off_can_be_allowed() -> None:
    assert allowed_from(POLICY, CALENDAR, at(25, 12), "ahar") == at(29, 9)
    assert allowed_from(Policy(days_off=True), CALENDAR, at(26, 12)) == at(26, 12)
    assert next_day(POLICY, CALENDAR, at(24, 12)) == at(25, 9)
    with pytest.raises(ValueError, match="no day to call on"):
        allowed_from(POLICY, calendar(weekend=frozenset(range(7))), at(25, 12))


def tried(attempts: int, last: Outcome, last_at: datetime, first_at: datetime | None = None) -> Tried:
    return Tried(attempts, first_at or last_at, last_at, last)


def test_attempts_are_spread_over_days() -> None:
    now = at(22, 9, 30)
    assert next_attempt(POLICY, CALENDAR, Tried(), now) == now
    assert next_attempt(POLICY, CALENDAR, tried(1, Outcome.NO_ANSWER, now), now) == at(22, 12, 30)
    assert next_attempt(POLICY, CALENDAR, tried(2, Outcome.NO_KEY, now), now) == at(23, 9)
    assert next_attempt(POLICY, CALENDAR, tried(4, Outcome.UNKNOWN, now), now) == at(23, 12, 30)
    assert next_attempt(POLICY, CALENDAR, tried(1, Outcome.BUSY, now), now) == at(22, 10)
    assert next_attempt(POLICY, CALENDAR, tried(0, Outcome.NOT_SENT, now), now) == now


def test_it_is_given_up_after_enough_attempts_over_enough_days() -> None:
    first, now = at(22, 9), at(25, 9)
    assert next_attempt(POLICY, CALENDAR, tried(5, Outcome.NO_ANSWER, at(24, 9), first), now) is None
    assert next_attempt(POLICY, CALENDAR, tried(4, Outcome.NO_ANSWER, at(24, 9), first), now) is not None
    too_soon = next_attempt(POLICY, CALENDAR, tried(5, Outcome.NO_ANSWER, at(24, 9), at(23, 9)), now)
    assert too_soon is not None


@given(
    st.integers(0, 2 * 366 * 24 * 60),
    st.integers(0, 9),
    st.sampled_from(Outcome),
    st.floats(0, 300),
)
def test_whatever_was_tried_the_next_call_is_at_an_allowed_time(
    minutes: int, attempts: int, last: Outcome, hours_ago: float
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    last_at = now - timedelta(hours=hours_ago)
    found = next_attempt(POLICY, CALENDAR, tried(attempts, last, last_at), now)
    if found is not None:
        local = found.astimezone(TEHRAN)
        assert found >= now and time(9) <= local.time() < time(20) and CALENDAR.is_working(local.date())
