"""`ivr book`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.commands import Said, typed


async def test_a_file_goes_out_is_edited_comes_in_and_is_undone(database_url: str, tmp_path: Path) -> None:
    async def book(*words: str) -> Said:
        return await typed(database_url, tmp_path, "book", *words)

    _, exported, _ = await book("export", "rule")
    file = tmp_path / "rules.csv"
    line = "water.bill,default,,abfa"
    assert line in exported.splitlines()
    file.write_text(exported.replace(line, "water.bill,default,,abfaa"))
    code, _, wrong = await book("import", "rule", str(file))
    assert code == 1 and "did you mean “abfa”" in wrong and "rules.csv:" in wrong
    file.write_text(exported.replace(line, "water.bill,default,,gas"))
    [done] = json.loads((await book("import", "rule", str(file), "--json"))[1])
    assert (done["key"], done["fields"]) == ("water.bill/default/", ["agency"])
    asked = json.loads((await book("who", "water.bill", "--json"))[1])
    assert (asked["agency"], asked["rules"][0]["fate"]) == ("gas", "won")
    assert (await book("undo", str(done["number"])))[0] == 0
    code, _, again = await book("undo", str(done["number"]))
    assert code == 1 and "undone already" in again


async def test_limits_go_out_as_they_are_configured(database_url: str, tmp_path: Path) -> None:
    words = ("book", "export", "limit")
    _, exported, _ = await typed(database_url, tmp_path, *words, IVR_CALLS__CASES_PER_HOUR="9")
    assert {"cases_per_hour,9", "cases_per_day,20", "repeat_days,10"} <= set(exported.splitlines())
