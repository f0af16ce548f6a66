"""The newcomer's table of CONTRIBUTING and the map of docs/architecture.md are true."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.loops.worker import FALLBACKS
from ivr.settings import ROOT
from tests.test_floors import DESK, FILES, WEB
from tests.test_floors import room as room_of

ROW = re.compile(r"^\| (.+?) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = ROW.findall(GUIDE)
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROLES = "(?:all|parent|(?:calls|panel|work)(?:, (?:panel|work))?)"
BESIDE = "What runs beside calls"


def test_every_row_tells_of_one_file_and_one_thing() -> None:
    table = GUIDE.partition("\n| what | file | its name there |\n|---|---|---|\n")[2].partition("\n\n")[0]
    assert len(ROWS) == len(table.splitlines()) >= 40


def made_in(path: Path) -> set[str]:
    """What it defines: functions, classes, and names that it gives a value."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                found.add(name)
            case ast.Name(name, ast.Store()):
                found.add(name)
    return found


@pytest.mark.parametrize(("what", "file", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_each_file_is_there_and_makes_its_thing(what: str, file: str, name: str) -> None:
    path = ROOT / file
    if path.suffix == ".py":
        assert name.removeprefix("def ").removeprefix("class ") in made_in(path), what
    else:
        assert re.search(rf"\b{re.escape(name)}\b", path.read_text(encoding="utf-8")), what


def section(title: str) -> str:
    return MAP.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(("house", "floors"), [("desk", DESK), ("web", WEB)])
def test_the_map_names_every_room_on_its_floor(house: str, floors: dict[str, int]) -> None:
    rows = re.findall(r"^\| (\d) \| (.+?) \|", section(f"The rooms of the {house}"), re.MULTILINE)
    told = {
        room: int(floor) for floor, rooms in rows for room in re.findall(r"`(?:\w+/)?(\w+)(?:/|\.py)`", rooms)
    }
    ground = min(told.values()) - min(floor for room, floor in floors.items() if room in told)
    assert told == {room: floor + ground for room, floor in floors.items() if room != "refusals"}


def test_nothing_stands_beside_the_rooms_but_what_the_map_says() -> None:
    told = MAP.partition("\nAt the top of `ivr/`")[2].partition("\n\n")[0]
    there = {path.name for path in (ROOT / "ivr").glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"`(\w+\.py)`", told)) == there


def test_the_map_names_every_file_of_the_loops() -> None:
    loops = [path.name for path in (ROOT / "ivr" / "loops").glob("*.py") if path.stem != "__init__"]
    assert not [loop for loop in loops if f"{loop}`" not in section(BESIDE)]


def names_begun() -> Iterator[str]:
    """Of all loops: `start("its name", …)`; of one for each way to write: "delivery: …", the word before."""
    for path in (path for path in FILES if room_of(path) != "lab"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Attribute(attr="start" | "every") | ast.Name("start"), [name, _, *_]):
                    match name:
                        case ast.Constant(str(told)) | ast.JoinedStr([ast.Constant(str(told)), *_]):
                            yield told.partition(":")[0]
                        case _:
                            yield f"{path.stem}: {ast.unparse(name)}"


def test_the_map_names_every_loop_that_is_watched() -> None:
    named = {
        name
        for loops in re.findall(rf"^\| (`.+?) \| {ROLES} \|", section(BESIDE), re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", loops)
    }
    worker = ast.parse((ROOT / "ivr" / "loops" / "worker.py").read_text(encoding="utf-8"))
    table = set(FALLBACKS)
    for node in ast.walk(worker):
        match node:
            case ast.AnnAssign(target=ast.Name(id="parts"), value=ast.Dict(keys=keys)):
                table |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            case ast.Subscript(value=ast.Name(id="parts"), slice=ast.Constant(value=name)):
                table.add(str(name))
    assert named == set(names_begun()) - {"worker: name"} | table


def test_every_path_that_the_map_names_is_there() -> None:
    named = set(re.findall(r"`((?:ivr|tests|dialplan|docs)/[\w/.-]+\.\w+)`", MAP))
    assert named and not [path for path in named if not (ROOT / path).exists()]


DOTTED = re.compile(r"(?<![\w./-])ivr(?:\.[A-Za-z_]\w*)+")
HOMES = ("ivr", "tests", "bench", "db", "docs", "dialplan")
TEXTS = [p for home in HOMES for p in (ROOT / home).rglob("*") if p.suffix in {".py", ".md", ".yaml", ".j2"}]


def prose(path: Path) -> Iterator[str]:
    """What is written for people in it: all, or of code the docstrings and comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    if re.search(r"#.*\bivr\.", text):  # else no comment can name one, and this takes long
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT)


def is_there(name: str) -> bool:
    """Its module is, and what is named in that stands in its text."""
    place, parts = ROOT, name.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if parts and (place / parts[0]).with_suffix(".py").exists():
        place = (place / parts.pop(0)).with_suffix(".py")
    text = (place if place.is_file() else place / "__init__.py").read_text(encoding="utf-8")
    return all(re.search(rf"\b{part}\b", text) for part in parts)


def test_every_module_that_a_text_names_is_there() -> None:
    named = {(name, path) for path in TEXTS for text in prose(path) for name in DOTTED.findall(text)}
    assert len(named) > 50
    assert not [f"{path.name}: {name}" for name, path in named if not is_there(name)]
