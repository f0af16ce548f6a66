"""type: menu. One or more keys to choose from; no key is a prefix of another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ivr.voice.fields import Fields, checked_key
from ivr.voice.menu import SLOW_FINGER, Choosing
from ivr.voice.mistakes import shown
from ivr.voice.step_fields import StepFields, sets
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way

# What a `keys:` entry may set.
SETTABLE = ("language", "kind", "topic", "county", "callback")
_KEY = "1 to 4 digits, or # alone (“*” always repeats the prompt and is not written)"


@dataclass(frozen=True, slots=True)
class Choice:
    """A key's meaning: set these draft values, then go to that step."""

    go: str
    sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MenuStep(Choosing):
    keys: Mapping[str, Choice]

    TYPE = "menu"
    EXAMPLE = """\
kind:
  type: menu
  prompt: [kind.menu]
  keys:
    "1": {kind: complaint, go: topic}
    "6": {go: follow_up}
    "0": {go: operator}
"""

    @classmethod
    def read(cls, written: StepFields) -> MenuStep:
        asking = written.asking()
        waits = written.fields.flag("wait", False)
        keys = _choices(written.fields)
        if not waits:
            _refuse_prefixes(written.fields)
        return cls(*asking, keys=MappingProxyType(keys))

    @property
    def longest(self) -> int:
        return max(len(key) for key in self.keys)

    def perform(self, talk: Talk) -> Flow[str]:
        choice = yield from talk.listen(
            self, self.prompt, self.keys.get, max_keys=self.longest, hash_means=self.keys.get("#")
        )
        talk.set(choice.sets)
        return choice.go

    def unclear(self) -> Iterator[str]:
        """Silence makes “1” of “12” where the one begins the other."""
        for key in self.keys:
            longer = next((other for other in self.keys if other != key and other.startswith(key)), "")
            if longer and self.next_key < SLOW_FINGER:
                meant = f"{shown(key)} is meant after {self.next_key:g} s, too soon for a slow finger on its"
                yield f"{meant} way to {shown(longer)}: give it `next_key: {SLOW_FINGER:g}` or more"

    def ways(self) -> Iterator[Way]:
        for choice in self.keys.values():
            yield Way(choice.go, By.CALLER, choice.sets)
        yield from self.misses()

    def questions(self, timing: Timing) -> list[Question]:
        return [Question(timing.speech(self.prompt), self.longest)]


def _choices(fields: Fields) -> dict[str, Choice]:
    inner = fields.inner("keys")
    found: dict[str, Choice] = {}
    if inner is None:
        return found
    for key, node in inner.each():
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9]{1,4}|#", k) is not None, _KEY)
        choice = inner.as_fields(key.value[:20], node)
        if choice is None:
            continue
        go, values = choice.step("go"), sets(choice, SETTABLE)
        choice.close()
        if right:
            found[key.value] = Choice(go, values)
    if not inner.table.entries:
        fields.wrong(inner.table, "keys", "must name at least one key")
    return found


def _refuse_prefixes(fields: Fields) -> None:
    """“1” and “12” together need `wait: true`: after 1 the caller waits `next_key` seconds."""
    inner = fields.inner("keys", needed=False)
    if inner is None:
        return
    names = {key.value for key, _ in inner.table.entries}
    for key in (key for key, _ in inner.table.entries if len(key.value) <= 4):
        shorter = next((key.value[:n] for n in range(1, len(key.value)) if key.value[:n] in names), "")
        if shorter:
            message = f"{shown(shorter)} is the beginning of it; allow it with `wait: true` in this step"
            inner.wrong(key, key.value, message)
