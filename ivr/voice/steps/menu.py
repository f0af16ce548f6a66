"""type: menu. One or more keys to choose from; no key is a prefix of another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ivr.cases.meetings import Official
from ivr.voice import meeting_standing
from ivr.voice.fields import Fields, checked_key
from ivr.voice.menu import SLOW_FINGER, Choosing
from ivr.voice.mistakes import shown
from ivr.voice.step_fields import VARIABLES, StepFields, sets, variables
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ANY_PROMPTS, FlagValue, OwnValue

# What a `keys:` entry may set.
SETTABLE = ("language", "kind", "topic", "county", "callback")
_KEY = "1 to 4 digits, or # alone (“*” always repeats the prompt and is not written)"


@dataclass(frozen=True, slots=True)
class Choice:
    """A key's meaning: set these draft values, then go to that step.

    `hour`: only while an official takes calls himself and has room.
    """

    go: str
    sets: Mapping[str, str] = field(default_factory=dict)
    hour: bool = False


CHOICES = {
    "type": "object",
    "propertyNames": {"pattern": "^([0-9]{1,4}|#)$"},
    "additionalProperties": {
        "type": "object",
        "properties": {
            "go": {"$ref": "#/$defs/step_name"},
            **{name: {"$ref": f"#/$defs/{name}"} for name in SETTABLE},
            "vars": VARIABLES,
            "hour": FlagValue().schema(),
        },
        "required": ["go"],
        "additionalProperties": False,
    },
    "minProperties": 1,
}


def _choices(fields: Fields, name: str) -> Mapping[str, Choice]:
    inner = fields.inner(name)
    found: dict[str, Choice] = {}
    if inner is None:
        return found
    for key, node in inner.each():
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9]{1,4}|#", k) is not None, _KEY)
        choice = inner.as_fields(key.value[:20], node)
        if choice is None:
            continue
        go, values = choice.step("go"), {**sets(choice, SETTABLE), **variables(choice)}
        hour = choice.flag("hour", False)
        choice.close()
        if right:
            found[key.value] = Choice(go, MappingProxyType(values), hour)
    if not inner.table.entries:
        fields.wrong(inner.table, name, "must name at least one key")
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class MenuStep(Choosing):
    keys: Mapping[str, Choice]
    hour_prompt: tuple[str, ...] = ()  # behind the name of the official who takes calls himself

    TYPE = "menu"
    SPEAKS = frozenset(f"hour.{official}" for official in Official)
    TITLE = "choose by key"
    KEYS = (
        YamlKey(
            "keys",
            OwnValue('1 to 4 digits, or `"#"` → `go`, and what the choice sets', _choices, CHOICES),
            "where each key leads",
        ),
        YamlKey(
            "wait",
            FlagValue(),
            'allow a key that begins another (`"1"` and `"12"`): after it the call waits `next_key` seconds',
            False,
        ),
        YamlKey(
            "hour_prompt",
            ANY_PROMPTS,
            "said before `prompt`, behind who it is, while an official takes calls himself"
            " ([meetings.md](meetings.md)) and has room; needed with a choice that says `hour`",
            (),
        ),
    )
    ABOUT = """\
A choice may set `language` (one of the file's), `kind` (`complaint`, `criticism`, `suggestion`, `request`,
`meeting`), `topic`, `county` (codes of the province's seed) and `callback` (a telephone number, `""` for the
one she calls from); `vars` gives the call variables for a `branch` on `var.NAME`: `vars: {urgent: "1"}`.

A choice with `hour: true` counts only while an official takes calls himself and has room, and for
nobody who is blocked. The figures of `ivr menu check` are those of the other hours: then the menu is as much
longer as its offer."""
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
        values = written.values(cls.yaml_keys())
        if not values.pop("wait"):
            _refuse_prefixes(written.fields)
        if any(choice.hour for choice in values["keys"].values()):
            written.fields.prompts("hour_prompt")  # or it is told as missing
        return cls._made(written, values)

    @property
    def longest(self) -> int:
        return max(len(key) for key in self.keys)

    def perform(self, talk: Talk) -> Flow[str]:
        keys, offer = self._open_now(talk)
        choice = yield from talk.listen(
            self, offer + self.prompt, keys.get, max_keys=self.longest, hash_means=keys.get("#")
        )
        talk.set(choice.sets)
        return choice.go

    def _open_now(self, talk: Talk) -> tuple[Mapping[str, Choice], tuple[str, ...]]:
        """The keys that mean something now, and what is said before the prompt."""
        hour = talk.hour
        if hour is not None and not talk.blocked and self.hour_prompt:
            whose = meeting_standing.body(hour.official, hour.agency, talk.directory)
            return self.keys, (f"hour.{hour.official}", *whose, *self.hour_prompt)
        return {key: choice for key, choice in self.keys.items() if not choice.hour}, ()

    def unclear(self) -> Iterator[str]:
        """Silence makes “1” of “12” where the one begins the other."""
        for key in self.keys:
            longer = next((other for other in self.keys if other != key and other.startswith(key)), "")
            if longer and self.next_key < SLOW_FINGER:
                meant = f"{shown(key)} is meant after {self.next_key:g} s, too soon for a slow finger on its"
                yield f"{meant} way to {shown(longer)}: give it `next_key: {SLOW_FINGER:g}` or more"

    def ways(self) -> Iterator[Way]:
        for key, choice in self.keys.items():
            yield Way(choice.go, By.CALLER, choice.sets, key=key)
        yield from self.misses()

    def questions(self, timing: Timing) -> list[Question]:
        return [Question(timing.speech(self.prompt), self.longest)]


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
