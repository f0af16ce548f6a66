"""Whose turn it is among those who wait for an operator at home, and how they are rung. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ivr.cases.callback import Policy, in_haste

PLACE_HOLDS = timedelta(hours=24)  # whose turn has not come by then is not rung for it any more
TURN_RINGS = 3
_GAPS = (timedelta(minutes=5), timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class TurnPlace:
    """A place that is kept. `since`: when she came to the queue.

    `rung`: she is rung now, or talks. `later`: she may only be rung at a time that is yet to come.
    """

    id: uuid.UUID
    since: datetime
    rung: bool = False
    later: bool = False


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
