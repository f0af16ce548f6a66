"""A request to meet an official: its states, and what its case makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.meetings import (
    DATED,
    MOVES,
    OFFICE_OWES,
    check_next_on,
    decide,
    permitted,
    slot_times,
    standing,
)
from ivr.cases.meetings import RequestAction as A
from ivr.cases.meetings import RequestState as S
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Refused

ALL = {"next_on": date(2026, 12, 1), "reason": "why", "agency": "abfa"}


def test_every_state_is_reached_and_only_decided_ones_are_ends() -> None:
    reached = {S.REQUESTED, S.WITHDRAWN, S.UNDER_REVIEW}  # what she does, and a note of the office
    for _ in MOVES:
        reached |= {move.target for move in MOVES.values() if reached & move.sources}
    assert reached == set(S)
    assert {state for state in S if not permitted(state)} == {S.SETTLED, S.DECLINED, S.MET, S.WITHDRAWN}


@given(st.lists(st.sampled_from(A), max_size=12))
def test_no_walk_leads_to_a_meeting_without_a_slot_or_leaves_a_wait_without_a_date(script: list[A]) -> None:
    state, slotted, dated = S.REQUESTED, False, False
    for action in script:
        try:
            state = decide("1", state, action, ALL)
        except Refused:
            continue
        slotted = action in (A.INVITE, A.APPEAR) or (slotted and action in (A.CONFIRM, A.MOVE))
        dated = dated or action is A.INVITE or "next_on" in MOVES[action].needs  # a slot has its day
        assert slotted or state not in (S.INVITED, S.CONFIRMED)
        assert dated or state not in DATED
        assert not (state in OFFICE_OWES and not permitted(state))


@given(st.sampled_from(A), st.sampled_from(S), st.sets(st.sampled_from(sorted(ALL))))
def test_what_is_needed_is_given_or_the_action_is_refused(action: A, state: S, names: set[str]) -> None:
    move, said = MOVES[action], {name: ALL[name] for name in names}
    if state in move.sources and move.needs <= names:
        assert decide("1", state, action, said) is move.target
    else:
        with pytest.raises(Refused, match="request 1"):
            decide("1", state, action, said)


@pytest.mark.parametrize("case", Status)
@pytest.mark.parametrize("stored", [None, *S])
def test_nobody_s_request_is_decided_while_her_case_says_otherwise(stored: S | None, case: Status) -> None:
    found = standing(stored, case, at_the_office=True)
    if case in (Status.WITHDRAWN, Status.MERGED):
        assert found is S.WITHDRAWN
    elif case in OPEN - {Status.ANSWERED}:
        assert found is (S.REQUESTED if stored in (None, S.DECLINED, S.SENT_BELOW) else stored)
    elif case in OPEN:  # answered: who has a slot may still come, nobody is asked to decide
        assert found not in OFFICE_OWES and (stored not in (S.INVITED, S.CONFIRMED) or found is stored)
    else:
        assert found not in OFFICE_OWES | DATED


@pytest.mark.parametrize("case", Status)
@pytest.mark.parametrize("stored", [None, *S])
def test_who_gave_her_slot_back_since_she_has_her_answer_is_owed_what_she_was_told(
    stored: S | None, case: Status
) -> None:
    found = standing(stored, case, at_the_office=True, anew=True)
    if case is Status.ANSWERED and stored in (S.WAITING, S.UNDER_REVIEW):
        assert found is stored
    else:
        assert found is standing(stored, case, at_the_office=True)


@pytest.mark.parametrize("state", S)
def test_what_is_answered_can_be_decided_on_but_is_given_to_no_other_body(state: S) -> None:
    assert permitted(state, answered=True) == permitted(state) - {A.SETTLE, A.SEND_BELOW}


def test_with_the_tier_below_it_rests_until_it_is_given_back() -> None:
    assert standing(S.SENT_BELOW, Status.IN_PROGRESS, at_the_office=False) is S.SENT_BELOW
    assert standing(S.SENT_BELOW, Status.RETURNED, at_the_office=True) is S.REQUESTED


@pytest.mark.parametrize(("days", "will_do"), [(0, False), (1, True), (120, True), (121, False)])
def test_a_next_date_is_one_that_she_can_be_told(days: int, will_do: bool) -> None:
    today = date(2026, 11, 25)
    if will_do:
        check_next_on(today, today + timedelta(days=days))
        return
    with pytest.raises(Refused):
        check_next_on(today, today + timedelta(days=days))


@given(st.integers(-5, 70), st.integers(-5, 130))
def test_slots_follow_each_other_without_gap_or_overlap(count: int, minutes: int) -> None:
    start = datetime(2026, 12, 1, 10, tzinfo=UTC)
    if not (1 <= count <= 60 and 3 <= minutes <= 120):
        with pytest.raises(Refused):
            slot_times(start, minutes, count)
        return
    times = slot_times(start, minutes, count)
    assert len(times) == count and times[0] == start
    assert all(b - a == timedelta(minutes=minutes) for a, b in pairwise(times))
