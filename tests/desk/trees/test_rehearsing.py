"""A rehearsal takes its calls from the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.rehearsal.lived import BEGAN, lived
from ivr.desk.trees import drafts, rehearsing
from ivr.store.tables import calls
from ivr.voice.menu_life import Stage
from ivr.voice.rewalk import PastCall
from tests.desk.trees.test_publishing import check
from tests.fixtures.plans import plan_of
from tests.voice.conversation import DIRECTORY
from tests.voice.test_rehearsal import OLD, TEXT, WHOLE
from tests.voice.test_words_first import MENU as WORDS_FIRST

NOW = BEGAN + timedelta(days=1)


async def in_the_books(engine: AsyncEngine, *past: PastCall, revision: str = "1") -> None:
    common = {"unique_id": "", "caller_key": "", "caller_name": "", "menu_name": "111"}
    rows = [
        common
        | {"id": uuid4(), "started_at": call.began, "ended_at": call.began + timedelta(seconds=call.seconds)}
        | {"outcome": "hung_up" if call.hung_up else "completed", "caller": call.number}
        | {"language": call.language, "menu_revision": revision, "steps": call.steps}
        for call in past
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(calls), rows)


async def test_the_calls_of_the_last_days_walk_through_a_draft_which_is_then_rehearsed(
    engine: AsyncEngine,
) -> None:
    whole = lived(OLD, DIRECTORY, WHOLE)
    await in_the_books(
        engine, whole, lived(OLD, DIRECTORY, ["1"]), replace(whole, began=NOW - timedelta(days=30))
    )
    draft = await drafts.save_draft(engine, "111", TEXT, "sara")
    await drafts.check_draft(engine, "111", draft.number, "sara", check)
    found = await rehearsing.rehearse_draft(
        engine, OLD, WORDS_FIRST, DIRECTORY, NOW, draft=draft.number, author="sara"
    )
    assert sorted(each.fate for each in found.calls) == ["same", "same"]
    assert (await drafts.drafts(engine, "111"))[0][1] is Stage.REHEARSED


async def test_they_are_found_by_an_index(engine: AsyncEngine) -> None:
    plan = await plan_of(engine, rehearsing.newest("111", NOW, 10_000))
    assert "ix_calls_started_at_id" in plan and "Sort" not in plan
