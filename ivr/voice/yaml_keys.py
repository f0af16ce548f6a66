"""What a menu file may say, as a model: how each key is read, what it means, what holds where it is left out.

The parser, the JSON Schema (`ivr.voice.menu_schema`) and the reference (`ivr.voice.menu_reference`) go by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ivr.voice.fields import Fields

Schema = dict[str, Any]
NEEDED: Any = object()  # no default: the key must be given


class YamlValue(Protocol):
    """What stands behind a key."""

    @property
    def told(self) -> str:
        """In a few words, for the reference."""

    def read(self, fields: Fields, name: str) -> Any:
        """The value of the entry `name`; a missing one is a mistake."""

    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """A default that is found in the file; `told`: where, for people."""

    told: str
    find: Callable[[Fields, str], Any]


@dataclass(frozen=True, slots=True)
class YamlKey:
    """One key of a mapping. `default` NEEDED: it must be given; WorkedOut: it depends on the file."""

    name: str
    value: YamlValue
    meaning: str
    default: Any = NEEDED

    def read(self, fields: Fields) -> Any:
        if self.default is NEEDED or fields.node(self.name, needed=False) is not None:
            return self.value.read(fields, self.name)
        return self.default.find(fields, self.name) if isinstance(self.default, WorkedOut) else self.default

    @property
    def default_told(self) -> str:
        """For the reference."""
        match self.default:
            case None | () | "" | math.inf:
                return "none"
            case bool(given):
                return str(given).lower()
            case WorkedOut(told=told):
                return told
            case tuple(given):
                return f"`[{', '.join(given)}]`"
            case str(given):
                return f'`"{given}"`' if given.isdigit() else f"`{given}`"
            case Mapping():
                shown = (f'"{key}": {value}' for key, value in self.default.items())
                return f"`{{{', '.join(shown)}}}`" if self.default else "none"
        return "must be given" if self.default is NEEDED else f"{self.default:g}"

    def schema(self) -> Schema:
        found = {"description": self.meaning, **self.value.schema()}
        match self.default:
            case bool(given) | int(given) | float(given) if abs(given) < math.inf:
                found["default"] = given
            case str(given) if given:
                found["default"] = given
            case tuple(given):
                found["default"] = list(given)
            case Mapping() if self.default:
                found["default"] = dict(self.default)
            case WorkedOut(told=told):
                found["description"] += f" (left out: {told.replace('`', '')})"
        return found


def mapping_schema(keys: tuple[YamlKey, ...]) -> Schema:
    """Of a mapping that holds these keys and no others."""
    return {
        "type": "object",
        "properties": {key.name: key.schema() for key in keys},
        "required": [key.name for key in keys if key.default is NEEDED],
        "additionalProperties": False,
    }


def read_mapping(keys: tuple[YamlKey, ...], fields: Fields) -> dict[str, Any]:
    """All that a mapping says; every other key in it is a mistake."""
    found = {key.name: key.read(fields) for key in keys}
    fields.close()
    return found
