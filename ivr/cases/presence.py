"""Who of a session is where on its day: expected, waiting, in the room, heard. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ivr.cases.national_id import is_valid

LATEST = timedelta(days=1)  # what was done longer ago and is sent now counts as of then


class Presence(StrEnum):
    """The values are stable names."""

    EXPECTED = "expected"
    ARRIVED = "arrived"
    INSIDE = "inside"  # in the room, at one of the tables
    HEARD = "heard"
    MISSED = "missed"


def presence(slot: Any) -> Presence:
    """Of a slot that somebody has: `outcome`, `arrived_at`, `began_at`."""
    if slot.outcome:
        return Presence.HEARD if slot.outcome == "met" else Presence.MISSED
    if slot.began_at is not None:
        return Presence.INSIDE
    return Presence.ARRIVED if slot.arrived_at is not None else Presence.EXPECTED


@dataclass(frozen=True, slots=True)
class Hall:
    """Slots in order. `next`: who comes in next; `waiting`: those there behind her; `expected`: not there."""

    inside: tuple[Any, ...]
    next: Any | None
    waiting: tuple[Any, ...]
    expected: tuple[Any, ...]
    over: tuple[Any, ...]


def in_the_hall(slots: Iterable[Any]) -> Hall:
    """Those who have a slot, as they stand. Whoever is there comes in by her number."""
    of: dict[Presence, list[Any]] = {each: [] for each in Presence}
    for slot in sorted(slots, key=lambda each: each.slot):
        of[presence(slot)].append(slot)
    there = of[Presence.ARRIVED]
    over = sorted((*of[Presence.HEARD], *of[Presence.MISSED]), key=lambda each: each.slot)
    return Hall(
        tuple(of[Presence.INSIDE]),
        there[0] if there else None,
        tuple(there[1:]),
        tuple(of[Presence.EXPECTED]),
        tuple(over),
    )


def done_at(claimed: datetime | None, now: datetime, sent: datetime | None = None) -> datetime:
    """When something was done that a browser kept for a while, within reason.

    `sent`: what its clock said as it was sent. That clock may be wrong: only how long ago it was is believed.
    """
    if claimed is None:
        return now
    age = (sent or now) - claimed
    return now - min(max(age, timedelta(0)), LATEST)


def is_hers(typed: str, code: str, national_id: str) -> bool:
    """Whether what was typed at the door is her code or her national ID; digits only."""
    return typed == code or (typed == national_id and is_valid(national_id))
