"""What the readers of steps share: values that every asking step has, misses, what may be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ivr.voice.fields import Fields
from ivr.voice.ways import Miss
from ivr.voice.yaml_tree import Scalar

_NO_MISS = Miss(1, (), "")

_Common = tuple[str, int, tuple[str, ...]]
_Asking = tuple[str, int, tuple[str, ...], float, float, bool, Miss, Miss, bool]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What asking steps do unless they say otherwise."""

    first_key: float = 7.0
    next_key: float = 3.0
    barge_in: bool = True
    no_input: Miss | None = None
    no_match: Miss | None = None


def read_defaults(fields: Fields) -> Defaults:
    """The `defaults:` mapping."""
    usual = Defaults()
    found = Defaults(
        first_key=_first_key(fields, usual.first_key),
        next_key=_next_key(fields, usual.next_key),
        barge_in=fields.flag("barge_in", usual.barge_in),
        no_input=_miss(fields, "no_input", needed=False),
        no_match=_miss(fields, "no_match", needed=False),
    )
    fields.close()
    return found


@dataclass(frozen=True, slots=True)
class StepFields:
    """One step being read."""

    key: Scalar
    fields: Fields
    defaults: Defaults

    @property
    def place(self) -> tuple[str, int]:
        return self.key.value, self.key.line

    def common(self, *, needed: bool = True) -> _Common:
        return *self.place, self.fields.prompts("prompt", needed=needed)

    def asking(self) -> _Asking:
        """The values that every asking step has, in the order of `menu.Asking`."""
        fields, defaults = self.fields, self.defaults
        return (
            *self.common(),
            _first_key(fields, defaults.first_key),
            _next_key(fields, defaults.next_key),
            fields.flag("barge_in", defaults.barge_in),
            self._miss_or_default("no_input", defaults.no_input),
            self._miss_or_default("no_match", defaults.no_match),
            fields.flag("sensitive", False),
        )

    def miss(self, name: str) -> Miss:
        return _miss(self.fields, name, needed=True) or _NO_MISS

    def one_key(self, name: str, default: str) -> str:
        return self.fields.matching(name, "[0-9]", "one digit", default)

    def refuse_reversed(self, low: str, least: float, high: str, most: float) -> None:
        node = self.fields.scalar(low, needed=False)
        if node is not None and least > most:
            self.fields.wrong(node, low, f"{least:g} is more than {high} ({most:g})")

    def _miss_or_default(self, name: str, default: Miss | None) -> Miss:
        found = _miss(self.fields, name, needed=False)
        if found is None and default is None:
            self.fields.wrong(self.fields.table, name, "is missing, here and in defaults")
        return found or default or _NO_MISS


def _first_key(fields: Fields, default: float) -> float:
    return fields.number("first_key", 1, 60, default)


def _next_key(fields: Fields, default: float) -> float:
    return fields.number("next_key", 0.5, 30, default)


def _miss(fields: Fields, name: str, *, needed: bool) -> Miss | None:
    inner = fields.inner(name, needed=needed)
    if inner is None:
        return None
    found = Miss(inner.whole("limit", 1, 10), inner.prompts("say", needed=False), inner.step("then"))
    inner.close()
    return found


def sets(fields: Fields, names: tuple[str, ...]) -> Mapping[str, str]:
    """The draft values among the entries of `fields`, each checked."""
    found: dict[str, str] = {}
    for name in names:
        node = fields.scalar(name, needed=False)
        if node is not None and fields.is_text(node, name):
            fields.value(name, node)
            found[name] = node.value
    return MappingProxyType(found)
