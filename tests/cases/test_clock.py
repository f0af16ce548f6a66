"""A case's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.clock import Clock, fair_days
from ivr.cases.transitions import Refused
from tests.cases.elapsed import elapsed
from tests.fixtures.province import calendar

CALENDAR, TEHRAN = calendar(), ZoneInfo("Asia/Tehran")
SUNDAY = datetime(2026, 11, 22, 8, tzinfo=TEHRAN)
CAP = 10
steps = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "stop", "run"]), st.integers(0, 9), st.integers(1, 6)),
    max_size=8,
)


def follow(script: list[tuple[str, int, int]]) -> list[tuple[Clock, datetime]]:
    """The clock after each step that was possible, and when."""
    clock, now, states = Clock(SUNDAY), SUNDAY, [(Clock(SUNDAY), SUNDAY)]
    for what, wait, days in script:
        now += timedelta(days=wait, hours=wait)
        try:
            if what == "pause":
                clock = clock if clock.stopped_at else clock.pause(CALENDAR, now, days, CAP)
            elif what == "resume":
                clock = clock.resume(CALENDAR, now)
            else:
                clock = (clock.stop if what == "stop" else clock.run)(CALENDAR, now)
        except Refused:
            continue
        states.append((clock, now))
    return states


def test_counting_working_days() -> None:
    def days(until: datetime) -> int:
        return CALENDAR.working_days(SUNDAY, until)

    assert [days(SUNDAY + timedelta(days=n)) for n in range(8)] == [0, 1, 2, 3, 3, 3, 4, 5]
    assert days(SUNDAY - timedelta(days=3)) == 0
    assert CALENDAR.working_days(SUNDAY, datetime(2026, 11, 22, 21, tzinfo=UTC)) == 1  # Monday in Tehran


@given(steps, st.integers(1, 15))
def test_the_time_left_is_the_days_given_less_those_used(
    script: list[tuple[str, int, int]], days: int
) -> None:
    """While it runs, whatever happened before: used + left = given, or it is overdue by the difference."""
    for clock, now in follow(script):
        if clock.paused_at or clock.stopped_at:
            continue
        due_at = clock.due_at(CALENDAR, days)
        used, left = elapsed(clock, CALENDAR, now), CALENDAR.working_days(now, due_at)
        late = CALENDAR.working_days(due_at, now)
        assert used + left - late == days


@given(steps)
def test_time_used_is_never_given_back(script: list[tuple[str, int, int]]) -> None:
    states = follow(script)
    used = [elapsed(clock, CALENDAR, now) for clock, now in states]
    assert used == sorted(used) and min(used) >= 0
    assert all(clock.paused_days <= CAP for clock, _ in states)


def test_a_pause_that_nobody_ends_ends_by_itself() -> None:
    clock = Clock(SUNDAY).pause(CALENDAR, SUNDAY, 3, CAP)
    much_later = SUNDAY + timedelta(days=60)
    assert clock.is_paused(SUNDAY) and not clock.is_paused(much_later)
    due_at = clock.due_at(CALENDAR, 2)
    assert clock.resume(CALENDAR, much_later).due_at(CALENDAR, 2) == due_at
    assert clock.pause(CALENDAR, much_later, 7, CAP).paused_days == 3


def test_pausing_and_resuming_on_one_day_gains_nothing() -> None:
    clock = Clock(SUNDAY)
    for _ in range(5):
        clock = clock.pause(CALENDAR, SUNDAY, 10, CAP).resume(CALENDAR, SUNDAY + timedelta(hours=2))
    assert clock == Clock(SUNDAY)
    with pytest.raises(Refused, match="not paused"):
        clock.resume(CALENDAR, SUNDAY)


@given(steps, st.integers(1, 9), st.integers(0, 30))
def test_what_is_opened_again_has_so_many_days_left_and_no_more_than_it_lacked(
    script: list[tuple[str, int, int]], days: int, wait: int
) -> None:
    clock, now = follow(script)[-1]
    now += timedelta(days=wait)
    clock = clock.resume(CALENDAR, now) if clock.paused_at else clock.run(CALENDAR, now)
    left = CALENDAR.working_days(now, clock.due_at(CALENDAR, 4))
    given = clock.give(CALENDAR, now, 4, days)
    assert CALENDAR.working_days(now, given.due_at(CALENDAR, 4)) == max(left, days)
    assert given.give(CALENDAR, now, 4, days) == given and given.paused_days == clock.paused_days


@pytest.mark.parametrize(("term", "left"), [(1, 2), (2, 2), (5, 3), (10, 5), (60, 5)])
def test_a_fair_time_is_half_of_it_but_two_to_five_days(term: int, left: int) -> None:
    assert fair_days(term) == left
