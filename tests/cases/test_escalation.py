"""The escalation ladder."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.clock import Clock
from ivr.cases.deadlines import Calendar
from ivr.cases.escalation import STANDARD, Ladder, Ladders, Rung, Term, as_json, climb, from_json, next_at
from tests.fixtures.province import calendar

TEHRAN = ZoneInfo("Asia/Tehran")
WEDNESDAY = datetime(2026, 11, 25, 10, 0, tzinfo=TEHRAN)
USUAL = STANDARD.usual
ENDLESS = Ladder((Rung("a", "officer", 0),), repeat=3)
TERM = Term(Clock(WEDNESDAY), calendar(), 2)  # until Sunday the 29th


def names(passed: list[Rung]) -> list[str]:
    return [rung.name for rung in passed]


def day(moment: datetime | None) -> str:
    return "" if moment is None else str(moment.date())


def test_every_rung_has_its_time_in_working_days_from_the_deadline() -> None:
    assert [day(next_at(USUAL, TERM, rung)) for rung in range(6)] == [
        "2026-11-28",  # the reminder: one working day before
        "2026-11-29",
        "2026-12-01",
        "2026-12-06",  # five working days after, with a weekend between them
        "2026-12-13",  # the last one again, five more
        "2026-12-20",
    ]


def test_a_case_climbs_to_the_rung_that_is_due_however_long_nobody_looked() -> None:
    due = TERM.due_at
    assert climb(USUAL, TERM, 0, due - timedelta(days=3)) == ([], next_at(USUAL, TERM, 0))
    passed, onward = climb(USUAL, TERM, 0, due)
    assert (names(passed), day(onward)) == (["reminder", "overdue"], "2026-12-01")
    passed, onward = climb(USUAL, TERM, 1, due + timedelta(days=9))
    assert (names(passed), day(onward)) == (["overdue", "deputy", "governor"], "2026-12-13")


def test_a_case_that_a_wrong_clock_opened_decades_ago_costs_few_looks_at_the_calendar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand rungs, each counted from the opening, halted all calls for seconds and ended the process."""
    looks, due_at = 0, Calendar.due_at

    def counted(calendar: Calendar, opened_at: datetime, days: int, county: str = "") -> datetime:
        nonlocal looks
        looks += 1
        return due_at(calendar, opened_at, days, county)

    monkeypatch.setattr(Calendar, "due_at", counted)
    old = Term(Clock(WEDNESDAY.replace(year=2000)), calendar(), 2)
    passed, onward = climb(USUAL, old, 0, WEDNESDAY)
    assert len(passed) > 1_000 and onward is not None and onward > WEDNESDAY
    assert (passed[-1], onward) == (USUAL.rung(len(passed)), next_at(USUAL, old, len(passed)))
    assert looks < 60


def test_a_ladder_without_repeat_ends() -> None:
    short = replace(USUAL, repeat=0)
    passed, onward = climb(short, TERM, 0, WEDNESDAY + timedelta(days=99))
    assert (len(passed), onward) == (4, None)
    assert next_at(short, TERM, 4) is None
    assert climb(short, TERM, 4, WEDNESDAY + timedelta(days=99)) == ([], None)


def test_no_reminder_comes_before_the_first_working_day_is_over() -> None:
    hasty = Term(Clock(WEDNESDAY), calendar(), 1)
    assert next_at(USUAL, hasty, 0) == hasty.due_at == next_at(USUAL, hasty, 1)


@pytest.mark.parametrize("left", [0, -1, -5])
def test_with_no_day_left_every_rung_still_counts_from_the_deadline(left: int) -> None:
    """As of an order that was handed back on its day or later: what was stopped is more than it had."""
    late = Term(Clock(WEDNESDAY, stopped_days=2 - left), calendar(), left)
    assert late.due_at == TERM.due_at
    assert next_at(USUAL, late, 0) == late.due_at
    assert [next_at(USUAL, late, rung) for rung in range(1, 6)] == [
        next_at(USUAL, TERM, rung) for rung in range(1, 6)
    ]


def test_a_pause_and_a_closure_move_every_rung_with_the_deadline() -> None:
    paused = Clock(WEDNESDAY).pause(calendar(), WEDNESDAY, 2, 10)
    snow = calendar(overrides={"ahar": {date(2026, 11, 30): False}})
    for term in (Term(paused, calendar(), 2), Term(Clock(WEDNESDAY), snow, 2, "ahar")):
        assert [day(next_at(USUAL, term, rung)) for rung in range(4)] != [
            day(next_at(USUAL, TERM, rung)) for rung in range(4)
        ]
    assert day(next_at(USUAL, Term(paused, calendar(), 2), 1)) == "2026-12-01"
    assert day(next_at(USUAL, Term(Clock(WEDNESDAY), snow, 2, "ahar"), 2)) == "2026-12-02"


def test_a_topic_s_own_ladder_goes_before_an_agency_s_and_that_before_the_usual_one() -> None:
    by_topic, by_agency = Ladder((Rung("t", "head", 0),)), Ladder((Rung("a", "governor", 0),))
    ladders = Ladders(STANDARD.levels, USUAL, {"water.supply": by_topic}, {"abfa": by_agency})
    assert ladders.of("water.supply", "abfa") is by_topic
    assert ladders.of("water.bill", "abfa") is by_agency
    assert ladders.of("water.bill", "edu") is USUAL


def test_one_level_higher_is_the_next_rung_with_a_higher_level() -> None:
    assert STANDARD.above(USUAL, 0, "officer") == 2
    assert STANDARD.above(USUAL, 1, "officer") == 2
    assert STANDARD.above(USUAL, 2, "head") == 3
    assert STANDARD.above(USUAL, 1, "deputy_governor") == 4
    assert STANDARD.above(USUAL, 4, "governor") == 4
    assert STANDARD.above(USUAL, 9, "governor") == 9, "the last rung came again and again"
    assert STANDARD.above(ENDLESS, 0, "officer") == 0


def test_it_is_kept_as_json_and_read_back() -> None:
    ladders = Ladders(STANDARD.levels, USUAL, {"water.supply": ENDLESS}, {"abfa": USUAL})
    assert from_json(as_json(ladders)) == ladders
    assert from_json({}) is STANDARD


ladder_of_any_length = st.lists(st.integers(-5, 30), min_size=1, max_size=12, unique=True).map(
    lambda days: Ladder(tuple(Rung(str(n), "officer", n) for n in sorted(days)), repeat=len(days) % 3)
)


@given(ladder_of_any_length, st.integers(1, 20), st.lists(st.integers(0, 12), min_size=1, max_size=12))
def test_looking_seldom_or_often_leads_to_the_same_rung_at_the_same_time(
    ladder: Ladder, days: int, waits: list[int]
) -> None:
    term, rung, now = Term(Clock(WEDNESDAY), calendar(), days), 0, WEDNESDAY
    for wait in waits:
        now += timedelta(days=wait)
        passed, onward = climb(ladder, term, rung, now)
        rung += len(passed)
        assert onward is None or onward > now
        assert next_at(ladder, term, rung) == onward
    at_once, _ = climb(ladder, term, 0, now)
    assert len(at_once) == rung
