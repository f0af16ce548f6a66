"""How a case stands to its deadline: the one place that counts days left and days late.

Both are working days, as the deadline itself is: a case page, a line of the inbox and a letter that count
differently give an officer three numbers to choose from. A day counts as soon as it has begun: what was due
yesterday is one day late today. Over a weekend a case may be late by no working day yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from ivr.cases.deadlines import Calendar


class Pace(StrEnum):
    ENDED = "ended"
    ANSWERED = "answered"  # the clock stands until the citizen has spoken
    PAUSED = "paused"
    LEFT = "left"
    TODAY = "today"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Standing:
    """`days`: working days left or late; 0 where none are counted."""

    pace: Pace
    days: int = 0

    @property
    def late(self) -> int:
        return self.days if self.pace is Pace.LATE else 0


def standing(
    calendar: Calendar,
    now: datetime,
    due_at: datetime,
    county: str = "",
    *,
    ended: bool = False,
    answered: bool = False,
    paused_until: datetime | None = None,
) -> Standing:
    """Where the clock stands still nothing is left and nothing late."""
    if ended:
        return Standing(Pace.ENDED)
    if answered:
        return Standing(Pace.ANSWERED)
    if paused_until is not None and now < paused_until:
        return Standing(Pace.PAUSED)
    if due_at < now:
        return Standing(Pace.LATE, calendar.working_days(due_at, now, county))
    zone = ZoneInfo(calendar.timezone)
    if due_at.astimezone(zone).date() == now.astimezone(zone).date():
        return Standing(Pace.TODAY)
    return Standing(Pace.LEFT, calendar.working_days(now, due_at, county))
