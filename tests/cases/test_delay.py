"""Days left and days late."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.delay import Pace, Standing, standing
from tests.fixtures.province import calendar

TEHRAN = ZoneInfo("Asia/Tehran")
CALENDAR = calendar()
DUE = datetime(2026, 11, 25, 23, 59, 59, tzinfo=TEHRAN)  # a Wednesday; Thursday and Friday are the weekend


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=TEHRAN)


def test_days_left_and_days_late_are_working_days() -> None:
    assert standing(CALENDAR, at(18), DUE) == Standing(Pace.LEFT, 5)
    assert standing(CALENDAR, at(25), DUE) == Standing(Pace.TODAY)
    assert standing(CALENDAR, at(26), DUE) == Standing(Pace.LATE, 0), "no working day has begun since"
    assert standing(CALENDAR, at(28), DUE) == Standing(Pace.LATE, 1)
    assert standing(CALENDAR, at(30), DUE).late == 3


def test_a_county_s_closed_day_makes_no_case_of_it_later() -> None:
    closed = calendar(overrides={"ahar": {date(2026, 11, 28): False}})
    assert standing(closed, at(29), DUE, "ahar").late == 1
    assert standing(closed, at(29), DUE, "tabriz").late == 2


def test_where_the_clock_stands_nothing_is_late() -> None:
    now, until = at(30), at(30) + timedelta(hours=1)
    assert standing(CALENDAR, now, DUE, ended=True, answered=True) == Standing(Pace.ENDED)
    assert standing(CALENDAR, now, DUE, answered=True, paused_until=until) == Standing(Pace.ANSWERED)
    assert standing(CALENDAR, now, DUE, paused_until=until) == Standing(Pace.PAUSED)
    assert standing(CALENDAR, until, DUE, paused_until=until).pace is Pace.LATE, "a pause ends by itself"


@given(st.integers(0, 400 * 24), st.integers(1, 30))
def test_a_case_is_late_by_what_is_left_the_other_way_round(hours: int, days: int) -> None:
    """Counted anew day by day, whatever was counted before."""
    due_at = CALENDAR.due_at(at(25), days)
    now = at(25) + timedelta(hours=hours)
    found = standing(CALENDAR, now, due_at)
    first, last = sorted((now.date(), due_at.date()))
    worked = sum(CALENDAR.is_working(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
    assert found.days == worked
    assert found.pace is (Pace.LATE if due_at < now else Pace.LEFT if first != last else Pace.TODAY)
