"""A journal that an earlier release wrote becomes the rows that it would have become there.

`tests/golden/facts.journal` was written by the release before the facts were typed, `facts.rows` is what that
release's own pump made of it, but for a call's name with a number in it. A fact of an older form stands at
the end.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.tables import calls, case_events, cases, outbox, recordings, referrals
from tests.desk.office import office
from tests.fixtures.database import ROOT

GOLDEN = ROOT / "tests" / "golden"
TABLES = (calls, cases, recordings, referrals, case_events, outbox)
# What hangs on the day, on the book or on chance.
# `passed` is made of the steps, and was not there.
LEFT_OUT = {
    "due_at",
    "next_rung_at",
    "timed_by",
    "noted_on",
    "noted_no",
    "hash",
    "previous",
    "state",
    "passed",
    "salt",
}


async def test_what_the_release_before_wrote_becomes_the_same_rows(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    shutil.copyfile(GOLDEN / "facts.journal", folder / "00000001.log")
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
    assert not list(folder.glob("quarantine/*"))
    expected = (GOLDEN / "facts.rows").read_text(encoding="utf-8").splitlines()
    assert await rows(engine) == expected


async def rows(engine: AsyncEngine) -> list[str]:
    found: list[str] = []
    async with engine.connect() as connection:
        for table in TABLES:
            wanted = [column for column in table.c if column is not recordings.c.id]  # which is drawn
            of_one = [shown(row._mapping) for row in await connection.execute(select(*wanted))]
            found += sorted(f"{table.name} {json.dumps(each, ensure_ascii=False)}" for each in of_one)
        drawn = select(cases.c.code).where(cases.c.id.in_(code_drawn(found)))
        codes = list((await connection.execute(drawn)).scalars())
    for code in codes:
        found = [line.replace(code, "drawn") for line in found]
    return sorted(found)


def code_drawn(found: list[str]) -> list[str]:
    """The cases to which no code was promised."""
    promised = (GOLDEN / "facts.journal").read_text()
    its = [json.loads(line.partition(" ")[2]) for line in found if line.startswith("cases ")]
    return [row["id"] for row in its if row["code"] not in promised]


def shown(row: Any) -> Any:
    """Without what is empty and what is left out; moments and ids as text."""
    if isinstance(row, list):
        return [shown(each) for each in row]
    if not hasattr(row, "items"):
        return row if isinstance(row, str | int | float | bool) else str(row)
    kept = ((key, value) for key, value in sorted(row.items()) if key not in LEFT_OUT)
    return {key: shown(value) for key, value in kept if value not in (None, "", [], {})}
