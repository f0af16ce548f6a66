"""The fair order in which citizens are heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.hearing_order import COOL_DOWN, Candidate, Ground, Urgency, fair_order, place

NOW, TEHRAN = datetime(2026, 11, 25, 8, tzinfo=UTC), ZoneInfo("Asia/Tehran")
ago = st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda gap: NOW - gap)
candidates = st.builds(
    Candidate,
    st.uuids().map(str),
    ago,
    st.sampled_from(Urgency),
    st.booleans(),
    st.integers(0, 4),
    st.none() | ago,
)
several = st.lists(candidates, max_size=12, unique_by=lambda each: each.code)


def first(*given: Candidate, now: datetime = NOW) -> str:
    return fair_order(given, now, TEHRAN)[0].code


@given(several, st.randoms())
def test_the_order_is_the_same_however_they_are_listed_and_leaves_nobody_out(
    them: list[Candidate], chance: object
) -> None:
    mixed = list(them)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    found = fair_order(them, NOW, TEHRAN)
    assert found == fair_order(mixed, NOW, TEHRAN)
    assert sorted(each.code for each in found) == sorted(each.code for each in them)


@given(candidates, st.timedeltas(timedelta(0), timedelta(days=90)))
def test_who_waits_longer_never_stands_behind_who_is_otherwise_like_her(
    one: Candidate, more: timedelta
) -> None:
    longer = replace(one, code="longer", asked_at=one.asked_at - more)
    assert more == timedelta(0) or first(one, longer) == "longer"


@given(candidates, candidates)
def test_whoever_waits_long_enough_comes_before_any_newcomer(one: Candidate, other: Candidate) -> None:
    """Nobody starves, but for unkept orders, which go first."""
    old = replace(one, code="old", missed_at=None)
    new = replace(other, code="new", unkept=old.unkept, missed_at=None)
    later = NOW + timedelta(days=200)
    assert first(old, replace(new, asked_at=later), now=later) == "old"


def test_an_unkept_order_heads_the_list_and_a_no_show_ends_it_for_a_while() -> None:
    usual = Candidate("usual", NOW - timedelta(days=100), Urgency.PRESSING)
    promised = Candidate("promised", NOW, met_before=True, unkept=1)
    missed = Candidate("missed", NOW - timedelta(days=300), Urgency.PRESSING, missed_at=NOW)
    found = fair_order([missed, usual, promised], NOW, TEHRAN)
    assert [each.code for each in found] == ["promised", "usual", "missed"]
    assert first(missed, usual, now=NOW + COOL_DOWN) == "missed"


def test_every_reason_can_be_told_with_its_weight() -> None:
    she = Candidate("1", NOW - timedelta(days=12), Urgency.URGENT, unkept=2)
    told = {reason.why: (reason.count, reason.points) for reason in place(she, NOW, TEHRAN).reasons}
    assert told == {
        Ground.WAITING: (12, 12),
        Ground.URGENCY: (1, 20),
        Ground.FIRST_MEETING: (1, 10),
        Ground.UNKEPT_ORDERS: (2, 30),
    }


def test_who_asked_in_the_evening_has_waited_a_day_by_the_next_morning() -> None:
    evening = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # 23:30 in the province
    waiting, *_ = place(Candidate("1", evening), evening + timedelta(hours=10), TEHRAN).reasons
    assert (waiting.why, waiting.count, waiting.points) == (Ground.WAITING, 1, 1)
