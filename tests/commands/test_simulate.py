"""`ivr simulate`, as it is typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.fixtures.commands import typed
from tests.voice.test_conditions import branching

WORKED = (datetime.now(UTC).weekday() + 3) % 7  # not today, nor the day beside it at midnight
OFF = [day for day in range(7) if day != WORKED]


async def test_a_day_is_off_where_the_province_says_so(tmp_path: Path) -> None:
    tree = tmp_path / "day.yaml"
    tree.write_text(branching("day", "off"), encoding="utf-8")
    words = ("simulate", "--file", str(tree), "--keys", "-", "--json")
    code, walked, wrong = await typed("", tmp_path, *words, IVR_PROVINCE__WEEKEND=json.dumps(OFF))
    assert code == 0, wrong
    assert [turn["step"] for turn in json.loads(walked)["turns"]] == ["one"]
