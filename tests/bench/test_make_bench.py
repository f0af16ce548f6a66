"""`make bench` runs each folder of bench/: all of them take what it passes on."""

from __future__ import annotations

from pathlib import Path

from bench.__main__ import APART, benches
from ivr.settings import ROOT


def test_each_bench_knows_the_short_form() -> None:
    benches = sorted(Path(ROOT, "bench").glob("*/__main__.py"))
    refuse = [path.parent.name for path in benches if '"--quick"' not in path.read_text(encoding="utf-8")]
    assert len(benches) > 20 and not refuse


def test_all_are_run_but_those_that_have_a_run_of_their_own() -> None:
    folders = {path.parent.name for path in Path(ROOT, "bench").glob("*/__main__.py")}
    assert set(APART) == {"soak"} == folders - set(benches())
    assert "soak:" in Path(ROOT, "Makefile").read_text(encoding="utf-8")
