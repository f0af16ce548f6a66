"""What the readers of steps share: keys that every asking step has, their defaults, what may be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ivr.voice.fields import VARIABLE, Fields
from ivr.voice.yaml_keys import WorkedOut, YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import WAY_OUT, FlagValue, MissValue, NumberValue, PromptsValue

VARIABLES = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,40}$"},
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 64},
}
PROMPT = YamlKey("prompt", PromptsValue(), "what is said")
SENSITIVE = YamlKey(
    "sensitive",
    FlagValue(),
    "whether the keys are masked in the call's log; `callback`, `national_id`, `code` are by themselves",
    False,
)


def miss_key(name: str, meaning: str, said: str) -> YamlKey:
    """What happens on a miss; `said` is the usual prompt after one."""
    value = MissValue(said)
    told = f"`{{limit: 3, say: [{said}]}}`, then {WAY_OUT.told}"
    return YamlKey(name, value, meaning, WorkedOut(told, value.usual))


# What `defaults:` may say, and every asking step.
ASKING_KEYS = (
    YamlKey("first_key", NumberValue(1, 60), "from the end of the speech to the first key", 7.0),
    YamlKey("next_key", NumberValue(0.5, 30), "between two keys", 3.0),
    YamlKey("barge_in", FlagValue(), "whether a key stops the speech and counts", True),
    miss_key("no_input", "what happens when nothing is pressed", "no_input"),
    miss_key("no_match", "what happens when the keys mean nothing", "no_match"),
)


def read_defaults(fields: Fields) -> Mapping[str, Any]:
    """The `defaults:` mapping: what asking steps do unless they say otherwise."""
    written = [key for key in ASKING_KEYS if fields.node(key.name, needed=False) is not None]
    found = {key.name: key.read(fields) for key in written}
    fields.close()
    return found


@dataclass(frozen=True, slots=True)
class StepFields:
    """One step being read."""

    key: Scalar
    fields: Fields
    defaults: Mapping[str, Any]

    @property
    def place(self) -> tuple[str, int]:
        return self.fields.reading.flat(self.key.value), self.key.line

    def values(self, keys: tuple[YamlKey, ...]) -> dict[str, Any]:
        """What it says of each of these."""
        return {key.name: self._value(key) for key in keys}

    def _value(self, key: YamlKey) -> Any:
        if key.name in self.defaults and self.fields.node(key.name, needed=False) is None:
            return self.defaults[key.name]
        return key.read(self.fields)

    def refuse_reversed(self, low: str, least: float, high: str, most: float) -> None:
        node = self.fields.scalar(low, needed=False)
        if node is not None and least > most:
            self.fields.wrong(node, low, f"{least:g} is more than {high} ({most:g})")


def variables(fields: Fields) -> dict[str, str]:
    """What the mapping `vars` among the entries gives the call, each under its name as a branch writes it."""
    inner = fields.inner("vars", needed=False)
    found: dict[str, str] = {}
    if inner is None:
        return found
    for key, _ in inner.each():
        found[variable(inner, key)] = inner.matching(key.value, ".{1,64}", "1 to 64 characters")
    return found


def variable(fields: Fields, key: Scalar) -> str:
    """The variable that is called so, as a branch writes it."""
    name = f"var.{key.value}"
    if not VARIABLE.fullmatch(name):
        fields.wrong(key, key.value[:20], "a variable's name is of a-z, 0-9 and _, first a letter")
    return name


def sets(fields: Fields, names: tuple[str, ...]) -> Mapping[str, str]:
    """The draft values among the entries of `fields`, each checked."""
    found: dict[str, str] = {}
    for name in names:
        node = fields.scalar(name, needed=False)
        if node is not None and fields.is_text(node, name):
            fields.value(name, node)
            found[name] = node.value
    return MappingProxyType(found)
