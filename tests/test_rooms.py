"""Tests stand in the rooms of what they test, and look into it only where they say why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.settings import ROOT
from tests.test_floors import imported

IVR, TESTS = ROOT / "ivr", ROOT / "tests"
# Of the whole house, or of a module that stands at its top.
AT_THE_TOP = {
    *("test_article", "test_dependencies", "test_floors", "test_names", "test_rooms"),
    *("test_installation", "test_production", "test_settings", "test_simulator", "test_story", "test_where"),
}
TOOLS = {"fixtures"}  # what tests are made of has tests, too
NAMEDTUPLES = {"_mapping", "_asdict", "_replace", "_fields"}  # public, for all their looks
FILES = sorted(TESTS.rglob("*.py"))


def private(path: Path) -> Iterator[int]:
    """Lines in which it takes a private thing of something else."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            continue
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        if not own and not node.attr.startswith("__") and node.attr not in NAMEDTUPLES:
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(TESTS)))
def test_a_private_field_is_touched_only_where_a_comment_says_why(path: Path) -> None:
    lines = ["", *path.read_text(encoding="utf-8").splitlines()]
    silent = [n for n in private(path) if "#" not in lines[n] and not lines[n - 1].lstrip().startswith("#")]
    assert not silent


def test_each_room_of_the_tests_is_a_room_of_the_house() -> None:
    rooms = {path.parent.relative_to(TESTS) for path in FILES if path.name.startswith("test_")}
    homes = (ROOT / "ivr", ROOT)  # bench and its rooms stand beside
    strange = [room for room in rooms if not any((home / room).is_dir() for home in homes)]
    assert {str(room) for room in strange} == TOOLS
    assert {path.stem for path in TESTS.glob("test_*.py")} == AT_THE_TOP


def test_each_room_of_the_house_has_its_tests() -> None:
    ours = {path.parent.relative_to(IVR) for path in IVR.rglob("*.py") if path.name != "__init__.py"}
    tested = {path.parent.relative_to(TESTS) for path in FILES if path.name.startswith("test_")}
    assert {str(room) for room in ours - tested} == {
        "desk"
    }  # which holds but words of refusal beside its rooms


def test_what_is_named_after_a_module_of_its_house_stands_in_the_room_of_it() -> None:
    """Where it imports that module; a page and a room of the desk may share a name."""
    elsewhere = []
    for path in (path for path in FILES if path.name.startswith("test_")):
        house, *room = path.relative_to(TESTS).with_name(path.stem.removeprefix("test_")).parts
        its = {name for name in imported(path) if name.startswith(f"ivr.{house}.")}
        its = {name for name in its if room and name.rpartition(".")[2] == room[-1]}
        its = {name for name in its if (ROOT / name.replace(".", "/")).with_suffix(".py").exists()}
        if its and ".".join(("ivr", house, *room)) not in its:
            elsewhere.append(f"{path.relative_to(TESTS)} tests {', '.join(its)}")
    assert not elsewhere
