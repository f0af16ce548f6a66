"""What docs/production.md tells somebody to type does what it says there."""

from __future__ import annotations

import re

from ivr.settings import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_to_be_started_is_named_whole_for_a_pattern_starts_nothing_that_is_not_loaded_yet() -> None:
    started = [line for page in PAGES for line in page.read_text("utf-8").splitlines() if "systemctl" in line]
    assert started and not [line for line in started if re.search(r"(start|enable)\b[^`#]*\*", line)]
