"""The kinds of values that stand behind a menu file's keys: read, told, and described for JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ivr.voice.fields import MOST_PROMPTS, VARIABLE, Fields
from ivr.voice.ways import Miss
from ivr.voice.yaml_keys import Schema, WorkedOut, YamlKey, mapping_schema

NO_MISS = Miss(1, (), "")


@dataclass(frozen=True, slots=True)
class TextValue:
    """A text of the form `pattern`, which `told` explains."""

    pattern: str
    told: str

    def read(self, fields: Fields, name: str) -> str:
        return fields.matching(name, self.pattern, self.told)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


ONE_KEY = TextValue("[0-9]", "one digit")


@dataclass(frozen=True, slots=True)
class ChoiceValue:
    """One of these, or a variable where `or_variable` says so."""

    values: tuple[str, ...]
    or_variable: bool = False

    @property
    def told(self) -> str:
        names = (*self.values, "var.…") if self.or_variable else self.values
        return ", ".join(f"`{name}`" for name in names)

    def read(self, fields: Fields, name: str) -> str:
        return fields.one_of(name, self.values, or_variable=self.or_variable)

    def schema(self) -> Schema:
        names = {"enum": list(self.values)}
        if not self.or_variable:
            return {"type": "string", **names}
        return {"type": "string", "anyOf": [names, {"pattern": f"^{VARIABLE.pattern}$"}]}


@dataclass(frozen=True, slots=True)
class NumberValue:
    """From `low` to `high`, of `unit`."""

    low: float
    high: float
    unit: str = "seconds"
    whole: bool = False

    @property
    def told(self) -> str:
        return f"{self.low:g}–{self.high:g} {self.unit}".strip()

    def read(self, fields: Fields, name: str) -> float:
        if self.whole:
            return fields.whole(name, int(self.low), int(self.high))
        return fields.number(name, self.low, self.high)

    def schema(self) -> Schema:
        return {
            "type": "integer" if self.whole else "number",
            "minimum": self.low,
            "maximum": self.high,
        }


@dataclass(frozen=True, slots=True)
class FlagValue:
    told: str = "`true`, `false`"

    def read(self, fields: Fields, name: str) -> bool:
        return fields.flag(name, False)

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class PromptsValue:
    """`empty`: whether none may be named."""

    empty: bool = False
    told: str = "prompt ids"

    def read(self, fields: Fields, name: str) -> tuple[str, ...]:
        return fields.prompts(name, needed=not self.empty)

    def schema(self) -> Schema:
        items = {"type": "array", "items": {"$ref": "#/$defs/prompt"}, "maxItems": MOST_PROMPTS}
        return items if self.empty else {**items, "minItems": 1}


ANY_PROMPTS = PromptsValue(empty=True)


@dataclass(frozen=True, slots=True)
class StepValue:
    """The name of a step; `type`: of which it must be."""

    type: str = ""

    @property
    def told(self) -> str:
        return f"a `{self.type}` step" if self.type else "a step"

    def read(self, fields: Fields, name: str) -> str:
        return fields.step(name, self.type)

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/step_name"}


@dataclass(frozen=True, slots=True)
class OwnValue:
    """Whatever `reader` reads, told and described by hand."""

    told: str
    reader: Callable[[Fields, str], Any]
    described: Schema

    def read(self, fields: Fields, name: str) -> Any:
        return self.reader(fields, name)

    def schema(self) -> Schema:
        return dict(self.described)


@dataclass(frozen=True, slots=True)
class MissValue:
    """A `Miss`; `said` is what is usual after one."""

    said: str
    told: str = "`{limit, say, then}`"

    @property
    def keys(self) -> tuple[YamlKey, ...]:
        return (
            YamlKey("limit", NumberValue(1, 10, "", whole=True), "how many misses are too many", 3),
            YamlKey("say", ANY_PROMPTS, "said after each miss but the last", (self.said,)),
            YamlKey("then", StepValue(), "the step after the last", WAY_OUT),
        )

    def read(self, fields: Fields, name: str) -> Miss:
        inner = fields.inner(name)
        if inner is None:
            return NO_MISS
        limit, say, then = (key.read(inner) for key in self.keys)
        if limit == 1 and inner.node("say", needed=False) is None:
            say = ()  # nobody would hear it
        inner.close()
        return Miss(limit, say, then)

    def schema(self) -> Schema:
        return mapping_schema(self.keys)

    def usual(self, fields: Fields, name: str) -> Miss:
        """Where nothing is written."""
        return Miss(3, (self.said,), WAY_OUT.find(fields, name))


def first_step(told: str, *types: str) -> WorkedOut:
    """The file's first step of the first of these types that it has."""

    def find(fields: Fields, name: str) -> str:
        found = fields.reading.first(types)
        if not found:
            fields.wrong(fields.table, name, f"is missing, and the tree has no {' or '.join(types)} to go to")
        return found

    return WorkedOut(told, find)


WAY_OUT = first_step("the tree's first `operator`, else its `end`", "operator", "end")
