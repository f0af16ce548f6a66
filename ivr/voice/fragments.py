"""Pieces of a tree that are written once, under `fragments`, and used by steps of type `fragment`.

A fragment has names of its own: its steps lead to each other and to its exits, and know nothing of the tree
around them. Where an exit leads, each step that uses it says.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.voice.fields import STEP_ID, Fields, checked_key
from ivr.voice.mistakes import LONGEST_NAME, shown
from ivr.voice.reading import Fragment
from ivr.voice.yaml_keys import YamlKey, read_mapping
from ivr.voice.yaml_values import OwnValue

DEEPEST_USE = 5  # a fragment in a fragment …
NAMES = {"type": "array", "items": {"$ref": "#/$defs/step_name"}, "uniqueItems": True}
STEPS = {"$ref": "#/$defs/steps"}
FRAGMENTS_EXAMPLE = """\
fragments:
  human:
    exits: [spoken, silent]
    steps:
      operator:
        type: operator
        queue: operators
        nobody: message
      message:
        type: record
        prompt: [message.ask]
        sets: {kind: request, topic: other.other}
        too_short: {then: silent}
        go: spoken
"""


def is_step_id(name: str) -> bool:
    """Whether a step may be called so."""
    return len(name) <= LONGEST_NAME and STEP_ID.fullmatch(name) is not None


def _exits(fields: Fields, name: str) -> tuple[str, ...]:
    found = tuple(fields.items(name))
    for each in found:
        if not is_step_id(each.value):
            fields.wrong(each, name, f"{shown(each.value)} must be a name: a-z, 0-9 and _, first a letter")
    return tuple(dict.fromkeys(each.value for each in found))


FRAGMENT_KEYS = (
    YamlKey("exits", OwnValue("names", _exits, NAMES), "by which its steps leave it, like steps' names", ()),
    YamlKey(
        "steps",
        OwnValue("steps, as in the tree", lambda fields, name: fields.inner(name), STEPS),
        "a call enters by the first of them",
    ),
)


def read_fragments(fields: Fields) -> Mapping[str, Fragment]:
    """The `fragments:` mapping. Their steps are read where they are used."""
    found = {}
    for key, node in fields.each():
        checked_key(fields, key, is_step_id, "a fragment's name: a-z, 0-9 and _, first a letter")
        inner = fields.as_fields(key.value[:LONGEST_NAME], node)
        if inner is not None:
            written = read_mapping(FRAGMENT_KEYS, inner)
            if (steps := written["steps"]) is not None:
                found[key.value] = Fragment(written["exits"], steps.table, steps.path)
                _refuse_twice(found[key.value], inner)
    return found


def _refuse_twice(fragment: Fragment, fields: Fields) -> None:
    for name in fragment.exits:
        if name in fragment.names:
            fields.wrong(
                fields.table, f"steps.{name}", "is one of the exits, too: call one of them otherwise"
            )
