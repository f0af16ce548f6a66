"""A type of steps is one file and one line: what CONTRIBUTING says of adding one is done here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
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
    voice = house / "ivr" / "voice"
    voice.parent.mkdir()
    for path in (ROOT / "ivr").iterdir():
        if path.name != voice.name:
            (house / "ivr" / path.name).symlink_to(path)
    shutil.copytree(ROOT / "ivr" / "voice", voice, ignore=shutil.ignore_patterns("__pycache__"))

    shutil.copy(ROOT / SMALLEST, house / STEPS)
    registry = (house / REGISTRY).read_text(encoding="utf-8")
    named = registry.replace("    EndStep,\n", "    EndStep,\n    TodayStep,\n")
    imported = named.replace(
        "\n\n# In the order", "\nfrom ivr.voice.steps.today import TodayStep\n\n# In the order"
    )
    (house / REGISTRY).write_text(imported, encoding="utf-8")
    (house / "tree.yaml").write_text(TREE, encoding="utf-8")
    return house


def ivr(house: Path, *arguments: str) -> Any:
    """What `ivr … --json` of that house prints."""
    command = [sys.executable, "-m", "ivr.cli", *arguments, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(house)}
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


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


def test_every_file_is_a_type_that_trees_may_hold() -> None:
    files = {path.stem for path in Path(str(steps.__file__)).parent.glob("*.py")} - {"__init__", "registry"}
    assert files == {each.TYPE for each in TYPES}


def test_a_type_that_does_not_tell_its_ways_and_seconds_cannot_be_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Half(Step):
        TYPE = "half"

    with pytest.raises(TypeError, match=r"at_best.*at_worst.*perform.*ways"):
        Half("half", 1, ())  # type: ignore[abstract]
