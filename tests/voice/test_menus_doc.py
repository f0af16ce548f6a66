"""The menu reference tells the truth: each step type's own example, which parses, and every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.steps.registry import TYPES, StepType
from tests.voice.conversation import TREE

DOC = (Path(__file__).resolve().parents[2] / "docs" / "menus.md").read_text(encoding="utf-8")
WHOLE, *EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
SECTIONS = re.split(r"^### ", DOC, flags=re.MULTILINE)
HEAD, STEPS = re.split(r"^steps:\n", TREE.read_text(encoding="utf-8"), flags=re.MULTILINE)
DEFAULT_STEPS = re.split(r"^(?=  \w+:\n)", STEPS, flags=re.MULTILINE)
ASKING = ("first_key", "next_key", "barge_in", "no_input", "no_match", "sensitive")


def in_default_tree(example: str) -> Menu:
    """The default tree with the example's step in place of its own."""
    name = example.split(":")[0]
    others = [step for step in DEFAULT_STEPS if not step.startswith(f"  {name}:")]
    indented = re.sub(r"^(?=.)", "  ", example, flags=re.MULTILINE)
    return parse((HEAD + "steps:\n" + "".join(others) + indented).encode(), "menus.md")


def section(type_: str) -> str:
    return next(text for text in SECTIONS if re.match(rf"[^\n]*`{type_}`", text))


def test_the_whole_file_that_it_begins_with_parses() -> None:
    assert parse(WHOLE.encode(), "menus.md").steps


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.TYPE)
def test_the_example_of_a_step_type_is_shown_and_parses(type_: type[StepType]) -> None:
    name = type_.EXAMPLE.split(":")[0]
    assert isinstance(in_default_tree(type_.EXAMPLE).steps[name], type_)
    assert f"```yaml\n{type_.EXAMPLE}```" in section(type_.TYPE)


def test_no_other_example_is_shown() -> None:
    assert sorted(EXAMPLES) == sorted(each.EXAMPLE for each in TYPES)


@pytest.mark.parametrize("type_", [each.TYPE for each in TYPES])
def test_every_key_of_a_step_type_is_told(type_: str) -> None:
    with pytest.raises(MenuMistakes) as caught:
        parse(f"{HEAD}steps:\n  one: {{type: {type_}, nonsense: 1}}\n".encode(), "m.yaml")
    unknown = next(m for m in caught.value.mistakes if m.key == "steps.one.nonsense")
    keys = unknown.message.split("there are ")[1].split(", ")
    common = {"type", "prompt", *ASKING}
    assert [key for key in keys if key not in common and f"`{key}`" not in section(type_)] == []
    assert all(f"| `{key}` |" in DOC for key in ASKING)
