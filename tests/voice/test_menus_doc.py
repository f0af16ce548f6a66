"""The menu reference tells the truth: it is what the steps say of themselves, and its examples parse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.voice.fragments import FRAGMENTS_EXAMPLE
from ivr.voice.menu import Menu, Step
from ivr.voice.menu_reference import with_reference
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.step_fields import ASKING_KEYS
from ivr.voice.steps.fragment import FragmentStep
from ivr.voice.steps.registry import TYPES
from tests.voice.conversation import TREE

DOC = (Path(__file__).resolve().parents[2] / "docs" / "menus.md").read_text(encoding="utf-8")
WHOLE, FRAGMENTS, *EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
HEAD, STEPS = re.split(r"^steps:\n", TREE.read_text(encoding="utf-8"), flags=re.MULTILINE)
DEFAULT_STEPS = re.split(r"^(?=  \w+:\n)", STEPS, flags=re.MULTILINE)


def in_default_tree(example: str) -> Menu:
    """The default tree with the example's step in place of its own."""
    name = example.split(":")[0]
    fragments = FRAGMENTS if "\n  use: " in example else ""
    others = [step for step in DEFAULT_STEPS if not step.startswith(f"  {name}:")]
    indented = re.sub(r"^(?=.)", "  ", example, flags=re.MULTILINE)
    return parse((HEAD + fragments + "steps:\n" + "".join(others) + indented).encode(), "menus.md")


def test_the_whole_file_that_it_begins_with_parses() -> None:
    assert parse(WHOLE.encode(), "menus.md").steps


def test_its_reference_is_what_the_steps_say_of_themselves() -> None:
    assert with_reference(DOC) == DOC, "stale: ivr menu reference"


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.TYPE)
def test_the_example_of_a_step_type_parses(type_: type[Step]) -> None:
    name = type_.EXAMPLE.split(":")[0]
    assert isinstance(in_default_tree(type_.EXAMPLE).steps[name], type_)


def test_the_fragment_that_it_shows_is_the_one_that_its_example_uses() -> None:
    tree = in_default_tree(FragmentStep.EXAMPLE)
    assert FRAGMENTS == FRAGMENTS_EXAMPLE
    assert {"operator.operator", "operator.message"} <= tree.steps.keys()


def test_no_other_example_is_shown() -> None:
    assert [each.EXAMPLE for each in TYPES] == EXAMPLES


def test_the_reference_names_every_key_that_the_parser_knows() -> None:
    asking = {key.name for key in ASKING_KEYS} | {"prompt", "sensitive", "type"}
    for type_ in TYPES:
        with pytest.raises(MenuMistakes) as caught:
            parse(f"{HEAD}steps:\n  one: {{type: {type_.TYPE}, nonsense: 1}}\n".encode(), "m.yaml")
        unknown = next(m for m in caught.value.mistakes if m.key == "steps.one.nonsense")
        keys = set(unknown.message.split("there are ")[1].split(", "))
        assert keys - asking == {key.name for key in type_.KEYS}
