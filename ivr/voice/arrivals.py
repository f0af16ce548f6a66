"""When a caller arrives where it matters: at each beep, each operator's queue, each end.

Who walks without going round comes to a step once. So the steps are gone through in order, each once for all
ways that lead to it. Where steps lead round to each other, each is tried as the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from ivr.cases.kinds import Kind
from ivr.voice.menu import Choosing, Leaf, Menu, Step
from ivr.voice.regions import in_order, walkable
from ivr.voice.timing import Stay, Timing
from ivr.voice.ways import SETTLED, Way

MOST_WALKED = 20_000  # steps gone through in search of the longest way; a tree that needs more is a maze


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


class _Walk(NamedTuple):
    """Seconds of those who stand before a step; `best` is None where all of them have missed to the limit.

    At worst: `worst`, or without the questions that count towards the limits of the whole call `unasked`.
    """

    best: float | None = 0.0
    worst: float = 0.0
    unasked: float = 0.0

    def joined(self, other: _Walk) -> _Walk:
        best = min((each for each in (self.best, other.best) if each is not None), default=None)
        return _Walk(best, max(self.worst, other.worst), max(self.unasked, other.unasked))


_Standing = dict[tuple[str, ...], _Walk]  # before one step, by what is SETTLED
_Walks = dict[str, _Standing]  # by step


def _join(walks: _Walks, others: _Walks) -> None:
    for step, found in others.items():
        here = walks.setdefault(step, {})
        for settled, walk in found.items():
            here[settled] = walk.joined(here[settled]) if settled in here else walk


@dataclass(slots=True)
class Arrivals:
    """Walks every way without loops. `stays`: of each step in each language. `complete`: all could be walked.

    `most`: how many seconds the questions of a whole call take at most.
    """

    menu: Menu
    timings: Mapping[str, Timing]
    stays: Mapping[tuple[str, str], Stay]
    most: float = inf
    complete: bool = True
    _left: int = MOST_WALKED
    _been: set[str] = field(default_factory=set)
    _found: _Walks = field(default_factory=dict)
    _onward: dict[str, list[str]] = field(init=False)  # of each step, but for what she says again

    def __post_init__(self) -> None:
        steps = self.menu.steps.items()
        self._onward = {id: [way.to for way in step.ways() if not way.again] for id, step in steps}

    def find(self) -> tuple[Arrival, ...]:
        """All arrivals, in the order of the menu's steps."""
        # Whoever called before begins in her language.
        start = {_settled({"language": language}): _Walk() for language in self.menu.languages}
        self._through(list(self.menu.steps), {self.menu.start: start})
        return tuple(self._arrivals())

    def _arrivals(self) -> Iterator[Arrival]:
        kinds = ["", *Kind]
        for step in self.menu.steps.values():
            found = self._found.get(step.id, {})
            for key in sorted(found, key=lambda key: (kinds.index(key[1]), key[0])):
                (language, kind), walk = key, found[key]
                heard = self.timings[language].speech(step.prompt)
                best = None if walk.best is None else walk.best + heard
                worst = min(walk.worst, walk.unasked + self.most) + heard
                yield Arrival(step.id, step.LEAF, kind, language, best, worst)

    def _through(self, region: list[str], coming: _Walks) -> _Walks:
        """Those who come into a region, walked through it: where they leave it."""
        inside, waiting = set(region), dict(coming)
        graph = walkable({id: [to for to in self._onward[id] if to in inside] for id in region}, coming)
        self._left -= len(graph)
        for loop in in_order(graph):
            for id, walks in [(id, waiting.pop(id)) for id in loop if id in waiting]:
                _join(waiting, self._from(id, loop, walks))
        return {id: walks for id, walks in waiting.items() if id not in inside}

    def _from(self, first: str, loop: list[str], walks: _Standing) -> _Walks:
        """Those who come into a loop at its step `first`, which they don't see again: where they leave it."""
        self._been.add(first)
        onward = self._past(self.menu.steps[first], walks)
        within = {id: onward.pop(id) for id in loop if id in onward}
        if within and self._left <= 0:
            self.complete = False
        elif within:
            _join(onward, self._through([id for id in loop if id != first], within))
        self._been.remove(first)
        return onward

    def _past(self, step: Step, walks: _Standing) -> _Walks:
        """One step further; going round, and saying it again, are the caller's own wish."""
        if step.LEAF:
            _join(self._found, {step.id: walks})
        found: _Walks = {}
        for settled, walk in walks.items():
            draft = {name: value for name, value in zip(SETTLED, settled, strict=True) if value}
            for way in step.open_ways(draft):
                if not way.again and way.to not in self._been:
                    key = _settled({**way.fills, **draft, **way.sets})
                    _join(found, {way.to: {key: self._stayed(walk, step, way, draft["language"])}})
        return found

    def _stayed(self, walk: _Walk, step: Step, way: Way, language: str) -> _Walk:
        stay = self.stays[step.id, language]
        best = walk.best + stay.best if walk.best is not None and way.by.is_willing else None
        unasked = 0.0 if isinstance(step, Choosing) else stay.worst[way.by]
        return _Walk(best, walk.worst + stay.worst[way.by], walk.unasked + unasked)


def _settled(draft: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(draft.get(name, "") for name in SETTLED)
