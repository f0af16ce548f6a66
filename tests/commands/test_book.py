"""`ivr book`, as it is typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing
from ivr.desk.case.change import actor_named
from ivr.desk.editing.changing import Why, Wish, change
from ivr.desk.editing.values import Row
from ivr.store.row_version import version
from ivr.store.tables import cases
from tests.desk.counter import counter
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


async def test_what_would_be_gone_for_good_is_left_to_the_panel(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    url = engine.url.render_as_string(hide_password=False)
    code = await at.open()
    long_ago = datetime.now(UTC) - timedelta(days=800)
    await closing.withdraw(engine, at.page, at.ask(code, "citizen"))
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(closed_at=long_ago))
    row: Row = {"what": "cases", "kind": "", "status": "withdrawn", "delete_after": 3000}
    row |= {"anonymise_after": 3000, "retired": False}
    why = Why(actor_named(at.page, "desk"), "")
    [done] = await change(engine, why, Wish("retention", "cases//withdrawn", row, version(None)))
    said, _, wrong = await typed(url, tmp_path, "book", "undo", str(done.number))
    assert said == 1 and "takes 1 away for good" in wrong
    file = tmp_path / "retention.csv"
    file.write_text((await typed(url, tmp_path, "book", "export", "retention"))[1])
    said, _, wrong = await typed(url, tmp_path, "book", "import", "retention", str(file))
    assert said == 2 and "by itself, in the panel" in wrong
    assert (await typed(url, tmp_path, "book", "import", "retention", str(file), "--dry-run"))[0] == 0
