"""The house keeps its floors (docs/architecture.md): imports go downward only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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
    "prompts": 5,
    "secrets": 5,
    "calls": 5,
    "lost_calls": 5,
    "quiet": 5,
    "supervising": 5,
    "switchboard": 5,
    "live": 5,
    "dialling": 5,
    "delivery": 5,
    "offered": 5,
    "transcribing": 5,
    "worker": 5,
    "watchdog": 5,
    "every": 4,
    "listening": 5,
    "workers": 6,
    "app": 6,
    "doctor": 6,
    "cli": 6,
    "commands": 6,
    "lab": 6,
}
SEES_VOICE_ONLY = {"asterisk", "simulator", "speech"}
FILES = sorted(IVR.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(IVR).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {parts[1] for name in names if (parts := name.split("."))[0] == "ivr" and len(parts) > 1}
    return rooms - {room(path)}


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
        allowed = below or same_pure_floor or settings_beside
        assert allowed, f"{path.name} on floor {FLOORS[here]} imports {other}"
        if here in SEES_VOICE_ONLY:
            assert other in {"voice", "settings"}, f"{path.name} imports {other}; {here} sees voice only"


def test_cases_never_import_the_call_flow() -> None:
    for path in (IVR / "cases").glob("*.py"):
        assert "voice" not in imported_rooms(path), path.name


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in {"voice", "cases"}], ids=lambda p: p.name)
def test_the_core_has_no_async_and_no_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path.name} is async"
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today", "monotonic"} or not isinstance(
                node.value, ast.Name
            ) or node.value.id not in {"datetime", "date", "time"}, f"{path.name} reads a clock"


def test_the_command_line_brings_only_what_its_help_needs() -> None:
    """Somebody at a terminal waits for it each time; commands import what they use when they run."""
    heavy = {"aiohttp", "alembic", "asyncpg", "jinja2", "numpy", "phonenumbers", "scipy", "sqlalchemy"}
    program = "import sys, ivr.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heavy & set(loaded.stdout.split()) == set()
