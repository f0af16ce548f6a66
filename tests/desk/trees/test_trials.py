"""A tree on trial is taken back by itself when its callers fare worse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.trees import tree_history, trials
from ivr.desk.trees.publishing import roll_back
from ivr.store.aside import Aside
from ivr.store.tables import audit, calls, outbox, people
from ivr.voice.menu_life import TreeDeed
from tests.desk.trees.test_publishing import put, tree

NOW = datetime.now(UTC)
KEPT = [{"at": NOW.isoformat(), "step": "record", "key": "", "note": "CaseOpened"}]
LEFT = [{"at": NOW.isoformat(), "step": "topic", "key": "", "note": "hangup"}]


async def ended(engine: AsyncEngine, revision: int, many: int, outcome: str, steps: list[Any]) -> None:
    """So many calls through that revision, which are over now."""
    now = datetime.now(UTC)
    common: dict[str, Any] = {"unique_id": "", "caller": "", "caller_key": "", "caller_name": ""}
    common |= {"language": "fa", "menu_name": "111", "menu_revision": str(revision)}
    common |= {"outcome": outcome, "steps": steps, "started_at": now, "ended_at": now}
    async with engine.begin() as connection:
        await connection.execute(insert(calls), [common | {"id": uuid4()} for _ in range(many)])


async def trial(engine: AsyncEngine) -> menus.OnTrial:
    await put(engine, "one")
    tried: menus.OnTrial = await put(engine, "two", share=0.1)
    await ended(engine, 1, 80, "hung_up", KEPT)
    await ended(engine, 1, 20, "hung_up", LEFT)
    return tried


async def test_a_tree_in_which_callers_hang_up_with_nothing_kept_is_taken_back_and_it_is_told_why(
    engine: AsyncEngine,
) -> None:
    tried = await trial(engine)
    person = {"id": uuid4(), "full_name": "ر", "password_hash": "", "must_change": False}
    person |= {"made_at": NOW, "password_at": NOW}
    who = [
        person | {"id": uuid4(), "name": name, "role": role, "email": mail}
        for name, role, mail in (
            ("reza", "admin", "reza@x"), ("mina", "supervisor", ""), ("zohre", "officer", "zohre@x"),
        )
    ]  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(people), who)
    await ended(engine, 2, 19, "hung_up", LEFT)
    assert await trials.watch_trials(engine, NOW) == []
    await ended(engine, 2, 1, "hung_up", LEFT)
    (gone,) = await trials.watch_trials(engine, NOW)
    assert gone.trial == tried and gone.why.measure == "dropped"
    assert str(gone) == (
        "100.0 % of its callers hung up before anything was kept or told, 20.0 % in the tree before"
    )
    now = await menus.on_the_air(engine, "111")
    assert now is not None and now.trial is None and now.revision.number == 1
    assert (await tree_history.revisions(engine, "111"))[0].deed is TreeDeed.TAKEN_BACK
    assert await trials.watch_trials(engine, NOW) == []
    async with engine.connect() as connection:
        noted = (await connection.execute(select(audit.c.subject, audit.c.reason))).one()
        letter = (await connection.execute(select(outbox.c.kind, outbox.c.payload))).one()
    assert tuple(noted) == ("menu/111", str(gone))
    assert letter.kind == "account_menu_taken_back"
    assert (letter.payload["to"], letter.payload["name"], letter.payload["by"]) == ("reza@x", "111", "sara")


async def test_who_was_served_or_left_by_the_tree_is_not_dropped_and_a_good_tree_stays(
    engine: AsyncEngine,
) -> None:
    await trial(engine)
    await ended(engine, 2, 16, "hung_up", KEPT)
    await ended(engine, 2, 4, "completed", LEFT)
    assert await trials.watch_trials(engine, NOW) == []


async def test_a_tree_whose_calls_fail_is_taken_back(engine: AsyncEngine) -> None:
    await trial(engine)
    await ended(engine, 2, 10, "failed", LEFT)
    await ended(engine, 2, 10, "completed", KEPT)
    (gone,) = await trials.watch_trials(engine, NOW)
    assert gone.why.measure == "failed"


async def test_a_trial_that_somebody_ended_is_compared_no_more(engine: AsyncEngine) -> None:
    await trial(engine)
    await ended(engine, 2, 20, "failed", LEFT)
    await roll_back(engine, "111", "sara")
    assert await trials.watch_trials(engine, NOW) == []


async def test_of_three_trials_two_that_can_not_be_compared_keep_no_other_on_the_air(
    engine: AsyncEngine,
) -> None:
    tried, aside = await trial(engine), Aside()
    await ended(engine, 2, 20, "failed", LEFT)
    for name in ("110", "112"):
        await menus.publish(engine, name, tree("one", name), "sara")
        async with engine.begin() as connection:  # as another release may note it
            await menus.note_deed(connection, name, TreeDeed.TRIED, "sara", draft=1, revision=2)
    (gone,) = await trials.watch_trials(engine, NOW, aside)
    assert gone.trial == tried and aside.counts == {"trees on trial": 2}
