"""Calls that were, walked through another tree: who lands elsewhere, who gets stuck, who needs more time.

What is assumed of a caller is told in `ivr.voice.rewalk`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from ivr.voice.directory import Directory
from ivr.voice.footprints import footprints
from ivr.voice.menu import Menu, Step
from ivr.voice.own_words import timed
from ivr.voice.rewalk import FELT_SECONDS, PastCall, Rewalk, SpeechSeconds, Walk
from ivr.voice.timing import SecondsOf

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One call through both trees. `fate`: same, elsewhere, stuck, lost or gained."""

    call: str
    before: Walk
    after: Walk
    fate: str


def rehearse(
    before: Menu,
    after: Menu,
    calls: Iterable[PastCall],
    directory: Directory,
    seconds_of: SecondsOf | None = None,
) -> Rehearsal:
    """Each call through both, so that what the model gets wrong it gets wrong twice."""
    lengths = [
        SpeechSeconds(directory, timed(menu.words, menu.called_words, seconds_of)) for menu in (before, after)
    ]
    same = counterparts(before, after)
    found = []
    for call in calls:
        prints = list(footprints(call.began, call.steps))
        if not prints:
            continue
        one = Rewalk(before, {}, call, prints, directory, lengths[0])
        old = one.walk()
        new = Rewalk(after, same, call, prints, directory, lengths[1], one.spoken).walk()
        found.append(Rehearsed(call.id, old, new, _fate(old, new)))
    return Rehearsal(tuple(found))


def _fate(old: Walk, new: Walk) -> str:
    if new.landing == old.landing:
        return "same"
    if not old.landing.at:
        return "gained"
    if new.unanswered and len(new.unanswered) > len(old.unanswered):
        return "stuck"
    return "elsewhere" if new.landing.at else "lost"


def counterparts(before: Menu, after: Menu) -> dict[str, str]:
    """Step of `after` → the step of `before` that asks the same."""
    by_words = _unique(before, lambda step: f"{step.TYPE} {step.prompt}" if step.prompt else "")
    by_question = _unique(before, lambda step: step.question)
    found = {}
    for id, step in after.steps.items():
        if id in before.steps and before.steps[id].TYPE == step.TYPE:
            found[id] = id
        elif was := by_words.get(f"{step.TYPE} {step.prompt}") or by_question.get(step.question):
            found[id] = was
    return found


def _unique(menu: Menu, name: Callable[[Step], str]) -> dict[str, str]:
    many = Counter(map(name, menu.steps.values()))
    return {name(step): step.id for step in menu.steps.values() if name(step) and many[name(step)] == 1}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All calls of one."""

    calls: tuple[Rehearsed, ...]

    def many(self, fate: str) -> int:
        """How many calls came to that."""
        return sum(each.fate == fate for each in self.calls)

    def sooner(self) -> float | None:
        """Seconds by which the beep comes earlier, in the median of who came to one in both."""
        both = [(e.before.to_beep, e.after.to_beep) for e in self.calls]
        gained = [was - now for was, now in both if was is not None and now is not None]
        return median(gained) if gained else None

    @property
    def sentence(self) -> str:
        """What somebody must know before publishing, in one sentence."""
        if not self.calls:
            return "There are no calls to rehearse with."
        parts = [f"Of {len(self.calls):,} calls {self.many('same'):,} land where they did"]
        told = {
            "elsewhere": "elsewhere",
            "stuck": "get stuck at a question that they have no answer to",
            "lost": "leave nothing behind any more",
            "gained": "that had left nothing come to something",
        }
        parts += [f"{self.many(fate):,} {words}" for fate, words in told.items() if self.many(fate)]
        sooner = self.sooner()
        if sooner is not None and abs(sooner) >= 1:
            parts.append(
                f"the beep comes {abs(sooner):.0f} s {'sooner' if sooner > 0 else 'later'} in the median"
            )
        return ", ".join(parts) + "."

    def examples(self, fate: str) -> list[dict[str, Any]]:
        """Some calls of that fate."""
        found = [each for each in self.calls if each.fate == fate][:MOST_EXAMPLES]
        return [
            {
                "call": each.call,
                "before": str(each.before.landing),
                "after": str(each.after.landing),
                "seconds_before": round(each.before.seconds, 1),
                "seconds_after": round(each.after.seconds, 1),
                "stuck_at": each.after.unanswered[0] if fate == "stuck" else "",
            }
            for each in found
        ]

    def table(self) -> list[dict[str, Any]]:
        """A row for each fate that came about."""
        whole = max(len(self.calls), 1)
        rows = []
        for fate in ("same", "elsewhere", "stuck", "lost", "gained"):
            if many := self.many(fate):
                row = {"fate": fate, "calls": many, "share": round(many / whole, 4)}
                rows.append(row | {"seconds": self._longer(fate), "examples": self.examples(fate)})
        return rows

    def _longer(self, fate: str) -> dict[str, Any]:
        """How much longer the call takes than it did: in the median, and how many calls feel it."""
        longer = [e.after.seconds - e.before.seconds for e in self.calls if e.fate == fate]
        return {
            "median_longer": round(median(longer), 1),
            "longer": sum(seconds >= FELT_SECONDS for seconds in longer),
            "shorter": sum(seconds <= -FELT_SECONDS for seconds in longer),
        }

    def as_json(self) -> dict[str, Any]:
        """Stable names."""
        sooner = self.sooner()
        return {
            "sentence": self.sentence,
            "calls": len(self.calls),
            "beep_sooner_seconds": None if sooner is None else round(sooner, 1),
            "fates": self.table(),
        }
