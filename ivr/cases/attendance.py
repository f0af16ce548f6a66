"""Agencies at a session: whether they come, and until when each owes its written view. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ivr.cases.deadlines import Calendar
from ivr.cases.transitions import Refused

AHEAD = timedelta(days=5)  # of a session: from then on whom it needs is invited without being told to
LAST = timedelta(hours=1)  # before it: until then a view is of use, when it was asked for late
REMINDED = timedelta(days=1)  # before a view is due
_NOON = time(12)


class InvitationState(StrEnum):
    """The values are stable names."""

    INVITED = "invited"  # nothing was answered
    ACCEPTS = "accepts"  # the head comes
    SUBSTITUTE = "substitute"  # somebody comes for the head, by name
    REFUSES = "refuses"  # with a reason


class Came(StrEnum):
    """Who of the body was there. The values are stable names."""

    HEAD = "head"
    SUBSTITUTE = "substitute"
    NOBODY = "nobody"


def check_answer(state: InvitationState, who: str, reason: str) -> None:
    """Raises Refused for a substitute without a name, and a refusal without a reason."""
    if state is InvitationState.INVITED:
        raise Refused("an invitation is answered with accepts, substitute or refuses")
    if state is InvitationState.SUBSTITUTE and not who.strip():
        raise Refused("a substitute has a name")
    if state is InvitationState.REFUSES and not reason.strip():
        raise Refused("an invitation is refused with a reason")


def view_due(calendar: Calendar, starts_at: datetime, now: datetime) -> datetime:
    """Noon of the working day before the session; where that is too late by now, an hour before it.

    Within its last hour: until it begins.
    """
    day = calendar.day(starts_at) - timedelta(days=1)
    while not calendar.is_working(day):
        day -= timedelta(days=1)
    noon = datetime.combine(day, _NOON, ZoneInfo(calendar.timezone))
    if noon > now:
        return noon
    return starts_at - LAST if starts_at - LAST > now else starts_at


def reminder_at(asked_at: datetime, due_at: datetime) -> datetime:
    """A day before it is due; with less time, when half of it is over."""
    return max(due_at - REMINDED, asked_at + (due_at - asked_at) / 2)
