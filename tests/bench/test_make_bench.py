"""`make bench` runs each folder of bench/: all of them take what it passes on."""

from __future__ import annotations

from pathlib import Path

from ivr.settings import ROOT


def test_each_bench_knows_the_short_form() -> None:
    benches = sorted(Path(ROOT, "bench").glob("*/__main__.py"))
    refuse = [path.parent.name for path in benches if '"--quick"' not in path.read_text(encoding="utf-8")]
    assert len(benches) > 20 and not refuse
