"""Who waits in an official's line, whose turn it is, and what is such an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ivr.cases import live_hour
from ivr.cases.live_hour import FRESH, check, is_live
from ivr.cases.transitions import Refused

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Standing:
    state: str = "waiting"
    joined_at: datetime = NOW
    seen_at: datetime = NOW


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def test_who_came_first_is_first_and_who_is_gone_stands_in_no_line() -> None:
    late, early = Standing(joined_at=NOW - minutes(1)), Standing(joined_at=NOW - minutes(5))
    dead, over = Standing(seen_at=NOW - FRESH), Standing("over")
    assert live_hour.waiting([late, dead, over, early], NOW) == [early, late]


def test_he_is_with_one_at_a_time_unless_her_call_died() -> None:
    for state in ("ringing", "talking"):
        assert live_hour.taken([Standing(), Standing(state)], NOW) == Standing(state)
        assert live_hour.taken([Standing(state, seen_at=NOW - FRESH)], NOW) is None
    assert is_live(Standing("talking", seen_at=NOW - FRESH + minutes(0.01)), NOW)


@pytest.mark.parametrize("lasts", [9, 241])
def test_it_lasts_ten_minutes_to_four_hours(lasts: int) -> None:
    check(NOW, NOW + minutes(60), 10)
    with pytest.raises(Refused, match="10 minutes to 4 hours"):
        check(NOW, NOW + minutes(lasts), 10)


@pytest.mark.parametrize("room", [0, 21])
def test_as_many_may_wait_as_a_place_is_spoken_of(room: int) -> None:
    with pytest.raises(Refused, match="may wait"):
        check(NOW, NOW + minutes(60), room)
