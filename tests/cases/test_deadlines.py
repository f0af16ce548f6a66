"""Working days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, local
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.deadlines import Calendar
from ivr.lab.pace import patience
from tests.fixtures.province import calendar

TEHRAN = ZoneInfo("Asia/Tehran")
CALENDAR = calendar()


def due(opened: datetime, days: int, calendar: Calendar = CALENDAR, county: str = "") -> str:
    return calendar.due_at(opened, days, county).strftime("%a %Y-%m-%d %H:%M:%S")


def test_the_day_of_opening_does_not_count() -> None:
    assert due(datetime(2026, 11, 22, 8, tzinfo=TEHRAN), 2) == "Tue 2026-11-24 23:59:59"


def test_thursday_and_friday_are_the_weekend() -> None:
    assert due(datetime(2026, 11, 25, 23, 59, tzinfo=TEHRAN), 1) == "Sat 2026-11-28 23:59:59"
    friday_only = calendar(weekend=frozenset({4}))
    assert due(datetime(2026, 11, 25, 8, tzinfo=TEHRAN), 1, friday_only) == "Thu 2026-11-26 23:59:59"


def test_nowruz_is_skipped() -> None:
    """21 to 24 March 2026, and 1 and 2 April, are holidays; 20 March, a Friday, is weekend."""
    assert due(datetime(2026, 3, 18, 8, tzinfo=TEHRAN), 1) == "Wed 2026-03-25 23:59:59"


def test_the_day_is_the_province_s_not_greenwich_s() -> None:
    """At 21:00 UTC it is already Sunday in Tehran."""
    assert due(datetime(2026, 11, 21, 21, tzinfo=UTC), 1) == "Mon 2026-11-23 23:59:59"


def test_a_sudden_closure_counts_for_its_county_and_a_county_s_own_word_wins() -> None:
    snow, monday = date(2026, 11, 23), datetime(2026, 11, 22, 8, tzinfo=TEHRAN)
    ours = calendar(overrides={"": {snow: False}, "ahar": {snow: True}, "maragheh": {}})
    assert due(monday, 1, ours) == "Tue 2026-11-24 23:59:59"
    assert due(monday, 1, ours, "maragheh") == "Tue 2026-11-24 23:59:59"
    assert due(monday, 1, ours, "ahar") == "Mon 2026-11-23 23:59:59"


def test_a_day_off_gives_way_to_the_next_working_day_and_a_working_day_to_none() -> None:
    wednesday, thursday, saturday = (date(2026, 11, day) for day in (25, 26, 28))
    assert CALENDAR.working_day_from(wednesday) == wednesday
    assert CALENDAR.working_day_from(thursday) == saturday
    closed = Calendar("Asia/Tehran", CALENDAR.weekend, {"ahar": {saturday: False}})
    assert closed.working_day_from(thursday, "ahar") == date(2026, 11, 29)


def test_an_override_can_make_a_holiday_a_working_day() -> None:
    ours = calendar(overrides={"": {date(2026, 11, 26): True}})
    assert due(datetime(2026, 11, 25, 8, tzinfo=TEHRAN), 1, ours) == "Thu 2026-11-26 23:59:59"


FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2024, 2030))
seconds = st.integers(FIRST, LAST)
moments = seconds.map(lambda second: datetime.fromtimestamp(second, TEHRAN))


@given(moments, st.integers(1, 30))
def test_as_many_working_days_as_given_lie_before_the_deadline(opened: datetime, days: int) -> None:
    due_at = CALENDAR.due_at(opened, days)
    between = (due_at.date() - opened.date()).days
    worked = [opened.date() + timedelta(days=n) for n in range(1, between + 1)]
    assert sum(map(CALENDAR.is_working, worked)) == days and CALENDAR.is_working(due_at.date())


@given(moments, st.integers(1, 30), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_later_cases_and_more_days_never_end_earlier(opened: datetime, days: int, later: timedelta) -> None:
    assert CALENDAR.due_at(opened, days) <= CALENDAR.due_at(opened + later, days)
    assert CALENDAR.due_at(opened, days) < CALENDAR.due_at(opened, days + 1)


@pytest.mark.parametrize(
    ("opened", "days"), [(datetime.fromisoformat("2026-01-01"), 1), (datetime(2026, 1, 1, tzinfo=UTC), 0)]
)
def test_naive_times_and_no_days_are_refused(opened: datetime, days: int) -> None:
    with pytest.raises(ValueError, match=r"zone|no deadline"):
        CALENDAR.due_at(opened, days)


def test_a_calendar_without_working_days_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no 1 working days"):
        calendar(weekend=frozenset(range(7))).due_at(datetime(2026, 1, 1, tzinfo=UTC), 1)


class AskedAtOnce(Mapping[date, bool]):
    """No days of its own; two threads ask for their first one at the same moment."""

    def __init__(self) -> None:
        self._both, self._met = Barrier(2, timeout=patience(4)), local()

    def __getitem__(self, day: date) -> bool:
        if not hasattr(self._met, "once"):
            self._met.once = True
            self._both.wait()
        raise KeyError(day)

    def __iter__(self) -> Iterator[date]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_two_threads_that_count_a_year_at_once_count_no_day_twice() -> None:
    shared = Calendar("Asia/Tehran", frozenset({3, 4}), {"": AskedAtOnce()})
    opened = datetime(2026, 11, 22, 8, tzinfo=TEHRAN)
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda days: due(opened, days, shared), (20, 20)))
    assert found == [due(opened, 20)] * 2 and due(opened, 20, shared) == due(opened, 20)
