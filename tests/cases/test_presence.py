"""Who is where on the day, and who comes in next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ivr.cases.presence import Presence, done_at, in_the_hall, is_hers, presence

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    slot: int
    arrived_at: datetime | None = None
    began_at: datetime | None = None
    outcome: str = ""


def test_a_slot_tells_where_its_citizen_is() -> None:
    assert presence(Place(1)) is Presence.EXPECTED
    assert presence(Place(1, NOW)) is Presence.ARRIVED
    assert presence(Place(1, NOW, NOW)) is Presence.INSIDE
    assert presence(Place(1, NOW, NOW, "met")) is Presence.HEARD
    assert presence(Place(1, outcome="no_show")) is Presence.MISSED


def test_whoever_is_there_comes_in_by_her_number_and_nobody_waits_for_who_is_not() -> None:
    one, two, three, four, five = (
        Place(1, NOW, NOW, "met"),
        Place(2),
        Place(3, NOW),
        Place(4, NOW, NOW),
        Place(5, NOW),
    )
    hall = in_the_hall([five, three, two, one, four])
    assert hall.inside == (four,) and hall.next == three and hall.waiting == (five,)
    assert hall.expected == (two,) and hall.over == (one,)
    assert in_the_hall([two]).next is None


@pytest.mark.parametrize(
    ("claimed", "counts"),
    [
        (None, NOW),
        (NOW - timedelta(minutes=7), NOW - timedelta(minutes=7)),
        (NOW + timedelta(hours=1), NOW),  # a tablet whose clock is fast
        (NOW - timedelta(days=9), NOW - timedelta(days=1)),
    ],
)
def test_what_was_kept_for_a_while_counts_as_of_then_within_reason(
    claimed: datetime | None, counts: datetime
) -> None:
    assert done_at(claimed, NOW) == counts


@pytest.mark.parametrize(
    ("wrong_by", "ago", "counts"),
    [
        (-60, 0, NOW),  # an hour slow
        (-10, 2, NOW - timedelta(minutes=2)),
        (90, 7, NOW - timedelta(minutes=7)),  # fast
        (-10, -5, NOW),  # set right in between
        (0, 9 * 24 * 60, NOW - timedelta(days=1)),
    ],
)
def test_of_a_clock_that_is_wrong_only_how_long_ago_it_was_is_believed(
    wrong_by: int, ago: int, counts: datetime
) -> None:
    sent = NOW + timedelta(minutes=wrong_by)
    assert done_at(sent - timedelta(minutes=ago), NOW, sent) == counts


def test_she_is_known_by_her_code_or_her_national_id_and_not_by_an_empty_one() -> None:
    assert is_hers("1234567894", "1234567894", "") and is_hers("0499370899", "1234567894", "0499370899")
    assert not is_hers("", "1234567894", "") and not is_hers("0499370898", "1", "0499370898")
