"""Whose turn it is among those who keep a place in the operators' queue without waiting on the line."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.callback import Policy, Tried, next_attempt
from ivr.cases.deadlines import Calendar
from ivr.cases.turns import (
    MOST_CLOSED,
    TURN_RINGS,
    Hours,
    TurnPlace,
    in_turn,
    read_hours,
    still_holds,
    whose_turn,
)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=ZoneInfo("Asia/Tehran"))


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def place(minute: int, rung: bool = False, later: bool = False) -> TurnPlace:
    return TurnPlace(uuid.UUID(int=minute), at(minute), rung, later)


@given(st.frozensets(st.integers(0, 6)), st.integers(0, 1438), st.integers(0, 1438))
def test_hours_are_read_as_they_were_written(days: frozenset[int], opens: int, closes: int) -> None:
    hours = Hours(days, time(*divmod(opens, 60)), time(*divmod(closes, 60)))
    assert read_hours(hours.written()) == hours and read_hours("") is None


def turns(places: list[TurnPlace], line: list[int], serving: int = 1) -> list[int]:
    return sorted(id.int for id in whose_turn(places, list(map(at, line)), serving))


def test_it_is_her_turn_once_nobody_waits_who_came_before_her() -> None:
    assert turns([place(5)], [3, 9]) == []
    assert turns([place(5)], [9]) == [5] == turns([place(5)], [])


def test_those_at_home_are_called_in_the_order_in_which_they_came() -> None:
    assert turns([place(7), place(5), place(6)], []) == [5]
    assert turns([place(7), place(5), place(6)], [], serving=2) == [5, 6]


def test_no_more_are_called_at_once_than_operators_serve() -> None:
    assert turns([place(5, rung=True), place(6)], []) == []
    assert turns([place(5, rung=True), place(6)], [], serving=2) == [6]
    assert turns([place(5)], [], serving=0) == []


def test_who_may_only_be_rung_again_later_holds_up_nobody() -> None:
    assert turns([place(5, later=True), place(6)], []) == [6]
    assert turns([place(5), place(6)], []) == [5]


MINUTES = st.lists(st.integers(0, 99), unique=True, max_size=8)


@given(MINUTES, MINUTES, st.integers(0, 5))
def test_nobody_is_called_before_one_who_came_earlier(home: list[int], line: list[int], serving: int) -> None:
    called = turns([place(minute) for minute in home], line, serving)
    assert called == sorted(home)[: len(called)] and len(called) <= serving
    assert all(minute <= each for minute in called for each in line)


def test_she_is_tried_thrice_within_minutes_and_never_out_of_hours() -> None:
    policy, calendar = in_turn(Policy()), Calendar("Asia/Tehran", frozenset({3, 4}))
    first = Tried(1, NOON, NOON)
    assert next_attempt(policy, calendar, first, NOON) == NOON + timedelta(minutes=5)
    assert next_attempt(policy, calendar, Tried(TURN_RINGS, NOON, NOON), NOON) is None
    night = NOON.replace(hour=22)
    assert next_attempt(policy, calendar, Tried(), night) == NOON.replace(hour=9) + timedelta(days=1)


def test_a_place_holds_for_a_day_of_its_hours_and_over_no_closing_for_ever() -> None:
    calendar, hours = Calendar("Asia/Tehran", frozenset({3, 4})), read_hours("01256 07:00 19:00")
    day = timedelta(days=1)

    def holds(longer: timedelta, within: Hours | None = hours, kept_at: datetime = NOON) -> bool:
        return still_holds(kept_at.astimezone(UTC), kept_at + longer, within, calendar)

    assert holds(3 * day) and not holds(3 * day + timedelta(minutes=1))  # from Wednesday to Saturday
    assert holds(day, kept_at=NOON - day)  # from Tuesday to Wednesday
    assert not holds(day + timedelta(minutes=1), kept_at=NOON - day)
    assert holds(day, None) and not holds(day + timedelta(minutes=1), None)
    nobody = Hours(frozenset(), time(7), time(19))
    assert holds(15 * day, nobody) and not holds(16 * day, nobody)


def test_a_place_holds_on_the_day_on_which_operators_are_back_after_the_longest_closing() -> None:
    always, kept_at = read_hours("0123456 07:00 19:00"), NOON.replace(hour=18, minute=45)
    closed = {kept_at.date() + timedelta(days=n): False for n in range(1, MOST_CLOSED + 1)}
    calendar = Calendar("Asia/Tehran", frozenset(), {"": closed})
    back = (kept_at + timedelta(days=MOST_CLOSED + 1)).replace(hour=0, minute=0)
    for minutes in (-60, 0, 60 * 18 + 45):
        assert still_holds(kept_at, back + timedelta(minutes=minutes), always, calendar)
    assert not still_holds(kept_at, back + timedelta(minutes=60 * 18 + 46), always, calendar)
