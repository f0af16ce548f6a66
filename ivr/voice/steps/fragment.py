"""type: fragment. Says nothing: stands where a piece that is written under `fragments` is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.fields import Fields
from ivr.voice.menu import Step
from ivr.voice.mistakes import shown
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import OwnValue

EXITS = {"type": "object", "additionalProperties": {"$ref": "#/$defs/step_name"}}
USE = {"$ref": "#/$defs/fragment_name"}


def _use(fields: Fields, name: str) -> str:
    text, node, known = fields.text(name), fields.scalar(name, needed=False), fields.reading.fragments
    if text and node is not None and text not in known:
        message = f"there is no fragment {shown(text)}: write it under `fragments`"
        fields.wrong(node, name, message, text, known)
    return text


def _exits(fields: Fields, name: str) -> Mapping[str, str]:
    use, inner = fields.node("use", needed=False), fields.inner(name, needed=False)
    fragment = fields.reading.fragments.get(use.value) if isinstance(use, Scalar) else None
    if fragment is None:
        return MappingProxyType({})
    found = {}
    for key, _ in inner.each() if inner else ():
        if key.value not in fragment.exits:
            message = f"{shown(key.value)} is no exit of it; there are {', '.join(fragment.exits) or 'none'}"
            fields.wrong(key, name, message, key.value, fragment.exits)
        elif inner:
            found[key.value] = inner.step(key.value)
    for exit in fragment.exits:
        if exit not in found:
            fields.wrong(inner.table if inner else fields.table, f"{name}.{exit}", "is missing")
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class FragmentStep(Step):
    use: str
    exits: Mapping[str, str]
    entry: str = ""  # the first step of the fragment, as it stands here

    TYPE = "fragment"
    TITLE = "a piece of the tree that is written once"
    PROMPT = None
    KEYS = (
        YamlKey("use", OwnValue("the name of a fragment", _use, USE), "which"),
        YamlKey(
            "exits",
            OwnValue("exit → step", _exits, EXITS),
            "where each of its exits leads",
            MappingProxyType({}),
        ),
    )
    TAKES_TIME = False
    EXAMPLE = """\
operator:
  type: fragment
  use: human
  exits: {spoken: code, silent: goodbye}
"""

    @classmethod
    def read(cls, written: StepFields) -> FragmentStep:
        found = super(FragmentStep, cls).read(written)
        fragment = written.fields.reading.fragments.get(found.use)
        first = next(iter(fragment.names), "") if fragment else ""
        return replace(found, entry=f"{found.id}.{first}")

    def perform(self, talk: Talk) -> Flow[str]:
        yield from ()
        return self.entry

    def ways(self) -> Iterator[Way]:
        yield Way(self.entry, By.ALONE)

    @property
    def stands_for(self) -> str:
        return self.use

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return 0.0
