"""The menu reference tells the truth: its examples parse, and it names every key of every step type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.steps.registry import TYPES
from tests.voice.conversation import TREE

DOC = (Path(__file__).resolve().parents[2] / "docs" / "menus.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
HEAD, STEPS = re.split(r"^steps:\n", TREE.read_text(encoding="utf-8"), flags=re.MULTILINE)
DEFAULT_STEPS = re.split(r"^(?=  \w+:\n)", STEPS, flags=re.MULTILINE)
ASKING = ("first_key", "next_key", "barge_in", "no_input", "no_match", "sensitive")


def in_default_tree(example: str) -> Menu:
    """The default tree with the example's step in place of its own."""
    name = example.split(":")[0]
    others = [step for step in DEFAULT_STEPS if not step.startswith(f"  {name}:")]
    indented = re.sub(r"^(?=.)", "  ", example, flags=re.MULTILINE)
    return parse((HEAD + "steps:\n" + "".join(others) + indented).encode(), "menus.md")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("\n")[0])
def test_every_example_parses(example: str) -> None:
    if example.startswith("menu:"):
        assert parse(example.encode(), "menus.md").steps
    else:
        assert in_default_tree(example).steps[example.split(":")[0]]


def test_there_is_an_example_of_every_step_type() -> None:
    types = {step.group(1) for step in re.finditer(r"^  type: (\w+)$", "\n".join(EXAMPLES), re.MULTILINE)}
    assert types == {each.TYPE for each in TYPES}


@pytest.mark.parametrize("type_", [each.TYPE for each in TYPES])
def test_every_key_of_a_step_type_is_told(type_: str) -> None:
    with pytest.raises(MenuMistakes) as caught:
        parse(f"{HEAD}steps:\n  one: {{type: {type_}, nonsense: 1}}\n".encode(), "m.yaml")
    unknown = next(m for m in caught.value.mistakes if m.key == "steps.one.nonsense")
    keys = unknown.message.split("there are ")[1].split(", ")
    section = re.split(r"^### ", DOC, flags=re.MULTILINE)
    told = next(text for text in section if re.match(rf"[^\n]*`{type_}`", text))
    common = {"type", "prompt", *ASKING}
    assert [key for key in keys if key not in common and f"`{key}`" not in told] == []
    assert all(f"| `{key}` |" in DOC for key in ASKING)
