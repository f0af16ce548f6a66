"""Sealing what was written, minute by minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.keeping.sealing import Seal, seal
from ivr.store.tables import custody_entries
from tests.desk.keeping.test_seal_proof import NOW, called, listened
from tests.desk.keeping.test_verify import findings, sql

AT_ONCE = timedelta()


async def entries(engine: AsyncEngine, seal: Seal) -> list[tuple[int, str]]:
    its = custody_entries.c
    query = select(its.number, its.kind).where(its.seal == seal.seal).order_by(its.number)
    async with engine.connect() as connection:
        return [(row.number, row.kind) for row in await connection.execute(query)]


async def test_each_seal_follows_the_one_before_and_nothing_new_makes_none(engine: AsyncEngine) -> None:
    assert await seal(engine) == []
    await listened(engine, 3)
    first, second = await seal(engine, most=2)
    assert (first.entries, second.entries, second.previous) == (2, 1, first.root)
    assert await seal(engine) == []
    await listened(engine, 1)
    (third,) = await seal(engine)
    assert (third.seal, third.entries, third.previous) == (3, 1, second.root)


async def test_who_seals_at_once_takes_turns(engine: AsyncEngine, tmp_path: Path) -> None:
    await listened(engine, 4)
    made = [each for some in await asyncio.gather(*(seal(engine, most=2) for _ in range(3))) for each in some]
    assert sorted(each.seal for each in made) == [1, 2]
    assert await findings(engine, tmp_path) == []


async def test_what_is_still_being_written_is_sealed_when_it_is_there_and_holds_nobody_up(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with engine.begin() as writing:
        await writing.execute(text("INSERT INTO audit (at, action) VALUES (now(), 'slow')"))
        await listened(engine, 1)
        (before,) = await seal(engine)
        assert await entries(engine, before) == [(2, "audit")] and before.complete_to == 0
    (after,) = await seal(engine)
    assert await entries(engine, after) == [(1, "audit")] and after.complete_to == 2
    assert await findings(engine, tmp_path) == []


async def test_a_number_that_never_comes_is_given_up_in_the_end(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("INSERT INTO audit (at, action) VALUES (now(), 'undone')"))
        await connection.rollback()
    await listened(engine, 1)
    (before,) = await seal(engine)
    assert await seal(engine) == [], "it may still come"
    (after,) = await seal(engine, given_up=AT_ONCE)
    assert (before.complete_to, await entries(engine, after), after.complete_to) == (0, [(1, "none")], 2)


async def test_a_call_is_sealed_once_it_has_ended(engine: AsyncEngine) -> None:
    call = await called(engine, ended=None)
    assert await seal(engine) == []
    await sql(engine, f"UPDATE calls SET ended_at = '{NOW}' WHERE id = '{call}'")
    (made,) = await seal(engine)
    assert await entries(engine, made) == [(1, "call")]


async def test_of_many_calls_no_more_are_held_at_once_than_a_seal_takes(engine: AsyncEngine) -> None:
    held: list[int] = []

    def count(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE calls"):
            held.append(cursor.rowcount)

    for _ in range(5):
        await called(engine)
    event.listen(engine.sync_engine, "after_cursor_execute", count)
    made = await seal(engine, most=2)
    assert (held, [each.entries for each in made]) == ([2, 2, 1], [2, 2, 1])
