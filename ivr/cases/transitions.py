"""What may be done with a case: one table of status × who × action, read by code, documents and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from ivr.cases.statuses import OPEN, Status

REOPEN = timedelta(days=30)  # how long after the end a citizen may say that it is not solved


class Refused(Exception):
    """What is asked is not possible as things stand. The text is one sentence for the person who asked."""


class CaseAction(StrEnum):
    REFER = "refer"
    ACCEPT = "accept"
    ANSWER = "answer"
    PROPOSE = "propose"
    APPROVE = "approve"
    TURN_DOWN = "turn_down"
    HAND_BACK = "hand_back"
    RETURN = "return"
    RULE = "rule"
    CLOSE = "close"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    ADVISE = "advise"
    MERGE = "merge"
    CHANGE_TOPIC = "change_topic"
    PAUSE = "pause"
    RESUME = "resume"
    AWAIT = "await"
    EXTEND = "extend"
    SPLIT = "split"
    COLLECT = "collect"
    RELEASE = "release"


class Side(StrEnum):
    """On whose behalf someone acts."""

    DESK = "desk"  # the inspection office
    AGENCY = "agency"  # the body that the case is with; no other body may do anything
    CITIZEN = "citizen"
    MACHINE = "machine"  # a rule of time, like a citizen who could not be reached


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is what the story of the case keeps; `agency` only for officers of an agency."""

    name: str
    side: Side
    agency: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One action: from which statuses, to which (None: it stays as it is), by whom.

    `reason` names the sides that must give one.
    """

    action: CaseAction
    sources: frozenset[Status]
    target: Status | None
    sides: frozenset[Side]
    reason: frozenset[Side]
    means: str


S = Status
_NOBODY: frozenset[Side] = frozenset()
_DESK = frozenset({Side.DESK})
_OFFICIALS = frozenset({Side.DESK, Side.AGENCY})
_CALLERS = frozenset({Side.DESK, Side.CITIZEN})
_WORKED_ON = frozenset({S.REFERRED, S.IN_PROGRESS, S.REOPENED})
_UNANSWERED = OPEN - {S.ANSWERED}

_ROWS = (
    Transition(
        CaseAction.REFER,
        _UNANSWERED,
        S.REFERRED,
        _OFFICIALS | {Side.MACHINE},
        frozenset({Side.AGENCY}),
        "give it to an agency; the agency that has it may send it onward once to one that never had it",
    ),
    Transition(
        CaseAction.ACCEPT, _WORKED_ON - {S.IN_PROGRESS}, S.IN_PROGRESS, _OFFICIALS, _NOBODY, "take it up"
    ),
    Transition(
        CaseAction.ANSWER, OPEN, S.ANSWERED, _OFFICIALS, _NOBODY, "answer in words; not yet a closure"
    ),
    Transition(
        CaseAction.PROPOSE,
        OPEN,
        None,
        frozenset({Side.AGENCY}),
        _NOBODY,
        "an answer that waits for approval, where answers need one",
    ),
    Transition(
        CaseAction.APPROVE, OPEN, S.ANSWERED, _DESK, _NOBODY, "the answer that waits becomes the answer"
    ),
    Transition(CaseAction.TURN_DOWN, OPEN, None, _DESK, _DESK, "the answer that waits goes back"),
    Transition(
        CaseAction.HAND_BACK,
        frozenset({S.ANSWERED}),
        S.REFERRED,
        _DESK,
        _DESK,
        "what a body reports is not enough: back to it, one clock going on",
    ),
    Transition(
        CaseAction.RETURN, _WORKED_ON, S.RETURNED, _OFFICIALS, _OFFICIALS, "“not ours”: back to the desk"
    ),
    Transition(CaseAction.RULE, _UNANSWERED, S.REFERRED, _DESK, _DESK, "decide whose it is, as a precedent"),
    Transition(
        CaseAction.CLOSE,
        frozenset({S.ANSWERED}),
        S.CLOSED,
        _CALLERS | {Side.MACHINE},
        frozenset({Side.DESK, Side.MACHINE}),
        "the citizen says solved, could not be reached, or the desk decides",
    ),
    Transition(
        CaseAction.REOPEN,
        frozenset({S.ANSWERED, S.CLOSED, S.ADVISED, S.WITHDRAWN}),
        S.REOPENED,
        _CALLERS,
        _DESK,
        "not solved: back to who had it, one level higher",
    ),
    Transition(
        CaseAction.WITHDRAW,
        OPEN,
        S.WITHDRAWN,
        _CALLERS | {Side.MACHINE},
        frozenset({Side.DESK, Side.MACHINE}),
        "the citizen takes it back; by itself a collective case in which nobody waits any more",
    ),
    Transition(
        CaseAction.ADVISE,
        _UNANSWERED - {S.IN_PROGRESS},
        S.ADVISED,
        _DESK,
        _DESK,
        "answer on the spot: the reason is the advice she hears",
    ),
    Transition(CaseAction.MERGE, OPEN, S.MERGED, _DESK, _DESK, "a duplicate: go on in the case it repeats"),
    Transition(
        CaseAction.CHANGE_TOPIC,
        _UNANSWERED,
        None,
        _CALLERS,
        _DESK,
        "another topic or county, and its deadline",
    ),
    Transition(
        CaseAction.PAUSE, _UNANSWERED, None, _OFFICIALS, _OFFICIALS, "stop the clock for some working days"
    ),
    Transition(
        CaseAction.RESUME,
        _UNANSWERED,
        None,
        _OFFICIALS | {Side.MACHINE},
        _NOBODY,
        "let a paused clock run again",
    ),
    Transition(
        CaseAction.AWAIT,
        _UNANSWERED,
        None,
        _DESK | {Side.MACHINE},
        _NOBODY,
        "stop the clock until a date that she is told",
    ),
    Transition(
        CaseAction.EXTEND,
        _UNANSWERED,
        None,
        _DESK | {Side.MACHINE},
        _DESK,
        "a later day for an order; by itself where its day has become a day off",
    ),
    Transition(
        CaseAction.SPLIT, _UNANSWERED, S.IN_PROGRESS, _DESK, _NOBODY, "parts for several agencies, one answer"
    ),
    Transition(
        CaseAction.COLLECT,
        _UNANSWERED,
        S.REFERRED,
        _DESK,
        _NOBODY,
        "wait in the collective case of its matter",
    ),
    Transition(CaseAction.RELEASE, _UNANSWERED, None, _DESK, _DESK, "out of the collective case again"),
)
TABLE: Mapping[CaseAction, Transition] = MappingProxyType({rule.action: rule for rule in _ROWS})

_DONE = {
    CaseAction.REFER: "referred",
    CaseAction.ACCEPT: "accepted",
    CaseAction.ANSWER: "answered",
    CaseAction.PROPOSE: "given an answer to approve",
    CaseAction.APPROVE: "given the answer that waits",
    CaseAction.TURN_DOWN: "refused the answer that waits",
    CaseAction.HAND_BACK: "handed back",
    CaseAction.RETURN: "returned",
    CaseAction.RULE: "ruled on",
    CaseAction.CLOSE: "closed",
    CaseAction.REOPEN: "reopened",
    CaseAction.WITHDRAW: "withdrawn",
    CaseAction.ADVISE: "closed with advice",
    CaseAction.MERGE: "merged",
    CaseAction.CHANGE_TOPIC: "given another topic",
    CaseAction.PAUSE: "paused",
    CaseAction.RESUME: "resumed",
    CaseAction.AWAIT: "made to wait for a date",
    CaseAction.EXTEND: "extended",
    CaseAction.SPLIT: "split",
    CaseAction.COLLECT: "collected",
    CaseAction.RELEASE: "released",
}


def decide(code: str, status: Status, agency: str, action: CaseAction, actor: Actor, reason: str) -> Status:
    """The status after `action`. `agency` is the one that the case is with. Raises Refused."""
    rule, done = TABLE[action], _DONE[action]
    if status not in rule.sources:
        possible = ", ".join(s for s in Status if s in rule.sources)
        raise Refused(f"case {code} is {status} and can't be {done}: that is possible from {possible}")
    if actor.side not in rule.sides:
        allowed = " or ".join(s for s in Side if s in rule.sides)
        raise Refused(f"case {code} can't be {done} by the {actor.side}, only by the {allowed}")
    if actor.side is Side.AGENCY and actor.agency != agency:
        raise Refused(f"case {code} is with {agency}, so {actor.agency} can't have it {done}")
    if actor.side in rule.reason and not any(map(str.isalnum, reason)):
        raise Refused(f"case {code} can't be {done} without a reason")
    return rule.target or status


def permitted(status: Status, side: Side) -> frozenset[CaseAction]:
    """What `side` may try with a case in this status."""
    return frozenset(r.action for r in TABLE.values() if status in r.sources and side in r.sides)
