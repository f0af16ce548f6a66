"""A type of steps is one file and one line: what CONTRIBUTING says of adding one is done here."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ivr.settings import ROOT
from ivr.voice import steps
from ivr.voice.menu import Step
from ivr.voice.steps.registry import TYPES
from tests.voice.today import TodayStep

STEPS, REGISTRY = "ivr/voice/steps", "ivr/voice/steps/registry.py"
SMALLEST = "tests/voice/today.py"
WORDS = "ivr/web/locale/fa/live.yaml"
# Of the tests of what the recipe's third step asks for.
SHOWN = (
    "tests/voice/test_menus_doc.py",
    "tests/web/live/test_live.py::test_every_type_of_steps_has_its_word",
    "tests/test_simulator.py::test_every_type_of_steps_stands_in_a_tree_of_the_golden_conversations",
    "tests/test_simulator.py::test_the_conversation_goes_as_written",
)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TREE = (
    'menu: "small"\nlanguages: [fa]\nstart: today\nsteps:\n'
    + re.sub("^(?=.)", "  ", TodayStep.EXAMPLE, flags=re.MULTILINE)
    + "  goodbye: {type: end, prompt: [goodbye]}\n"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house as it is, but for the new type's file and its two words in the registry."""
    house = tmp_path_factory.mktemp("house")
    for name in ("db", "dialplan", "sounds", "config.yaml"):
        (house / name).symlink_to(ROOT / name)
    for name in ("ivr", "tests", "docs"):
        shutil.copytree(ROOT / name, house / name)
    shutil.copy(ROOT / "pyproject.toml", house)

    shutil.copy(ROOT / SMALLEST, house / STEPS)
    registry = (house / REGISTRY).read_text(encoding="utf-8")
    named = registry.replace("    EndStep,\n", "    EndStep,\n    TodayStep,\n")
    imported = named.replace(
        "\n\n# In the order", "\nfrom ivr.voice.steps.today import TodayStep\n\n# In the order"
    )
    (house / REGISTRY).write_text(imported, encoding="utf-8")
    (house / "tree.yaml").write_text(TREE, encoding="utf-8")
    return house


def python(house: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of that house."""
    command, environment = [sys.executable, "-m", *arguments], {"PYTHONPATH": str(house), **environment}
    return subprocess.run(
        command, cwd=house, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def ivr(house: Path, *arguments: str) -> Any:
    """What `ivr … --json` of that house prints."""
    done = python(house, "ivr.cli", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def failures(house: Path) -> set[str]:
    """Which of that house's tests of what must be shown fail."""
    done = python(house, "pytest", "-q", "-p", "no:cacheprovider", *SHOWN)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return set(re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE))


def test_the_recipe_names_the_files_that_it_takes() -> None:
    recipe = CONTRIBUTING.split("## Add a menu step\n")[1].split("\n## ")[0]
    assert all(f"`{path}`" in recipe for path in (f"{STEPS}/<type>.py", REGISTRY, SMALLEST))


def test_a_menu_with_a_step_of_the_new_type_is_read_proved_and_timed(house: Path) -> None:
    found = ivr(house, "menu", "check", "tree.yaml")
    stays = {stay["step"]: stay["worst_seconds"] for stay in found["stays"]}
    assert found["ok"] and list(stays) == ["today", "goodbye"] and stays["today"] > 0
    assert found["arrivals"][0]["worst_seconds"] == pytest.approx(sum(stays.values()), abs=0.2)


def test_a_call_walks_through_it(house: Path) -> None:
    walked = ivr(house, "simulate", "--file", "tree.yaml", "--keys", "-")
    said = walked["turns"][0]["said"]  # its prompt, weekday, day and month, goodbye
    assert walked["outcome"] == "completed" and len(said) == 5


def test_what_must_be_shown_the_tests_name_until_it_is(house: Path) -> None:
    reference = {"test_its_reference_is_what_the_steps_say_of_themselves", "test_no_other_example_is_shown"}
    assert failures(house) == {*reference, *(each.partition("::")[2] for each in SHOWN[1:3])}

    assert python(house, "ivr.cli", "menu", "reference").returncode == 0
    words = house / WORDS
    words.write_text(words.read_text(encoding="utf-8").replace("\n  end:", "\n  today: روز\n  end:"), "utf-8")
    golden = house / "tests" / "golden"
    (golden / "small.yaml").write_text(TREE, encoding="utf-8")
    (golden / "today.txt").write_text("# which day it is\nkeys: -\ntree: small\n\n?\n", encoding="utf-8")
    assert failures(house) == {"test_the_conversation_goes_as_written"}

    python(house, "pytest", "-q", "-p", "no:cacheprovider", SHOWN[3], GOLDEN="record")
    assert "status.due_is" in (golden / "today.txt").read_text(encoding="utf-8")
    assert failures(house) == set()


def asked_of_its_type(path: Path) -> Iterator[str]:
    """The classes of steps that it knows by name, and types that it compares with."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module, names) if (module or "").startswith("ivr.voice.steps."):
                yield from (each.name for each in names if each.name.endswith("Step"))
            case ast.Compare(left=ast.Attribute(attr="TYPE"), comparators=[ast.Constant(value)]):
                yield str(value)


def test_nobody_asks_a_step_for_its_type_but_where_the_recipe_says() -> None:
    """What a type is to them they read from `Step`: so a new one falls through nowhere."""
    asked = {path: sorted(set(asked_of_its_type(path))) for path in (ROOT / "ivr").rglob("*.py")}
    known = {path.relative_to(ROOT).as_posix(): names for path, names in asked.items() if names}
    elsewhere = {path: names for path, names in known.items() if not path.startswith(STEPS)}
    assert elsewhere == {
        "ivr/voice/parse.py": ["EndStep", "FragmentStep", "SayStep", "TreeStep"],
        "ivr/loops/live_trees.py": ["TreeStep"],
        "ivr/voice/callback.py": ["OperatorStep"],
    }
    recipe = CONTRIBUTING.split("A new step *type*")[1].split("\n\n")[0]
    assert all(f"`{path}`" in recipe for path in elsewhere)


def test_every_file_is_a_type_that_trees_may_hold() -> None:
    files = {path.stem for path in Path(str(steps.__file__)).parent.glob("*.py")} - {"__init__", "registry"}
    assert files == {each.TYPE for each in TYPES}


def test_a_type_that_does_not_tell_its_ways_and_seconds_cannot_be_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Half(Step):
        TYPE = "half"

    with pytest.raises(TypeError, match=r"at_best.*at_worst.*perform.*ways"):
        Half("half", 1, ())  # type: ignore[abstract]
