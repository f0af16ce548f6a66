"""Every package that runs here is there for a reason that is written down, and is pinned by its hashes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ivr.settings import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = re.findall(r"^([a-z0-9][a-z0-9._-]*)==\S+ \\$", LOCK, re.MULTILINE)
CHOSEN, ALONG = (ROOT / "docs" / "decisions" / "libraries.md").read_text("utf-8").split("## What comes along")


def plain(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", name, maxsplit=1)[0]).lower()


def asked_for() -> set[str]:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {plain(each) for each in given["project"]["dependencies"]}


def test_every_package_that_we_ask_for_is_locked_and_has_its_reason() -> None:
    assert asked_for() <= set(LOCKED)
    words = set(map(plain, re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", CHOSEN)))
    assert sorted(asked_for() - words) == []


def test_what_comes_along_is_named_with_who_brings_it_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([a-z0-9, .-]+) \| [^|]+ \|$", ALONG, re.MULTILINE)
    named = [plain(each) for row in rows for each in row.split(", ") if row != "packages"]
    assert sorted(named) == sorted({*map(plain, LOCKED)} - asked_for())


def test_nothing_is_installed_without_its_hashes() -> None:
    for block in re.split(r"\n(?=[a-z0-9])", LOCK)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes" in recipe


@pytest.mark.parametrize("lacking", ["pidfd_open", "memfd_create"])
def test_no_environment_is_made_of_a_python_that_lacks_what_the_server_lives_by(
    tmp_path: Path, lacking: str
) -> None:
    """As uv's portable builds do: its processes would live on with nobody watching them."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import os; del os.{lacking}\n$2"\n')
    python.chmod(0o755)
    made = subprocess.run(
        ["make", "env", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode and f"{python} is a portable build" in made.stdout, made
    assert not (tmp_path / ".venv").exists()
