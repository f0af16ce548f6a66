"""When a caller arrives where it matters: at each beep, each operator's queue, each end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from ivr.cases.kinds import Kind
from ivr.voice.menu import Choosing, Leaf, Menu
from ivr.voice.timing import Timing
from ivr.voice.ways import By

MOST_WALKED = 20_000  # steps walked in search of the longest way; a tree that needs more is a maze


@dataclass(frozen=True, slots=True)
class Arrival:
    """Seconds from the first word to a leaf: until the beep, the queue or the hang-up.

    `best`: hearing every prompt once and answering at once; None when only misses lead here.
    `worst`: missing as often as allowed on the way. `kind` is "" where none has been chosen.
    """

    step: str
    leaf: Leaf
    kind: str
    language: str
    best: float | None
    worst: float


@dataclass(slots=True)
class _Found:
    best: float | None = None
    worst: float = 0.0

    def add(self, best: float | None, worst: float) -> None:
        self.worst = max(self.worst, worst)
        if best is not None:
            self.best = best if self.best is None else min(self.best, best)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A caller standing before a step. `best` is None once she has missed to the limit."""

    step: str
    path: frozenset[str]
    draft: Mapping[str, str]
    best: float | None
    worst: float
    asked: float = 0.0  # at worst, by questions that count towards the limits of the whole call


@dataclass(slots=True)
class Arrivals:
    """Walks every way without loops. `complete`: whether all could be walked.

    `most`: how many seconds the questions of a whole call take at most.
    """

    menu: Menu
    timings: Mapping[str, Timing]
    most: float = inf
    complete: bool = True
    _found: dict[tuple[str, str, str], _Found] = field(default_factory=dict)

    def find(self) -> tuple[Arrival, ...]:
        """All arrivals, in the order of the menu's steps."""
        # Whoever called before begins in her language.
        starts = [{"language": language} for language in reversed(self.menu.languages)]
        open_walks = [_Walk(self.menu.start, frozenset(), draft, 0.0, 0.0) for draft in starts]
        for _ in range(MOST_WALKED):
            if not open_walks:
                break
            walk = open_walks.pop()
            self._arrive(walk)
            open_walks += self._onward(walk)
        self.complete = not open_walks
        steps, kinds = list(self.menu.steps), ["", *Kind]
        order = sorted(self._found, key=lambda key: (steps.index(key[0]), kinds.index(key[1]), key[2]))
        return tuple(self._arrivals(order))

    def _arrivals(self, keys: list[tuple[str, str, str]]) -> Iterator[Arrival]:
        for key in keys:
            step, kind, language = key
            found = self._found[key]
            yield Arrival(step, self.menu.steps[step].LEAF, kind, language, found.best, found.worst)

    def _arrive(self, walk: _Walk) -> None:
        step = self.menu.steps[walk.step]
        if not step.LEAF:
            return
        language = walk.draft["language"]
        heard = self.timings[language].speech(step.prompt)
        best = None if walk.best is None else walk.best + heard
        key = (walk.step, walk.draft.get("kind", ""), language)
        self._found.setdefault(key, _Found()).add(best, walk.worst + min(walk.asked, self.most) + heard)

    def _onward(self, walk: _Walk) -> Iterator[_Walk]:
        """Ways to the same step with the same choices are one: only their times differ."""
        step = self.menu.steps[walk.step]
        timing = self.timings[walk.draft["language"]]
        found: dict[tuple[object, ...], _Walk] = {}
        for way in step.open_ways(walk.draft):
            if way.again or way.to == walk.step or way.to in walk.path:
                continue  # going round, and saying it again, are the caller's own wish
            willing = way.by in (By.CALLER, By.ALONE)
            best = walk.best + step.at_best(timing) if walk.best is not None and willing else None
            stay, asks = step.at_worst(timing, way.by), isinstance(step, Choosing)
            worst, asked = walk.worst + (not asks) * stay, walk.asked + asks * stay
            draft = {**way.fills, **walk.draft, **way.sets}
            key = way.to, *sorted(draft.items())
            if key in found:
                other = found[key]
                worst, asked = max(worst, other.worst), max(asked, other.asked)
                best = min((b for b in (best, other.best) if b is not None), default=None)
            found[key] = _Walk(way.to, walk.path | {walk.step}, draft, best, worst, asked)
        yield from found.values()
