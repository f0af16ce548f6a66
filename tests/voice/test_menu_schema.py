"""The JSON Schema says what the parser says: shipped trees and examples pass, misspelt ones do not."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from ivr.settings import ROOT
from ivr.voice.menu_schema import DRAFT, menu_schema
from ivr.voice.steps.registry import TYPES
from ivr.voice.yaml_keys import NEEDED
from ivr.voice.yaml_tree import Node, Scalar, Table, read_tree

TREES = sorted((ROOT / "dialplan" / "menus").glob("*.yaml"))
SCHEMA = menu_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
HEAD = 'menu: "m"\nlanguages: [fa]\nsteps:\n  bye: {type: end}\n'


def as_json(node: Node) -> Any:
    """What an editor for YAML 1.2 takes a tree for."""
    if isinstance(node, Table):
        return {key.value: as_json(value) for key, value in node.entries}
    if not isinstance(node, Scalar):
        return [as_json(item) for item in node.items]
    if node.quoted or not re.fullmatch(r"true|false|-?[0-9]+(\.[0-9]+)?", node.value):
        return node.value
    return json.loads(node.value)


def complaints(text: str, validator: jsonschema_rs.Draft202012Validator = VALIDATOR) -> list[str]:
    """Where the schema finds fault."""
    tree, _ = read_tree(text.encode(), "m.yaml")
    return sorted("/".join(map(str, error.instance_path)) for error in validator.iter_errors(as_json(tree)))


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    assert SCHEMA["$schema"] == DRAFT
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_every_tree_that_ships_is_of_its_form(tree: Any) -> None:
    assert complaints(tree.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.TYPE)
def test_every_example_is_of_its_form_and_every_key_is_told(type_: Any) -> None:
    step = re.sub(r"^(?=.)", "  ", type_.EXAMPLE, flags=re.MULTILINE)
    assert complaints(HEAD.replace("  bye: {type: end}\n", "") + step) == []
    found = SCHEMA["$defs"][f"{type_.TYPE}_step"]
    keys = {key.name: key for key in type_.yaml_keys()}
    assert found["properties"].keys() == {"type", *keys}
    assert all(found["properties"][name]["description"] for name in keys)
    assert set(found["required"]) == {name for name, key in keys.items() if key.default is NEEDED}


@pytest.mark.parametrize(
    ("step", "where"),
    [
        ("{type: sya}", "steps/one/type"),
        ("{prompt: [a]}", "steps/one"),
        ("{type: say, prompt: [a]}", "steps/one"),
        ("{type: say, prompt: [a], go: bye, goo: bye}", "steps/one"),
        ("{type: say, prompt: a, go: bye}", "steps/one/prompt"),
        ("{type: say, prompt: [A b], go: bye}", "steps/one/prompt/0"),
        ("{type: say, prompt: [a], go: Bye}", "steps/one/go"),
        ('{type: menu, prompt: [a], keys: {"12345": {go: bye}}}', "steps/one/keys"),
        ('{type: menu, prompt: [a], keys: {"1": {go: bye, kind: meting}}}', "steps/one/keys/1/kind"),
        ('{type: menu, prompt: [a], first_key: "7", keys: {"1": {go: bye}}}', "steps/one/first_key"),
        ("{type: code, no_input: {limit: 0}, go: bye}", "steps/one/no_input/limit"),
        ("{type: branch, on: kinds, cases: {meeting: bye}, go: bye}", "steps/one/on"),
        ("{type: operator, hours: {days: [so], opens: '07:00', closes: '19:00'}, nobody: bye}",
         "steps/one/hours/days/0"),
        ('{type: review, keys: {"1": kep}, go: bye}', "steps/one/keys/1"),
        ("{type: record, max_seconds: 18000, go: bye}", "steps/one/max_seconds"),
    ],
)  # fmt: skip
def test_what_the_parser_would_refuse_by_its_form_is_marked_where_it_stands(step: str, where: str) -> None:
    assert complaints(f"{HEAD}  one: {step}\n") == [where]


def test_an_editor_is_offered_the_names_of_this_installation() -> None:
    schema = menu_schema(languages=["fa"], prompts=["hello"], topics=["road"], counties=["tabriz"])
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert schema["$defs"]["kind"]["enum"] == ["complaint", "criticism", "meeting", "request", "suggestion"]
    assert complaints(f"{HEAD}  one: {{type: say, prompt: [hello], go: bye}}\n", validator) == []
    assert complaints(f"{HEAD}  one: {{type: say, prompt: [helo], go: bye}}\n", validator) == [
        "steps/one/prompt/0"
    ]
