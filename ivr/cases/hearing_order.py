"""Who is heard first, and why: a fair order in which every reason and its weight can be shown. Pure.

Days of waiting have no cap, so that whoever waits long enough comes before every newcomer. Whoever met an
official already and was promised what was not done heads the list; whoever did not come to her slot stands
behind all others for a while, but not for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from ivr.cases.periods import days_between

COOL_DOWN = timedelta(days=30)  # after a no-show
HEADING, USUAL, COOLING = range(3)  # groups, in the order of hearing
PER_DAY, PER_URGENCY, FIRST_MEETING, PER_ORDER = 1, 20, 10, 15


class Urgency(IntEnum):
    USUAL = 0
    URGENT = 1
    PRESSING = 2  # life, home or livelihood is at stake


class Ground(StrEnum):
    """The values are stable names: JSON and the panel's words."""

    WAITING = "waiting"
    URGENCY = "urgency"
    FIRST_MEETING = "first_meeting"
    UNKEPT_ORDERS = "unkept_orders"
    COOL_DOWN = "cool_down"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`unkept`: orders given for her that were not kept. `missed_at`: the slot she did not come to."""

    code: str
    asked_at: datetime
    urgency: Urgency = Urgency.USUAL
    met_before: bool = False
    unkept: int = 0
    missed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Because:
    """`count`: days, degree or number, as `why` has it. `points`: what it adds."""

    why: Ground
    count: int
    points: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate's place. `group`: HEADING, USUAL or COOLING; within one, more points go first."""

    code: str
    group: int
    reasons: tuple[Because, ...]

    @property
    def points(self) -> int:
        return sum(reason.points for reason in self.reasons)


def fair_order(candidates: Iterable[Candidate], now: datetime, zone: ZoneInfo) -> list[Ranked]:
    """Everybody, the first to be heard first. The same whatever order they are given in.

    `zone`: the province's, whose days are counted.
    """
    found = [(place(candidate, now, zone), candidate) for candidate in candidates]
    found.sort(key=lambda pair: (pair[0].group, -pair[0].points, pair[1].asked_at, pair[1].code))
    return [placed for placed, _ in found]


def place(candidate: Candidate, now: datetime, zone: ZoneInfo) -> Ranked:
    """Where she stands, with the reasons."""
    reasons = tuple(_reasons(candidate, now, zone))
    whys = {reason.why for reason in reasons}
    group = COOLING if Ground.COOL_DOWN in whys else HEADING if Ground.UNKEPT_ORDERS in whys else USUAL
    return Ranked(candidate.code, group, reasons)


def _reasons(candidate: Candidate, now: datetime, zone: ZoneInfo) -> Iterator[Because]:
    days = max(days_between(candidate.asked_at, now, zone), 0)
    yield Because(Ground.WAITING, days, days * PER_DAY)
    if candidate.urgency:
        yield Because(Ground.URGENCY, int(candidate.urgency), candidate.urgency * PER_URGENCY)
    if not candidate.met_before:
        yield Because(Ground.FIRST_MEETING, 1, FIRST_MEETING)
    if candidate.unkept:
        yield Because(Ground.UNKEPT_ORDERS, candidate.unkept, candidate.unkept * PER_ORDER)
    if candidate.missed_at and now < candidate.missed_at + COOL_DOWN:
        left = candidate.missed_at + COOL_DOWN - now
        yield Because(Ground.COOL_DOWN, max(left.days, 1), 0)


def in_blocks(waiting: Iterable[tuple[str, str]]) -> list[str]:
    """Codes with their bodies, so that those of one body follow each other; the first of each keeps its place
    before the first of the next, and within a block the order stays."""
    blocks: dict[str, list[str]] = {}
    for code, body in waiting:
        blocks.setdefault(body or code, []).append(code)
    return [code for block in blocks.values() for code in block]
