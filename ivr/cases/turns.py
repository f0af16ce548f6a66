"""Whose turn it is among those who wait for an operator at home, and how they are rung. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from ivr.cases.callback import Policy, in_haste
from ivr.cases.deadlines import Calendar

PLACE_HOLDS = timedelta(hours=24)  # whose turn has not come by then is not rung for it any more …
MOST_CLOSED = 14  # … nor after so many days on which nobody was to serve
TURN_RINGS = 3
_GAPS = (timedelta(minutes=5), timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Hours:
    """Office hours. `days`: Python weekdays (Monday 0)."""

    days: frozenset[int]
    opens: time
    closes: time

    def hold(self, now: datetime) -> bool:
        """Whether somebody should be there. `now`: the zoned time of the province."""
        return now.weekday() in self.days and self.opens <= now.time() < self.closes

    def written(self) -> str:
        """As `read_hours` reads them: "01256 07:00 19:00"."""
        days = "".join(map(str, sorted(self.days))) or "-"
        return f"{days} {self.opens:%H:%M} {self.closes:%H:%M}"


def read_hours(written: str) -> Hours | None:
    """None for "", which is always. Raises ValueError for what this release can't read."""
    if not written:
        return None
    days, opens, closes = written.split()
    return Hours(frozenset(map(int, days.strip("-"))), time.fromisoformat(opens), time.fromisoformat(closes))


@dataclass(frozen=True, slots=True)
class TurnPlace:
    """A place that is kept. `since`: when she came to the queue.

    `rung`: she is rung now, or talks. `later`: she may only be rung at a time that is yet to come.
    """

    id: uuid.UUID
    since: datetime
    rung: bool = False
    later: bool = False


def still_holds(kept_at: datetime, now: datetime, hours: Hours | None, calendar: Calendar) -> bool:
    """Whether a place is kept yet: days on which nobody is to serve count for nothing. Both times zoned."""
    if hours is None:
        return now - kept_at <= PLACE_HOLDS
    kept_on = kept_at.astimezone(now.tzinfo).date()
    since = min((now.date() - kept_on).days, MOST_CLOSED)  # counted forward: the day they are back takes none
    days = [kept_on + timedelta(days=n) for n in range(1, since + 1)]
    closed = sum(day.weekday() not in hours.days or not calendar.is_working(day) for day in days)
    return now - kept_at <= PLACE_HOLDS + timedelta(days=closed)


def whose_turn(
    places: Iterable[TurnPlace], on_the_line: Sequence[datetime], serving: int
) -> frozenset[uuid.UUID]:
    """Those before whom nobody waits any more, the first first: no more at once than operators serve.

    `on_the_line`: since when those wait there who have not hung up. Who is to be rung later holds up nobody.
    """
    ordered = sorted(places, key=lambda place: (place.since, place.id))
    rung = sum(place.rung for place in ordered)
    first = [place for place in ordered if not (place.rung or place.later)][: max(0, serving - rung)]
    return frozenset(place.id for place in first if all(place.since <= since for since in on_the_line))


def in_turn(policy: Policy) -> Policy:
    """She is at her telephone and waits for it: sooner again, and not for days. The hours hold as ever."""
    return replace(in_haste(policy), attempts=TURN_RINGS, over=timedelta(0), gaps=_GAPS, busy_gap=_GAPS[0])
