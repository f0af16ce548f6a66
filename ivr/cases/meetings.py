"""A citizen's request to meet an official, and the sessions at which it is heard. Pure.

A request rides on a case of the kind `meeting`. Until the office decides, the case's own clock runs. More
people ask than can be heard, so an accepted request waits until a date that she is told: that is no delay of
the case, but once the date is past and nobody has acted, the case's clock runs and it climbs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Refused

LONGEST_WAIT = timedelta(days=120)  # until the next date that she is told
FARTHEST = timedelta(days=366)  # a session or an order's day beyond that is a slip of the pen


class RequestState(StrEnum):
    """Where a request stands. The values are stable names: database, JSON, the panel's words."""

    REQUESTED = "requested"  # nobody of the office has looked at it
    UNDER_REVIEW = "under_review"
    WAITING = "waiting"  # accepted; a slot is still to be found, and she is told a next date
    INVITED = "invited"  # has a slot
    CONFIRMED = "confirmed"  # she has said that she comes
    SENT_BELOW = "sent_below"  # first to the tier below: head of agency, county governor, mayor
    SETTLED = "settled"  # without a meeting: referred, with its deadline
    DECLINED = "declined"  # with a reason that she is told by telephone
    MET = "met"
    NO_SHOW = "no_show"
    WITHDRAWN = "withdrawn"


class RequestAction(StrEnum):
    ACCEPT = "accept"
    PUT_OFF = "put_off"
    INVITE = "invite"
    MOVE = "move"
    CONFIRM = "confirm"
    RELEASE = "release"
    ANOTHER_DAY = "another_day"
    GIVE_UP = "give_up"
    SEND_BELOW = "send_below"
    SETTLE = "settle"
    DECLINE = "decline"
    MEET = "meet"
    MISS = "miss"
    APPEAR = "appear"  # after it was said that she did not come


@dataclass(frozen=True, slots=True)
class Move:
    """One action: from which states, to which, and what must be given with it."""

    sources: frozenset[RequestState]
    target: RequestState
    needs: frozenset[str]


S, A = RequestState, RequestAction
_UNDECIDED = frozenset({S.REQUESTED, S.UNDER_REVIEW})
_TO_DECIDE = _UNDECIDED | {S.SENT_BELOW, S.NO_SHOW}
SLOTTED = frozenset({S.INVITED, S.CONFIRMED})
_UNMET = _TO_DECIDE | {S.WAITING}
GIVEN_BACK = frozenset({S.WAITING, S.UNDER_REVIEW})  # of whoever had a slot


def _move(sources: frozenset[RequestState], target: RequestState, *needs: str) -> Move:
    return Move(sources, target, frozenset(needs))


MOVES: Mapping[RequestAction, Move] = MappingProxyType(
    {
        A.ACCEPT: _move(_TO_DECIDE, S.WAITING, "next_on"),
        A.PUT_OFF: _move(frozenset({S.WAITING}), S.WAITING, "next_on", "reason"),
        A.INVITE: _move(frozenset({S.WAITING, S.SENT_BELOW}), S.INVITED),
        A.MOVE: _move(SLOTTED, S.INVITED, "reason"),
        A.CONFIRM: _move(frozenset({S.INVITED}), S.CONFIRMED),
        A.RELEASE: _move(SLOTTED, S.WAITING, "next_on", "reason"),
        A.ANOTHER_DAY: _move(SLOTTED, S.WAITING, "next_on"),
        A.GIVE_UP: _move(SLOTTED, S.UNDER_REVIEW),
        A.SEND_BELOW: _move(_UNDECIDED | {S.WAITING}, S.SENT_BELOW, "agency", "reason"),
        A.SETTLE: _move(_TO_DECIDE | {S.WAITING}, S.SETTLED, "agency", "reason"),
        A.DECLINE: _move(_TO_DECIDE | {S.WAITING}, S.DECLINED, "reason"),
        A.MEET: _move(SLOTTED, S.MET),
        A.MISS: _move(SLOTTED, S.NO_SHOW),
        A.APPEAR: _move(frozenset({S.NO_SHOW}), S.INVITED),
    }
)
# In which somebody of the office must still do something, and no other body has the case.
OFFICE_OWES = _UNDECIDED | {S.WAITING, S.NO_SHOW}
# With a date of their own, until which the case's clock stands.
DATED = SLOTTED | {S.WAITING}
# What she was told and waits for, also beside an answer to her case.
AWAITED = SLOTTED | GIVEN_BACK


def decide(
    code: str, state: RequestState, action: RequestAction, given: Mapping[str, object]
) -> RequestState:
    """The state that `action` leads to. Raises Refused with one sentence why it does not.

    `given`: next_on, reason, agency, as far as they were.
    """
    move = MOVES[action]
    if state not in move.sources:
        raise Refused(f"request {code} is {state}: {action} is not possible")
    for need in sorted(move.needs):
        if not given.get(need):
            raise Refused(f"request {code}: {action} needs a {need}")
    return move.target


def permitted(state: RequestState, answered: bool = False) -> frozenset[RequestAction]:
    """`answered`: her case has its answer, and is given to no other body."""
    but = {A.SEND_BELOW, A.SETTLE} if answered else frozenset[RequestAction]()
    return frozenset(action for action, move in MOVES.items() if state in move.sources) - but


def is_anew(decided_at: datetime | None, answered_at: datetime | None) -> bool:
    """Whether what was noted of a request last came after the answer to its case."""
    return decided_at is not None and answered_at is not None and decided_at > answered_at


def standing(
    stored: RequestState | None, case: Status, at_the_office: bool, below: bool = False, anew: bool = False
) -> RequestState:
    """Where a request really stands: what was noted last, corrected by what has become of its case since.

    `stored`: None when the office never touched it. `at_the_office`: its case is with the office or the desk.
    `below`: it is on the list of a tier below. `anew`: noted since her case had its answer (`is_anew`): who
    gave her slot back then was told that she hears of another, or that her request is looked at again.
    She may have withdrawn, or her matter be answered; and where she objects to a refusal, or the tier below
    has given the matter back, it is to be decided again.
    """
    if case in (Status.WITHDRAWN, Status.MERGED):
        return S.WITHDRAWN
    runs = case in OPEN - {Status.ANSWERED}
    owed = runs or (anew and case is Status.ANSWERED and stored in GIVEN_BACK)
    given_back = at_the_office and (stored is S.SENT_BELOW or (stored is S.WAITING and below))
    if runs and (stored in (None, S.DECLINED) or given_back):
        return S.REQUESTED
    if stored is None or (stored in _UNMET and not owed) or (stored in SLOTTED and case not in OPEN):
        return S.SETTLED
    return stored


def check_next_on(today: date, next_on: date) -> None:
    """Raises Refused for a next date that nobody could be told in earnest."""
    if not today < next_on <= today + LONGEST_WAIT:
        raise Refused(f"the next date must be after today and within {LONGEST_WAIT.days} days")


class SessionState(StrEnum):
    PLANNED = "planned"
    CANCELLED = "cancelled"


class MeetingWay(StrEnum):
    """How those who meet come together."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    VIDEO = "video"


class Official(StrEnum):
    """Who holds a session; of which body stands beside it."""

    GOVERNOR = "governor"
    DEPUTY = "deputy"
    COUNTY_GOVERNOR = "county_governor"
    MAYOR = "mayor"
    HEAD = "head"


# Many have the rank: she must be told of which body.
OF_A_BODY = frozenset(Official) - {Official.GOVERNOR}
MOST_SLOTS = 60
MINUTES = range(3, 121)


def slot_times(starts_at: datetime, minutes: int, count: int) -> list[datetime]:
    """When each slot begins, one after the other. Raises Refused for what is no session."""
    if not 1 <= count <= MOST_SLOTS:
        raise Refused(f"a session has 1 to {MOST_SLOTS} slots, not {count}")
    if minutes not in MINUTES:
        raise Refused(f"a slot has {MINUTES[0]} to {MINUTES[-1]} minutes, not {minutes}")
    return [starts_at + timedelta(minutes=minutes * at) for at in range(count)]
