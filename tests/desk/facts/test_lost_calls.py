"""Calls that vanished are closed, and never one in which somebody may still be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.lost_calls import close_lost
from ivr.desk.reading import as_json
from ivr.store import clocks
from tests.desk.facts.test_reconcile import CHOSEN
from tests.desk.office import WEDNESDAY, call, office

SOON = WEDNESDAY + timedelta(minutes=2)
LATE = WEDNESDAY + timedelta(hours=3)
NOBODY: tuple[str, ...] = ()


async def one_call(engine: AsyncEngine) -> dict[str, Any]:
    (row,) = await as_json.calls(engine)
    return row


async def died_in_mid_call(engine: AsyncEngine, spool: Path) -> str:
    async with office(engine, spool) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.intake.recording_begun(facts, "2026/11/25/abc", CHOSEN)
        await desk.pump.idle()
    return facts.id


async def test_a_call_whose_process_died_ends_when_it_was_last_heard_of(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await died_in_mid_call(engine, tmp_path)
    passes = (close_lost(engine, tmp_path, SOON, channels=NOBODY) for _ in range(4))
    assert sum(await asyncio.gather(*passes)) == 1
    row = await one_call(engine)
    assert (row["outcome"], row["ended_at"]) == ("lost", row["started_at"])
    assert await close_lost(engine, tmp_path, LATE, channels=NOBODY) == 0


async def test_she_who_speaks_to_the_dialplan_yet_is_left_alone_until_asterisk_has_no_such_channel(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await died_in_mid_call(engine, tmp_path)
    assert await close_lost(engine, tmp_path, SOON, channels=["1700.1"]) == 0
    assert await close_lost(engine, tmp_path, SOON, channels=None) == 0  # Asterisk can't be asked
    assert await close_lost(engine, tmp_path, SOON, channels=["1700.2"]) == 1


async def test_a_call_in_progress_is_never_closed_by_its_own_process_or_another(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.pump.idle()
        assert desk.intake.calls == {facts.id}
        assert await close_lost(engine, tmp_path, LATE, live=desk.intake.calls, channels=NOBODY) == 0
        assert await close_lost(engine, tmp_path, LATE, channels=NOBODY) == 0  # as a sibling sees it
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
        assert await close_lost(engine, tmp_path, LATE, channels=NOBODY) == 0  # its end is on the way
        await desk.pump.idle()
        assert (await one_call(engine))["outcome"] == "completed" and desk.intake.calls == set()


async def test_another_machines_call_waits_until_no_call_can_last_so_long(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await died_in_mid_call(engine, tmp_path / "there")
    (tmp_path / "here").mkdir()
    assert await close_lost(engine, tmp_path / "here", SOON, channels=NOBODY) == 0
    assert await close_lost(engine, tmp_path / "here", LATE, channels=NOBODY) == 1


async def test_a_call_that_a_wrong_clock_wrote_down_ends_no_later_than_it_can(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Its row got the right time as it came into the books; its journal keeps what was said."""
    wrong = datetime.now(UTC) + timedelta(days=300)
    async with office(engine, tmp_path) as desk:
        facts = replace(call(), started_at=wrong, answered_at=wrong, uptime=clocks.mark())
        await desk.intake.call_started(facts)
        desk.intake.clock = lambda: wrong + timedelta(seconds=30)
        await desk.intake.recording_begun(facts, "2026/11/25/abc", CHOSEN)
        await desk.pump.idle()
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert await close_lost(engine, tmp_path, later, channels=NOBODY) == 1
    row = await one_call(engine)
    began, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
    assert began < datetime.now(UTC) and ended - began == timedelta(seconds=30)


async def test_running_calls_are_found_without_reading_those_that_ended(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = "SELECT id FROM calls WHERE ended_at IS NULL AND started_at < now() ORDER BY started_at"
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
    assert "ix_calls_running" in plan
