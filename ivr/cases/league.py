"""The league table: bodies in the order of the deadlines that they kept, honest about small numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from ivr.cases.figures import Figures, What

LEAST = 30  # deadlines in the period, below which nobody is ranked
_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Rank:
    """`rank` 0 = too few deadlines to be ranked. `low`, `high`: the 95 % interval of the share kept."""

    rank: int
    code: str
    figures: Figures
    low: float
    high: float


def league(bodies: Mapping[str, Figures], least: int = LEAST) -> list[Rank]:
    """The ranked, best first; then the others, the one with the most deadlines first. Equals share a rank."""
    places = []
    for code, figures in bodies.items():
        low, high = interval(figures[What.IN_TIME], figures.deadlines)
        places.append(Rank(0, code, figures, low, high))
    ranked = sorted((p for p in places if p.figures.deadlines >= least), key=lambda p: (-p.low, p.code))
    others = [p for p in places if p.figures.deadlines < least and any(p.figures.counts.values())]
    found: list[Rank] = []
    for number, place in enumerate(ranked, 1):
        same = found and found[-1].low == place.low
        rank = found[-1].rank if same else number
        found.append(Rank(rank, place.code, place.figures, place.low, place.high))
    return found + sorted(others, key=lambda p: (-p.figures.deadlines, p.code))


def interval(kept: int, of: int) -> tuple[float, float]:
    """Between which shares the true one probably lies (Wilson); (0, 1) when nothing is known."""
    if not of:
        return 0.0, 1.0
    share, z2 = kept / of, _Z**2
    middle, wide = share + z2 / (2 * of), _Z * sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max((middle - wide) / (1 + z2 / of), 0.0), min((middle + wide) / (1 + z2 / of), 1.0)
