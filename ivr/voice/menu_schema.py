"""The form of a menu file as JSON Schema (draft 2020-12), for editors that complete and check as one types.

It is made of what the steps' own files say (`KEYS`). What only the parser sees (that a step exists, that no
key begins another) is left to `ivr menu check`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ivr.cases.kinds import Kind
from ivr.voice.call_limits import LIMIT_KEYS
from ivr.voice.fields import PROMPT_ID, STEP_ID
from ivr.voice.fragments import FRAGMENT_KEYS
from ivr.voice.menu import Step
from ivr.voice.mistakes import LONGEST_NAME
from ivr.voice.own_words import LONGEST, NEW
from ivr.voice.parse import MOST_STEPS, START
from ivr.voice.step_fields import ASKING_KEYS
from ivr.voice.steps.registry import TYPES
from ivr.voice.steps.tree import TREE_NAME
from ivr.voice.yaml_keys import Schema, mapping_schema

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_STEP_NAME: Schema = {"type": "string", "pattern": f"^{STEP_ID.pattern}$", "maxLength": LONGEST_NAME}


def menu_schema(
    *,
    languages: Collection[str] | None = None,
    prompts: Collection[str] | None = None,
    topics: Collection[str] | None = None,
    counties: Collection[str] | None = None,
) -> Schema:
    """The schema; the names are those that an editor offers, as in `parse`; None: any."""
    return {
        "$schema": DRAFT,
        "title": "Seda 111 menu tree",
        "description": "What a caller walks through: docs/menus.md.",
        "type": "object",
        "properties": {
            "menu": {
                "type": "string",
                "pattern": f"^{TREE_NAME}$",
                "description": "The tree's name, in quotes.",
            },
            "languages": {
                "type": "array",
                "items": {"$ref": "#/$defs/language"},
                "minItems": 1,
                "uniqueItems": True,
                "description": "A silent caller gets that of her latest case by telephone, else the first.",
            },
            "start": START.schema(),
            "defaults": {
                "description": "What every asking step does unless it says otherwise.",
                **mapping_schema(ASKING_KEYS),
            },
            "words": {
                "description": "What this tree says otherwise than the catalogue: by prompt and language.",
                "type": "object",
                "propertyNames": {"type": "string", "pattern": f"^{PROMPT_ID.pattern}$"},
                "additionalProperties": {
                    "type": "object",
                    "propertyNames": {"$ref": "#/$defs/language"},
                    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": LONGEST},
                },
            },
            "limits": {"description": "Of the whole call.", **mapping_schema(LIMIT_KEYS)},
            "fragments": {
                "description": "Pieces that are written once, each by its name, for steps of type fragment.",
                "type": "object",
                "propertyNames": {"$ref": "#/$defs/fragment_name"},
                "additionalProperties": {"$ref": "#/$defs/fragment"},
            },
            "steps": {"description": "Each by its name.", "$ref": "#/$defs/steps"},
        },
        "required": ["menu", "languages", "steps"],
        "additionalProperties": False,
        "$defs": {
            "step_name": _STEP_NAME,
            "fragment_name": _STEP_NAME,
            "fragment": mapping_schema(FRAGMENT_KEYS),
            "steps": {
                "type": "object",
                "propertyNames": {"$ref": "#/$defs/step_name"},
                "additionalProperties": {"$ref": "#/$defs/step"},
                "minProperties": 1,
                "maxProperties": MOST_STEPS,
            },
            "prompt": _prompt(prompts),
            "language": _names(languages),
            "kind": _names(tuple(Kind)),
            "topic": _names(topics),
            "county": _names(counties),
            "callback": {"type": "string"},
            "step": _any_step(),
            **{f"{each.TYPE}_step": _step(each) for each in TYPES},
        },
    }


def _prompt(known: Collection[str] | None) -> Schema:
    """One of the catalogue, or a new one under `words`."""
    one = _names(known, f"^{PROMPT_ID.pattern}$")
    return one if known is None else {"anyOf": [one, {"type": "string", "pattern": f"^{re.escape(NEW)}"}]}


def _names(known: Collection[str] | None, pattern: str = "") -> Schema:
    if known is not None:
        return {"type": "string", "enum": sorted(map(str, known))}
    return {"type": "string", **({"pattern": pattern} if pattern else {})}


def _any_step() -> Schema:
    """By its type, so that an editor names what is wrong in it, and not that it is none of twelve."""
    return {
        "type": "object",
        "properties": {"type": {"enum": [each.TYPE for each in TYPES], "description": "What it does."}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": each.TYPE}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{each.TYPE}_step"},
            }
            for each in TYPES
        ],
    }


def _step(type: type[Step]) -> Schema:
    found = mapping_schema(type.yaml_keys())
    found["title"] = f"{type.TYPE}: {type.TITLE}"
    found["properties"] = {"type": {"const": type.TYPE}, **found["properties"]}
    return found
