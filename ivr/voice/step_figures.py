"""What callers did at each step and in which second of it, added up over many calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.voice.footprints import LONGEST_SECOND, Did, deed, footprints

ENTERED = "entered"


@dataclass(slots=True)
class StepFigure:
    """`entered`: how often callers came there. `seconds`: what they did → in which second of it → how often.

    Whoever is asked again does something again: the sum may be more than `entered`.
    """

    entered: int = 0
    seconds: dict[Did, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def many(self, did: Did) -> int:
        """How often they did that there."""
        return sum(self.seconds[did].values()) if did in self.seconds else 0

    def as_json(self) -> dict[str, Any]:
        """Stable names: `entered`, each deed's sum, `seconds`: deed → second → how often."""
        sums = {str(did): self.many(did) for did in Did}
        seconds = {
            str(did): {str(second): many for second, many in sorted(found.items())}
            for did, found in sorted(self.seconds.items())
        }
        return {ENTERED: self.entered, **sums, "seconds": seconds}


@dataclass(slots=True)
class TreeFigures:
    """Of `calls` calls, by step."""

    calls: int = 0
    steps: dict[str, StepFigure] = field(default_factory=lambda: defaultdict(StepFigure))

    def add(self, began: datetime, steps: Sequence[Mapping[str, Any]]) -> None:
        """One call, as its row tells it."""
        self.calls += 1
        before = ""
        for each in footprints(began, steps):
            figure = self.steps[each.step]
            figure.entered += each.step != before
            figure.seconds[each.did][min(int(each.second), LONGEST_SECOND)] += 1
            before = each.step

    def merge(self, told: Mapping[str, Any], calls: int) -> None:
        """Those of other calls, as `as_json` gave them."""
        self.calls += calls
        for step, figure in told.items():
            mine = self.steps[step]
            mine.entered += figure[ENTERED]
            for did, seconds in figure["seconds"].items():
                mine.seconds[Did(did)].update({int(second): many for second, many in seconds.items()})

    def as_json(self) -> dict[str, Any]:
        """By step."""
        return {step: figure.as_json() for step, figure in self.steps.items()}


def passed(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """By which a call is found: “step:deed” for what she did at each of its steps, and “step:entered”."""
    found = set()
    for each in steps:
        if (did := deed(each)) is not None:
            found |= {f"{each['step']}:{did}", f"{each['step']}:{ENTERED}"}
    return sorted(found)
