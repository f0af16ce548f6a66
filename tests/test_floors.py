"""The house keeps its floors (docs/architecture.md): imports go downward only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.store.tables import metadata

IVR = Path(__file__).resolve().parent.parent / "ivr"
FLOORS = {
    "voice": 1,
    "cases": 1,
    "store": 2,
    "desk": 3,
    "asterisk": 4,
    "web": 4,
    "notify": 4,
    "speech": 4,
    "simulator": 4,
    "settings": 4,
    "installation": 5,
    "loops": 5,
    "app": 6,
    "cli": 6,
    "__main__": 6,
    "commands": 6,
    "lab": 6,
}
# The rooms of the desk, from the ground up: a room sees those below it, never its neighbours.
DESK = {
    "refusals": 0,
    "people": 1,
    "book": 2,
    "case": 3,
    "recordings": 4,
    "call": 4,
    "counter": 4,
    "deadlines": 4,
    "letters": 4,
    "meetings": 4,
    "keeping": 4,
    "facts": 5,
    "reading": 5,
    "editing": 5,
    "trees": 5,
}
# The rooms of the web, likewise; sections never see each other, and whoever puts them together stands above.
WEB = {
    "bodies": 0,
    "board": 0,
    "browser_phone": 0,
    "doors": 0,
    "metrics": 0,
    "health": 1,
    "window": 1,
    "panel": 2,
    "account": 3,
    "admin": 3,
    "api": 3,
    "casefile": 3,
    "inbox": 3,
    "live": 3,
    "meetings": 3,
    "numbers": 3,
    "open311": 3,
    "public": 3,
    "servicedesk": 3,
    "trees": 3,
    "application": 4,
    "outside": 4,
}
SEES_VOICE_ONLY = {"asterisk", "simulator", "speech"}
FILES = sorted(IVR.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(IVR).parts[0].removesuffix(".py")


def module(path: Path) -> str:
    return ".".join(path.relative_to(IVR.parent).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    """The modules of ours that it names, each as far as it names it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == "ivr"}


def imported_rooms(path: Path) -> set[str]:
    return {parts[1] for name in imported(path) if len(parts := name.split(".")) > 1} - {room(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(IVR)))
def test_imports_go_downward_only(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        assert not imported_rooms(path)
        return
    for other in imported_rooms(path):
        below = FLOORS[other] < FLOORS[here]
        same_pure_floor = FLOORS[here] == FLOORS[other] in (1, 6)
        settings_beside = other == "settings" and FLOORS[here] >= 4
        installation_beside = other == "installation" and FLOORS[here] >= 5
        allowed = below or same_pure_floor or settings_beside or installation_beside
        assert allowed, f"{path.name} on floor {FLOORS[here]} imports {other}"
        if here in SEES_VOICE_ONLY:
            assert other in {"voice", "settings"}, f"{path.name} imports {other}; {here} sees voice only"


@pytest.mark.parametrize("house, order", [("desk", DESK), ("web", WEB)])
def test_a_room_within_sees_only_those_below_it(house: str, order: dict[str, int]) -> None:
    upward = []
    for path in (IVR / house).rglob("*.py"):
        here = path.relative_to(IVR / house).parts[0].removesuffix(".py")
        for name in imported(path):
            parts = name.split(".")
            if parts[:2] == ["ivr", house] and len(parts) > 2 and parts[2] != here:
                upward += [f"{path.name} in {here} imports {name}"] * (order[parts[2]] >= order[here])
    assert not upward


def test_the_web_has_no_room_without_a_floor() -> None:
    code = (p for p in (IVR / "web").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists())
    assert {p.name.removesuffix(".py") for p in code} - {"__init__"} == set(WEB)


def test_the_desk_holds_only_rooms() -> None:
    there = {p.name.removesuffix(".py") for p in (IVR / "desk").iterdir()} - {"__init__", "__pycache__"}
    assert there == set(DESK)
    rooms = {p.parent.name for p in (IVR / "desk").glob("*/__init__.py")}
    assert rooms == set(DESK) - {"refusals"}


def from_the_store(path: Path) -> dict[str, str]:
    """What it calls what it imports from there."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    imports = [n for n in nodes if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("ivr.store")]
    return {alias.asname or alias.name: alias.name for node in imports for alias in node.names}


def written(path: Path) -> Iterator[str]:
    """The tables that its statements name: `insert(cases)`, `cases.insert()`."""
    known, kinds = from_the_store(path), {"insert", "update", "delete"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=kind), args=[ast.Name(id=table), *_]) if kind in kinds:
                yield known.get(table, "")
            case ast.Call(func=ast.Attribute(ast.Name(id=table), attr=kind), args=[]) if kind in kinds:
                yield known.get(table, "")


@pytest.mark.parametrize("room_of", sorted(set(DESK) - {"refusals"}))
def test_each_room_of_the_desk_says_what_it_touches(room_of: str) -> None:
    """Every table that it writes, and none that it does not know."""
    files = list((IVR / "desk" / room_of).glob("*.py"))
    said = ast.get_docstring(ast.parse((IVR / "desk" / room_of / "__init__.py").read_text("utf-8"))) or ""
    before, touches, what = said.partition("\n\nTouches ")
    assert before and touches, f"{room_of} does not say what it touches"
    named = set(re.findall(r"`(\w+)`", what)) & set(metadata.tables)
    done = {table for path in files for table in written(path)} & set(metadata.tables)
    assert not done - named, f"{room_of} does not say that it touches {sorted(done - named)}"
    known = {name for path in files for name in from_the_store(path).values()}
    assert not named - known, f"{room_of} knows nothing of {sorted(named - known)}"


def test_no_two_modules_need_each_other() -> None:
    """A circle is two rooms that are one: nobody can understand half of it."""
    graph = {module(path): imported(path) for path in FILES if path.name != "__init__.py"}
    graph = {name: {other for other in seen if other in graph} - {name} for name, seen in graph.items()}
    while leaves := [name for name, seen in graph.items() if not seen]:
        graph = {name: seen - set(leaves) for name, seen in graph.items() if name not in leaves}
    tops = graph
    while tops and (unseen := set(tops) - set().union(*tops.values())):
        tops = {name: seen for name, seen in tops.items() if name not in unseen}
    assert not tops, f"these need each other: {sorted(tops)}"


def test_the_server_never_needs_the_command_line() -> None:
    for path in FILES:
        if room(path) not in {"commands", "cli", "lab"}:
            assert "commands" not in imported_rooms(path), path.name


def test_cases_never_import_the_call_flow() -> None:
    for path in (IVR / "cases").glob("*.py"):
        assert "voice" not in imported_rooms(path), path.name


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in {"voice", "cases"}], ids=lambda p: p.name)
def test_the_core_has_no_async_and_no_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path.name} is async"
        if isinstance(node, ast.Attribute):
            assert (
                node.attr not in {"now", "utcnow", "today", "monotonic"}
                or not isinstance(node.value, ast.Name)
                or node.value.id not in {"datetime", "date", "time"}
            ), f"{path.name} reads a clock"


def test_the_command_line_brings_only_what_its_help_needs() -> None:
    """Somebody at a terminal waits for it each time; commands import what they use when they run."""
    heavy = {"aiohttp", "alembic", "asyncpg", "jinja2", "numpy", "phonenumbers", "scipy", "sqlalchemy"}
    program = "import sys, ivr.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heavy & set(loaded.stdout.split()) == set()
