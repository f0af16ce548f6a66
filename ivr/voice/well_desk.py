"""What a desk that is well answers, for calls that nobody makes: rehearsed, simulated, tried out."""

from __future__ import annotations

from ivr.voice.actions import (
    Action,
    AwaitHour,
    Confide,
    Confirm,
    Enquire,
    FindRoom,
    JoinHour,
    KeepPlace,
    KeepWords,
    LookAtQueue,
    LookUpCase,
    MissReason,
    OpenCase,
    Operator,
    Rate,
    RecallCaller,
    RefineCase,
    Settle,
    TakeUp,
    TakeWay,
    WishCallBack,
)
from ivr.voice.events import (
    CallerKnown,
    CaseOpened,
    CaseRefined,
    CaseSeen,
    Confided,
    Confirmed,
    Enquired,
    EnquiryResult,
    Event,
    HourState,
    HourTold,
    Lookup,
    PlaceKept,
    QueueSeen,
    Rated,
    RoomFound,
    TakenUp,
    Transfer,
    Transferred,
    WayTaken,
    WishNoted,
    WordsKept,
)

EXAMPLE_CODE = "1234567894"  # its check digit is right


def answered(action: Action) -> Event:
    """All is kept; nothing is known of her, nobody is in the queue, and no official takes calls.

    Other systems find what they are asked for.

    Raises TypeError for what is not asked of a desk.
    """
    match action:
        case RecallCaller():
            return CallerKnown()
        case TakeUp():
            return TakenUp()
        case FindRoom():
            return RoomFound()
        case OpenCase():
            return CaseOpened(EXAMPLE_CODE)
        case KeepWords():
            return WordsKept()
        case RefineCase():
            return CaseRefined()
        case LookUpCase():
            return CaseSeen(Lookup.UNKNOWN)
        case WishCallBack():
            return WishNoted()
        case Confide():
            return Confided()
        case Confirm() | Settle() | MissReason():
            return Confirmed()
        case Rate():
            return Rated()
        case Enquire():
            return examples(action)
        case LookAtQueue():
            return QueueSeen()
        case KeepPlace():
            return PlaceKept()
        case Operator():
            return Transferred(Transfer.NOBODY)
        case JoinHour() | AwaitHour():
            return HourTold(HourState.CLOSED)
        case TakeWay(way=way):
            return WayTaken(way)
    raise TypeError(f"no desk answers {type(action).__name__}")


def examples(action: Enquire, turn: int = 0) -> Enquired:
    """Of what another system may answer: each value another one with each turn."""
    values = {name: each.example(turn) for name, each in action.takes.items()}
    return Enquired(EnquiryResult.FOUND, values)
