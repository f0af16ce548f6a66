"""The escalation ladder: who becomes responsible for a case when its time runs out, and when.

A rung's time is working time of the case's own clock, counted from its deadline, so that a pause, a closure
or an answer that waits for the citizen moves every rung together with the deadline. A case keeps the number
of rungs that it has climbed, whatever agency or topic it gets, and never sinks to a lower level; but by the
new deadline of a case that is opened again, or of an order that is extended, the top comes again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from ivr.cases.clock import Clock
from ivr.cases.deadlines import Calendar


@dataclass(frozen=True, slots=True)
class Rung:
    """`level` is responsible from `days` working days after the deadline on (negative: before it)."""

    name: str
    level: str
    days: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs in their order. `repeat`: the last one comes again every so many working days; 0 = never."""

    rungs: tuple[Rung, ...]
    repeat: int = 0

    def rung(self, number: int) -> Rung | None:
        """The `number`th rung, from 1; None when the ladder ends before it."""
        beyond = number - len(self.rungs)
        if beyond <= 0:
            return self.rungs[number - 1]
        last = self.rungs[-1]
        return replace(last, days=last.days + beyond * self.repeat) if self.repeat else None


@dataclass(frozen=True, slots=True)
class Term:
    """The time that a case has: so many working `days` of its clock, in its county."""

    clock: Clock
    calendar: Calendar
    days: int
    county: str = ""

    @property
    def due_at(self) -> datetime:
        return self.clock.due_at(self.calendar, self.days, self.county)

    def at(self, rung: Rung) -> datetime:
        """When `rung` comes; what comes before the deadline, never before the end of the first working day.

        An order that is handed back on its day or later has no day left: its rungs count from its deadline.
        """
        first = min(1, self.days)
        return self.clock.due_at(self.calendar, max(first, self.days + rung.days), self.county)


@dataclass(frozen=True, slots=True)
class Ladders:
    """A province's ladders. `levels` from the lowest up; a topic's own ladder goes before an agency's."""

    levels: tuple[str, ...]
    usual: Ladder
    topics: Mapping[str, Ladder] = field(default_factory=dict)
    agencies: Mapping[str, Ladder] = field(default_factory=dict)

    def of(self, topic: str, agency: str) -> Ladder:
        """`topic`: the one that governs the case."""
        return self.topics.get(topic) or self.agencies.get(agency) or self.usual

    def higher(self, one: str, other: str) -> str:
        """The higher of two levels; a level that is no longer known is below all."""
        return max(one, other, key=lambda level: self.levels.index(level) if level in self.levels else -1)

    def above(self, ladder: Ladder, rung: int, level: str) -> int:
        """The first rung behind `rung` whose level is higher than `level`, as a number; else `rung`."""
        for number in range(rung + 1, len(ladder.rungs) + 1):
            if self.higher(level, ladder.rungs[number - 1].level) != level:
                return number
        return rung


# Officer → head of agency → deputy governor → governor, for a province without its own file.
STANDARD = Ladders(
    levels=("officer", "head", "deputy_governor", "governor"),
    usual=Ladder(
        (
            Rung("reminder", "officer", -1),
            Rung("overdue", "head", 0),
            Rung("deputy", "deputy_governor", 2),
            Rung("governor", "governor", 5),
        ),
        repeat=5,
    ),
)


def next_at(ladder: Ladder, term: Term, rung: int) -> datetime | None:
    """When a case that stands on `rung` must climb; None when its ladder ends there."""
    step = ladder.rung(rung + 1)
    return None if step is None else term.at(step)


def climb(ladder: Ladder, term: Term, rung: int, now: datetime) -> tuple[list[Rung], datetime | None]:
    """The rungs above `rung` whose time has come, in order, and when the one after them comes.

    A case of many years (a clock was wrong once) has passed a thousand repeats of the last rung: they are
    galloped over, and the last of them stands for all.
    """
    passed: list[Rung] = []
    while (step := ladder.rung(rung + len(passed) + 1)) is not None:
        at = term.at(step)
        if at > now:
            return passed, at
        if rung + len(passed) >= len(ladder.rungs):
            last = _gallop(ladder, term, rung + len(passed) + 1, now)
            passed += [_rung(ladder, last)] * (last - rung - len(passed))
            return passed, term.at(_rung(ladder, last + 1))
        passed.append(step)
    return passed, None


def _gallop(ladder: Ladder, term: Term, come: int, now: datetime) -> int:
    """The last repeat whose time has come; that of number `come` has."""
    ahead = 1
    while term.at(_rung(ladder, come + ahead)) <= now:
        ahead *= 2
    missing = range(come, come + ahead)  # the first of them has come, the one behind the last has not
    later = bisect_left(missing, True, key=lambda number: term.at(_rung(ladder, number + 1)) > now)
    return missing[later]


def _rung(ladder: Ladder, number: int) -> Rung:
    """One of a ladder that repeats."""
    rung = ladder.rung(number)
    assert rung is not None, "a ladder that repeats has no end"
    return rung


def as_json(ladders: Ladders) -> dict[str, Any]:
    """As the database keeps it and `ivr escalation ladder --json` shows it."""
    return {
        "levels": list(ladders.levels),
        "usual": _shape(ladders.usual),
        "topics": {name: _shape(ladder) for name, ladder in ladders.topics.items()},
        "agencies": {name: _shape(ladder) for name, ladder in ladders.agencies.items()},
    }


def from_json(shape: Mapping[str, Any]) -> Ladders:
    """What `as_json` made; STANDARD for an empty mapping."""
    if not shape:
        return STANDARD
    topics, agencies = (
        {name: _ladder(ladder) for name, ladder in shape[part].items()} for part in ("topics", "agencies")
    )
    return Ladders(tuple(shape["levels"]), _ladder(shape["usual"]), topics, agencies)


def _shape(ladder: Ladder) -> dict[str, Any]:
    return {"rungs": [asdict(rung) for rung in ladder.rungs], "repeat": ladder.repeat}


def _ladder(shape: Mapping[str, Any]) -> Ladder:
    return Ladder(tuple(Rung(**rung) for rung in shape["rungs"]), shape["repeat"])
