"""What a proof found, and how `ivr menu check` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from ivr.cases.kinds import Kind
from ivr.voice.arrivals import Arrival
from ivr.voice.menu import Leaf, Menu
from ivr.voice.mistakes import Mistake

LEAVES: dict[Leaf, str] = {
    "record": "until the beep",
    "operator": "until the operators' queue",
    "end": "until goodbye",
}


@dataclass(frozen=True, slots=True)
class StepSeconds:
    """Seconds spent in one step, in its slowest language: hearing everything once, and at worst."""

    step: str
    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class Proof:
    """`mistakes` is empty when the menu may go on the air. `measured`: with the prompts' true lengths.

    `complete`: False when the tree has too many ways to walk them all; the times are then the longest found.
    `menus_seconds`: the longest that questions can keep a caller, whatever she does; `inf`: for ever.
    """

    mistakes: tuple[Mistake, ...]
    arrivals: tuple[Arrival, ...]
    stays: tuple[StepSeconds, ...]
    measured: bool
    complete: bool
    menus_seconds: float = inf


@dataclass(frozen=True, slots=True)
class Figure:
    """One of a whole call, in its slowest language, and what the tree allows."""

    name: str
    seconds: float
    limit: float

    def __str__(self) -> str:
        limit = f" (limit {_clock(self.limit)})" if self.limit < inf else ""
        shown = _clock(self.seconds) if self.seconds < inf else "without end"
        return f"{'warning: ' if self.seconds > self.limit else ''}{self.name} {shown}{limit}"


def figures(menu: Menu, proof: Proof) -> list[Figure]:
    """To the beep and the whole call: hearing all, with the kind that takes longest.

    The whole call without what a review takes, and of all kinds but a meeting, which asks for more.
    """
    best: dict[tuple[Leaf, str], float] = {}
    for a in slowest(proof.arrivals):
        if a.kind and a.best is not None:
            best[a.leaf, a.kind] = min(a.best, best.get((a.leaf, a.kind), inf))
    reviewed = {step.id for step in menu.steps.values() if step.APART}
    review = max((stay.best for stay in proof.stays if stay.step in reviewed), default=0.0)
    beep = max((seconds for (leaf, _), seconds in best.items() if leaf == "record"), default=0.0)
    usual = (seconds for (leaf, kind), seconds in best.items() if leaf == "end" and kind != Kind.MEETING)
    whole, limits = max(usual, default=review) - review, menu.limits
    return [
        Figure("to the beep", beep, limits.to_beep_seconds),
        Figure("the whole call without review", whole, limits.call_seconds),
        Figure("the longest in questions", proof.menus_seconds, limits.menus_seconds),
    ]


def report(menu: Menu, proof: Proof) -> list[str]:
    """Plain lines. A time is the slowest language's."""
    lines = [str(mistake) for mistake in proof.mistakes]
    languages = ", ".join(menu.languages)
    lines.append(f"menu {menu.name}: {len(menu.steps)} steps, languages {languages}, start {menu.start}")
    if not proof.mistakes:
        lines.append("every step can be reached; silent and confused callers come to an end")
    lines += map(str, figures(menu, proof))
    lines += ["", *_table(("arrives at", "kind", ""), [_arrival(a) for a in slowest(proof.arrivals)])]
    lines += ["", *_table(("stays in", "", ""), [_stay(stay) for stay in proof.stays])]
    if not proof.measured:
        lines.append("prompts' lengths are unknown: each is counted as 2 s")
    if not proof.complete:
        lines.append("the tree has too many ways to walk them all: the worst times are the longest found")
    return lines


def _arrival(arrival: Arrival) -> tuple[str, ...]:
    best = "-" if arrival.best is None else _clock(arrival.best)
    return arrival.step, arrival.kind or "-", LEAVES[arrival.leaf], best, _clock(arrival.worst)


def _stay(stay: StepSeconds) -> tuple[str, ...]:
    return stay.step, "", "", _clock(stay.best), _clock(stay.worst)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rows = [(*head, "hearing all", "at worst"), *rows]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    return [_row(row, widths) for row in rows]


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    """Words to the left, times to the right."""
    cells = zip(row, widths, strict=True)
    return "  ".join(cell.ljust(w) if n < 3 else cell.rjust(w) for n, (cell, w) in enumerate(cells))


def slowest(arrivals: tuple[Arrival, ...]) -> list[Arrival]:
    """One arrival for each step and kind: that of the language that takes longest."""
    found: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        key = arrival.step, arrival.kind
        if key not in found or arrival.worst > found[key].worst:
            found[key] = arrival
    return list(found.values())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def report_json(menu: Menu, proof: Proof) -> dict[str, Any]:
    """The same for programs; seconds as numbers."""
    return {
        "ok": not proof.mistakes,
        "menu": menu.name,
        "languages": list(menu.languages),
        "steps": len(menu.steps),
        "mistakes": [mistake.as_json() for mistake in proof.mistakes],
        "measured": proof.measured,
        "complete": proof.complete,
        "figures": [
            {
                "name": f.name,
                "seconds": round(f.seconds, 1) if f.seconds < inf else None,
                "limit_seconds": f.limit if f.limit < inf else None,
            }
            for f in figures(menu, proof)
        ],
        "arrivals": [
            {
                "step": a.step,
                "leaf": a.leaf,
                "kind": a.kind,
                "language": a.language,
                "best_seconds": None if a.best is None else round(a.best, 1),
                "worst_seconds": round(a.worst, 1),
            }
            for a in proof.arrivals
        ],
        "stays": [
            {"step": s.step, "best_seconds": round(s.best, 1), "worst_seconds": round(s.worst, 1)}
            for s in proof.stays
        ],
    }
