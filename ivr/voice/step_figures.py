"""What callers did at each step and in which second of it, added up over many calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.voice.footprints import LONGEST_SECOND, WAY, Did, Fate, deed, fate, footprints, ways_taken
from ivr.voice.menu_trial import by_chance

ENTERED = "entered"


@dataclass(slots=True)
class StepFigure:
    """`entered`: how often callers came there. `seconds`: what they did → in which second of it → how often.

    Whoever is asked again does something again: the sum may be more than `entered`. `ways`: of a `share`
    step, where it sent calls → what came of them → how many.
    """

    entered: int = 0
    seconds: dict[Did, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    ways: dict[str, Counter[Fate]] = field(default_factory=lambda: defaultdict(Counter))

    def many(self, did: Did) -> int:
        """How often they did that there."""
        return sum(self.seconds[did].values()) if did in self.seconds else 0

    def shares(self) -> dict[str, tuple[int, dict[Fate, float]]]:
        """Of a `share` step, where it sent calls → how many, and what part of them came to what."""
        return {
            way: (fates.total(), {fate: fates[fate] / fates.total() for fate in Fate})
            for way, fates in sorted(self.ways.items())
        }

    def chance(self) -> float | None:
        """How likely two ways that serve alike differ so much or more; None unless calls went both of two."""
        served = [(fates[Fate.SERVED], fates.total()) for fates in self.ways.values()]
        return by_chance(*served) if len(served) == 2 else None

    def as_json(self) -> dict[str, Any]:
        """Stable names: `entered`, each deed's sum, `seconds`: deed → second → how often, `ways`."""
        sums = {str(did): self.many(did) for did in Did}
        seconds = {
            str(did): {str(second): many for second, many in sorted(found.items())}
            for did, found in sorted(self.seconds.items())
        }
        ways = {
            way: {str(fate): found[fate] for fate in Fate if found[fate]}
            for way, found in sorted(self.ways.items())
        }
        return {ENTERED: self.entered, **sums, "seconds": seconds, "ways": ways}


@dataclass(slots=True)
class TreeFigures:
    """Of `calls` calls, by step."""

    calls: int = 0
    steps: dict[str, StepFigure] = field(default_factory=lambda: defaultdict(StepFigure))

    def add(self, began: datetime, steps: Sequence[Mapping[str, Any]], outcome: str | None = None) -> None:
        """One call that is over, as its row tells it.

        Of one that another release wrote so that it can't be read, only that there was a call. Raises
        KeyError, ValueError, TypeError, AttributeError.
        """
        self.calls += 1
        all_of, ways, end = list(footprints(began, steps)), ways_taken(steps), fate(outcome, steps)
        before = ""
        for each in all_of:
            figure = self.steps[each.step]
            figure.entered += each.step != before
            figure.seconds[each.did][min(int(each.second), LONGEST_SECOND)] += 1
            before = each.step
        for step, way in ways.items():
            self.steps[step].entered += 1
            self.steps[step].ways[way][end] += 1

    def merge(self, told: Mapping[str, Any], calls: int) -> None:
        """Those of other calls, as `as_json` gave them."""
        self.calls += calls
        for step, figure in told.items():
            mine = self.steps[step]
            mine.entered += figure[ENTERED]
            for did, seconds in figure["seconds"].items():
                mine.seconds[Did(did)].update({int(second): many for second, many in seconds.items()})
            for way, fates in figure.get("ways", {}).items():  # not of days that older releases counted
                mine.ways[way].update({Fate(fate): many for fate, many in fates.items()})

    def as_json(self) -> dict[str, Any]:
        """By step."""
        return {step: figure.as_json() for step, figure in self.steps.items()}


def passed(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """By which a call is found: “step:deed” for what she did at its steps, “step:entered”, “step:way:to”."""
    found = set[str]()
    for each in steps:
        if (did := deed(each)) is not None:
            found |= {f"{each['step']}:{did}", f"{each['step']}:{ENTERED}"}
    found |= {f"{step}:{WAY}{way}" for step, way in ways_taken(steps).items()}
    return sorted(found)
