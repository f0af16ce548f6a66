"""What Asterisk's own log tells, also where Asterisk was killed in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from bench.chaos.evidence import warnings


def test_a_line_torn_by_a_kill_hides_no_warning(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text(
        "[2026-11-26 16:12:07.1] NOTICE[1] a.c: nothing\n"
        "[2026-11-26 16:12:08.349] WARNING[2] b.c: one\n"
        "[2[2026-11-26 16:12:09.5] ERROR[3] c.c: behind a torn one\n"
        "[2026-11-26 16:12:1",
        encoding="utf-8",
    )
    found = [*warnings(log)]
    assert [line.rpartition(": ")[2] for _, line in found] == ["one", "behind a torn one"]
    assert round(found[1][0] - found[0][0], 3) == 1.151
