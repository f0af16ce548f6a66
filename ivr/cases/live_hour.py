"""The hour in which an official takes calls of the hotline himself: who waits, whose turn it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from ivr.cases.meetings import Official
from ivr.cases.transitions import Refused

SHORTEST, LONGEST = timedelta(minutes=10), timedelta(hours=4)
MOST_ROOM = 20  # as far as a place in the line is spoken
USUAL_ROOM = 10
FRESH = timedelta(seconds=15)  # what a call's process has not looked at for longer is gone with it


@dataclass(frozen=True, slots=True)
class HourOffered:
    """Whose hour a caller is offered: `official` of which body (its code), for many bodies have a head."""

    official: Official
    agency: str


class HourCallState(StrEnum):
    """Where a call stands. The values are stable names."""

    WAITING = "waiting"
    RINGING = "ringing"  # it is her turn, and his telephone rings
    TALKING = "talking"
    OVER = "over"


class HourOutcome(StrEnum):
    """What came of a call that is over. The values are stable names."""

    HEARD = "heard"  # they talked
    LEFT = "left"  # she hung up while she waited, or her process died
    NOT_TAKEN = "not_taken"  # the hour was closed, or she waited too long


class HourCallSeen(Protocol):
    """A row of `hour_calls`."""

    @property
    def state(self) -> str: ...
    @property
    def joined_at(self) -> datetime: ...
    @property
    def seen_at(self) -> datetime: ...


C = TypeVar("C", bound=HourCallSeen)


def is_live(call: HourCallSeen, now: datetime) -> bool:
    """Whether somebody is on that line, as far as one can know."""
    return call.state != HourCallState.OVER and now - call.seen_at < FRESH


def waiting(calls: Sequence[C], now: datetime) -> list[C]:
    """Those in line, the first in front."""
    found = [call for call in calls if call.state == HourCallState.WAITING and is_live(call, now)]
    return sorted(found, key=lambda call: call.joined_at)


def taken(calls: Sequence[C], now: datetime) -> C | None:
    """The one that he talks with, or whose turn it is."""
    busy = (HourCallState.RINGING, HourCallState.TALKING)
    return next((call for call in calls if call.state in busy and is_live(call, now)), None)


def check(starts_at: datetime, ends_at: datetime, room: int) -> None:
    """Raises Refused for what is no such hour."""
    if not SHORTEST <= ends_at - starts_at <= LONGEST:
        raise Refused("such an hour lasts 10 minutes to 4 hours")
    if not 1 <= room <= MOST_ROOM:
        raise Refused(f"1 to {MOST_ROOM} may wait in line, not {room}")
