"""The columns of every table of figures, and the numbers on the cards: one list for pages and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ivr.cases import figures
from ivr.cases.figures import Facts, Figures, What
from ivr.desk.reading.figures import Waiting
from ivr.web.numbers.asked import FiguresQuery
from ivr.web.panel.sheets import NUMBER, SHARE

SCORE, DAYS = "score", "days"  # kinds beside NUMBER and SHARE


@dataclass(frozen=True, slots=True)
class FiguresRow:
    """One row of a table: a code, its name ("" = the page knows a word for it), its figures."""

    code: str
    name: str
    figures: Figures
    waiting: int
    late: int


@dataclass(frozen=True, slots=True)
class Measure:
    """`name`: its word is numbers.measure.<name>. `good`: 1 more is better, -1 less is, 0 neither."""

    name: str
    kind: str
    good: int
    of: Callable[[FiguresRow], float | None]


def _of(what: What) -> Callable[[FiguresRow], float | None]:
    return lambda line: line.figures[what]


MEASURES = (
    Measure("opened", NUMBER, 0, _of(What.OPENED)),
    Measure("received", NUMBER, 0, _of(What.RECEIVED)),
    Measure("answered", NUMBER, 0, lambda line: line.figures.answered),
    Measure("kept", SHARE, 1, lambda line: line.figures.kept),
    Measure("overdue", NUMBER, -1, _of(What.OVERDUE)),
    Measure("returned", NUMBER, 0, _of(What.RETURNED)),
    Measure("reopened", NUMBER, -1, _of(What.REOPENED)),
    Measure("escalated", NUMBER, -1, _of(What.ESCALATED)),
    Measure("solved", NUMBER, 0, _of(What.SOLVED)),
    Measure("unconfirmed", NUMBER, 0, _of(What.UNCONFIRMED)),
    Measure("other_ends", NUMBER, 0,
            lambda line: line.figures.closed - line.figures[What.SOLVED] - line.figures[What.UNCONFIRMED]),
    Measure("median", DAYS, -1, lambda line: line.figures.median),
    Measure("p90", DAYS, -1, lambda line: line.figures.p90),
    Measure("satisfaction", SCORE, 1, lambda line: line.figures.satisfaction),
    Measure("rated", NUMBER, 0, _of(What.RATED)),
    Measure("waiting", NUMBER, 0, lambda line: line.waiting),
    Measure("late", NUMBER, -1, lambda line: line.late),
)  # fmt: skip
NAMED = {measure.name: measure for measure in MEASURES}
CARDS = (
    "opened",
    "answered",
    "kept",
    "overdue",
    "solved",
    "reopened",
    "returned",
    "median",
    "p90",
    "satisfaction",
)


def table(asked: FiguresQuery, facts: Facts, waiting: Sequence[Waiting]) -> list[FiguresRow]:
    """A line for each code of the dimension that was asked for, the one with the most first."""
    found, now = figures.by(facts, asked.by), _by(waiting, asked.by)
    lines = [
        FiguresRow(code, asked.name_of(asked.by, code), found.get(code, Figures({})), *now.get(code, (0, 0)))
        for code in {*found, *now}
    ]
    return sorted(
        lines, key=lambda each: (-each.figures[What.OPENED] - each.figures[What.RECEIVED], each.code)
    )


def whole(its: Figures, waiting: Iterable[Waiting]) -> FiguresRow:
    """The last line of every table."""
    rows = list(waiting)
    return FiguresRow("", "", its, sum(row.waiting for row in rows), sum(row.late for row in rows))


def _by(waiting: Iterable[Waiting], dimension: str) -> dict[str, tuple[int, int]]:
    """How many wait, and how many of them are late, for each code."""
    found: dict[str, tuple[int, int]] = {}
    code_of = attrgetter(dimension)
    for row in waiting:
        many, late = found.get(code := code_of(row), (0, 0))
        found[code] = many + row.waiting, late + row.late
    return found
