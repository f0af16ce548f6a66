"""Bench (a) measures zaf/agi where Go and its module are there, and says in one sentence why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.agi.building import BIN, build_go, those_there
from ivr.lab.pace import patience

WITHOUT = ("floor", "ours")
ALL = (*WITHOUT, "zaf")


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `go` may stand: it is the only one on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "go"


def says(go: Path, *lines: str) -> None:
    go.write_text("\n".join(["#!/bin/sh", *lines]))
    go.chmod(0o755)


@pytest.mark.usefixtures("go")
def test_without_go_it_is_left_out_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert those_there(ALL) == WITHOUT
    why = "there is no Go on this machine (apt-get install golang-go)"
    assert capsys.readouterr().err == f"zaf/agi is left out: {why}\n"


def test_without_its_module_too_with_what_go_says_last(go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(go, "echo 'go: downloading' >&2", "echo 'main.go:11:2: no such host' >&2", "exit 1")
    assert those_there(ALL) == WITHOUT
    assert capsys.readouterr().err == "zaf/agi is left out: Go can't build it: main.go:11:2: no such host\n"


def test_a_proxy_that_never_answers_does_not_hold_the_bench(go: Path) -> None:
    says(go, f"exec /bin/sleep {patience(60):.0f}")
    assert build_go(seconds=0.2) == "Go neither had its module nor built it within 0 s"


def test_where_it_is_built_it_is_measured(go: Path, capfd: pytest.CaptureFixture[str]) -> None:
    says(go, 'echo "$GOTOOLCHAIN $*"; echo "$PWD"; /bin/cat go.mod go.sum >/dev/null', 'echo "$PWD" >&2')
    assert those_there(ALL) == ALL
    assert capfd.readouterr().err == ""


def test_who_does_not_ask_for_it_needs_no_go(go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(go, "exit 1")
    assert those_there(WITHOUT) == WITHOUT and capsys.readouterr().err == ""


def test_it_is_built_as_the_version_that_is_pinned_and_by_no_other_go(go: Path) -> None:
    says(go, 'echo "$GOTOOLCHAIN $*" >&2', "/bin/cat go.mod | /usr/bin/tr '\\n' ' ' >&2", "exit 1")
    assert build_go() == "Go can't build it: module bench/zaf  go 1.19  require github.com/zaf/agi v1.3.0"
    says(go, 'echo "$GOTOOLCHAIN $*" >&2', "exit 1")
    assert build_go() == f"Go can't build it: local build -buildvcs=false -o {BIN / 'zaf'} ."
