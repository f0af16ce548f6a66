"""Figures: how much of what happened, by day, agency, county, topic and kind. Definitions: docs/figures.md.

A day is a bundle of facts: the same thing, at the same body, so many times. Facts are columns of whole
numbers (numpy), so that a year of a province with a million cases is summed up in tens of milliseconds, and
medians are exact instead of medians of medians.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class What(StrEnum):
    """What may happen. The order is that of the stored numbers: add at the end only.

    The facts' `value`: for OPENED and CALLED the hour of the day, for OVERDUE weekday × 24 + hour of the
    opening (Monday = 0), for IN_TIME and LATE the calendar days that the citizen waited, for RATED 1 to 5.
    """

    OPENED = "opened"
    RECEIVED = "received"
    IN_TIME = "in_time"  # answered by the deadline
    LATE = "late"  # answered after it
    OVERDUE = "overdue"
    RETURNED = "returned"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    SOLVED = "solved"
    UNCONFIRMED = "unconfirmed"
    BY_DESK = "by_desk"
    ADVISED = "advised"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    RATED = "rated"
    CALLED = "called"


WHATS = tuple(What)
NUMBER = {what: number for number, what in enumerate(WHATS)}
ANSWERS = (NUMBER[What.IN_TIME], NUMBER[What.LATE])
CLOSURES = (What.SOLVED, What.UNCONFIRMED, What.BY_DESK, What.ADVISED, What.WITHDRAWN, What.MERGED)
DIMENSIONS = ("agency", "county", "topic", "kind")
LONGEST = 400  # days of waiting that are told apart; what took longer counts as this
_STORED = np.dtype(
    [("what", "<u1"), *((name, "<u2") for name in DIMENSIONS), ("value", "<u2"), ("count", "<u4")]
)


@dataclass(frozen=True, slots=True)
class FigureFact:
    """So many times this on one day."""

    what: str
    agency: str
    county: str
    topic: str
    kind: str
    value: int
    count: int


@dataclass(slots=True)
class Numbering:
    """Code ↔ number, for each dimension; only ever appended to, so that a number keeps its meaning."""

    lists: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in DIMENSIONS})
    numbers: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in DIMENSIONS})

    @classmethod
    def of(cls, lists: Mapping[str, Sequence[str]]) -> Numbering:
        names = cls()
        for dimension in DIMENSIONS:
            for code in lists.get(dimension, ()):
                names.number(dimension, code)
        return names

    def number(self, dimension: str, code: str) -> int:
        known = self.numbers[dimension]
        if code not in known:
            known[code] = len(known)
            self.lists[dimension].append(code)
        return known[code]

    def extend(self, lists: Mapping[str, Sequence[str]]) -> bool:
        """Take over what another one knows beyond this one; False when the two contradict each other."""
        for dimension in DIMENSIONS:
            own, other = self.lists[dimension], list(lists.get(dimension, ()))
            if own[: len(other)] != other[: len(own)]:
                return False
            for code in other[len(own) :]:
                self.number(dimension, code)
        return True


@dataclass(frozen=True)
class Facts:
    """Columns of one length, by day: `day` (ordinal), `what`, the dimensions by number, `value`, `count`."""

    names: Numbering
    columns: Mapping[str, Array]

    @cached_property
    def counts(self) -> Array:
        """As what is summed up takes them."""
        return self.columns["count"].astype("<f8")

    @cached_property
    def answers(self) -> Array:
        """Where the answers are."""
        what = self.columns["what"]
        return np.flatnonzero((what == ANSWERS[0]) | (what == ANSWERS[1]))

    @cached_property
    def ratings(self) -> Array:
        return np.flatnonzero(self.columns["what"] == NUMBER[What.RATED])

    def __len__(self) -> int:
        return len(self.columns["count"])

    def only(self, wanted: Array) -> Facts:
        return Facts(self.names, {name: column[wanted] for name, column in self.columns.items()})

    def between(self, since: int, until: int) -> Facts:
        """The days from `since` up to and without `until`, as ordinals."""
        first, last = np.searchsorted(self.columns["day"], (since, until))
        return Facts(self.names, {name: column[first:last] for name, column in self.columns.items()})

    def where(self, **codes: Iterable[str]) -> Facts:
        """Only these codes of a dimension. Calls, which have no dimension, fall out."""
        wanted = self.columns["what"] != NUMBER[What.CALLED]
        for dimension, chosen in codes.items():
            known = self.names.numbers[dimension]
            numbers = [known[code] for code in chosen if code in known]
            wanted &= np.isin(self.columns[dimension], numbers)
        return self.only(wanted)


def packed(names: Numbering, facts: Iterable[FigureFact]) -> bytes:
    """A day as it is stored, in the numbers of `names`."""
    rows = []
    for fact in facts:
        codes = (names.number(name, getattr(fact, name)) for name in DIMENSIONS)
        value = min(max(fact.value, 0), LONGEST)
        rows.append((NUMBER[What(fact.what)], *codes, value, fact.count))
    return np.array(rows, dtype=_STORED).tobytes()


def unpacked(names: Numbering, days: Sequence[tuple[int, bytes]]) -> Facts:
    """Days in one: the ordinal of each and what was packed."""
    stored = np.frombuffer(b"".join(each for _, each in days), dtype=_STORED)
    lengths = [len(each) // _STORED.itemsize for _, each in days]
    columns: dict[str, Array] = {"day": np.repeat(np.array([day for day, _ in days], dtype="<i4"), lengths)}
    columns |= {name: np.ascontiguousarray(stored[name]) for name in _STORED.names or ()}
    return Facts(names, columns)


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of some facts. `median`, `p90`: within so many calendar days that share of the answers came."""

    counts: Mapping[What, int]
    median: int | None = None
    p90: int | None = None
    satisfaction: float | None = None

    def __getitem__(self, what: What) -> int:
        return self.counts.get(what, 0)

    @property
    def answered(self) -> int:
        return self[What.IN_TIME] + self[What.LATE]

    @property
    def closed(self) -> int:
        """However it ended."""
        return sum(self[what] for what in CLOSURES)

    @property
    def deadlines(self) -> int:
        """Those that were kept and those that passed. What came late is among the latter, once."""
        return self[What.IN_TIME] + self[What.OVERDUE]

    @property
    def kept(self) -> float | None:
        """The share of the deadlines that were kept; None where there was none."""
        return self[What.IN_TIME] / self.deadlines if self.deadlines else None


def total(facts: Facts) -> Figures:
    """Everything in one."""
    return _summed(facts, None, 1)[0]


def by(facts: Facts, dimension: str) -> dict[str, Figures]:
    """One for each code that occurs; calls apart."""
    codes = facts.names.lists[dimension]
    found = _summed(facts, facts.columns[dimension].astype("<i8"), len(codes), without=NUMBER[What.CALLED])
    return {code: figures for code, figures in zip(codes, found, strict=True) if any(figures.counts.values())}


def series(facts: Facts, edges: Sequence[int]) -> list[Figures]:
    """One for each span between two neighbouring edges (day ordinals, the last one without its day)."""
    facts = facts.between(edges[0], edges[-1])
    place = np.searchsorted(np.array(edges[1:-1]), facts.columns["day"], side="right")
    return _summed(facts, place, len(edges) - 1)


def hours(facts: Facts, what: What) -> Array:
    """Weekday (Monday = 0) × hour of the day: how often. OVERDUE: when those cases had been opened."""
    facts = facts.only(facts.columns["what"] == NUMBER[what])
    place = facts.columns["value"].astype("<i4")
    if what is not What.OVERDUE:
        place = (facts.columns["day"] - 1) % 7 * 24 + place  # ordinal 1 was a Monday
    counts = np.bincount(place, weights=facts.columns["count"], minlength=7 * 24)
    return counts[: 7 * 24].astype(int).reshape(7, 24)


def waits(facts: Facts, edges: Sequence[int]) -> list[int]:
    """How many answers took from `edges[n]` to less than `edges[n + 1]` days; the last: so long and more."""
    value, count = facts.columns["value"][facts.answers], facts.counts[facts.answers]
    place = np.searchsorted(np.array(edges), value, side="right") - 1
    counts = np.bincount(np.maximum(place, 0), weights=count, minlength=len(edges))
    return [int(n) for n in counts]


def crossed(facts: Facts, what: What, one: str, other: str) -> dict[tuple[str, str], int]:
    """How often for each pair of codes that occurs."""
    facts = facts.only(facts.columns["what"] == NUMBER[what])
    first, second = facts.names.lists[one], facts.names.lists[other]
    place = facts.columns[one].astype("<i4") * len(second) + facts.columns[other]
    counts = np.bincount(place, weights=facts.columns["count"], minlength=1)
    return {
        (first[int(n) // len(second)], second[int(n) % len(second)]): int(counts[n])
        for n in np.flatnonzero(counts)
    }


def _summed(facts: Facts, group: Array | None, groups: int, without: int | None = None) -> list[Figures]:
    """`group`: of each fact; None = all in one. `without`: what is left out."""
    what, value, size = facts.columns["what"], facts.columns["value"], len(WHATS)
    place = what if group is None else group * size + what
    counts = np.bincount(place, weights=facts.counts, minlength=groups * size)
    counts = counts.reshape(groups, size).astype(int)
    if without is not None:
        counts[:, without] = 0

    def of(chosen: Array) -> Any:
        return 0 if group is None else group[chosen]

    waited = of(facts.answers) * (LONGEST + 1) + value[facts.answers].astype("<i8")
    days = np.bincount(waited, weights=facts.counts[facts.answers], minlength=groups * (LONGEST + 1))
    share = np.cumsum(days.reshape(groups, LONGEST + 1), axis=1)
    half, most = (np.argmax(share >= part * share[:, -1:], axis=1) for part in (0.5, 0.9))
    said = of(facts.ratings) + np.zeros(len(facts.ratings), dtype="<i8")
    points = value[facts.ratings] * facts.counts[facts.ratings]
    scores = np.bincount(said, weights=points, minlength=groups)
    return [
        _figures(counts[n], share[n, -1], int(half[n]), int(most[n]), float(scores[n])) for n in range(groups)
    ]


def _figures(counts: Array, answers: float, median: int, p90: int, scores: float) -> Figures:
    ratings = int(counts[NUMBER[What.RATED]])
    return Figures(
        {what: int(n) for what, n in zip(WHATS, counts, strict=True)},
        median if answers else None,
        p90 if answers else None,
        scores / ratings if ratings else None,
    )
