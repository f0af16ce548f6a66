"""What waits for something waits longer on a busy machine, and never less long than on an idle one."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.lab import pace

SUITE = Path(__file__).parents[1]
SHORT = 5  # seconds: less is meant to pass, or to be missed
WAITS = {"timeout", "wait_for", "wait"}


@pytest.mark.parametrize(("load", "factor"), [(0.0, 1.0), (1.0, 1.0), (2.0, 2.0), (100.0, pace.MOST)])
def test_patience_grows_with_what_waits_for_the_processors(
    load: float, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "slowness", lambda: 1.0)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert pace.patience(10) == 10 * factor


def test_no_wait_of_the_suite_gives_up_by_the_clock_alone() -> None:
    bare = [where for path in sorted(SUITE.rglob("*.py")) for where in _bare(path)]
    assert not bare, f"a ceiling that knows no busy machine; ivr.lab.pace.patience does: {bare}"


def _bare(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"))):
                continue  # how long a whole test may hang
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=named) if name in WAITS:
                given = [*args[-1:], *(each.value for each in named if each.arg == "timeout")]
                if any(map(_is_long, given)):
                    yield f"{path.relative_to(SUITE)}:{node.lineno}"


def _is_long(given: ast.expr) -> bool:
    return isinstance(given, ast.Constant) and isinstance(given.value, int | float) and given.value >= SHORT
