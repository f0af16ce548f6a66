"""No number is given twice, whichever server is asked. `tests/bench/test_replica.py`: by real promotions."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from pathlib import Path

import pytest
from sqlalchemy import delete, func, make_url, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.standby import TOOLS
from ivr.lab.pace import patience
from ivr.store.code_blocks import (
    BLOCK,
    DESK_FIRST,
    MOST_TURNS,
    SKIPPED_NUMBERS,
    TIMELINE,
    TURNED_NUMBERS,
    code_blocks,
    lease,
    next_desk_number,
)
from tests.fixtures.database import as_service, create, drop, named, warm_engine


async def given(engine: AsyncEngine, many: int) -> tuple[list[int], list[int]]:
    """Numbers at the desk, and the first of each block that was leased."""
    async with engine.begin() as connection:
        desk = [await next_desk_number(connection) for _ in range(many)]
        return desk, [await lease(connection, "one") for _ in range(many)]


async def promote(owner: AsyncEngine, desk: int, block: int, turns: int = 1) -> None:
    """As a server that heard of numbers up to these, and whose timeline is that many later."""
    its = code_blocks.c
    async with owner.begin() as connection:
        await connection.execute(select(func.setval("desk_numbers", desk)))
        await connection.execute(select(func.setval("code_blocks_number_seq", block // BLOCK)))
        await connection.execute(delete(code_blocks).where(its.number > block // BLOCK))
        await connection.execute(
            update(code_blocks).where(its.number == TIMELINE).values(used=its.used - turns)
        )


async def test_a_new_database_begins_at_the_beginning_and_skips_nothing(service: AsyncEngine) -> None:
    assert await given(service, 2) == ([DESK_FIRST, DESK_FIRST + 1], [0, BLOCK])
    assert await given(service, 1) == ([DESK_FIRST + 2], [2 * BLOCK])


async def test_what_a_server_gave_that_is_gone_is_not_given_again_by_the_one_that_took_over(
    engine: AsyncEngine, service: AsyncEngine
) -> None:
    desk, blocks = await given(service, 1)
    more, others = await given(service, 4)
    await promote(engine, desk[0], blocks[0])
    late, fresh = await given(service, 4)
    desk, blocks = desk + more + late, blocks + others + fresh
    assert len(set(desk)) == len(desk) and len(set(blocks)) == len(blocks)


async def test_what_a_database_gave_after_it_was_copied_by_other_means_is_not_given_again_by_the_copy(
    engine: AsyncEngine, service: AsyncEngine, postgres_url: str
) -> None:
    """As pg_dump and pg_restore, which copy what was noted, too; timelines are the same."""
    await given(service, 2)
    for each in (engine, service):
        await each.dispose()  # who is connected keeps it from being copied
    copy, its = f"seda_test_{uuid.uuid4().hex[:12]}", make_url(str(engine.url)).database
    assert its is not None
    await create(postgres_url, copy, its)
    there = warm_engine(as_service(named(postgres_url, copy)))
    try:
        desk, blocks = await given(service, 2)
        late, fresh = await given(there, 2)
    finally:
        await there.dispose()
        await drop(postgres_url, copy)
    assert desk == [DESK_FIRST + 2, DESK_FIRST + 3] and blocks == [2 * BLOCK, 3 * BLOCK], (
        "nothing is passed over"
    )
    assert late == [DESK_FIRST + 2 + SKIPPED_NUMBERS + n for n in range(2)]
    assert {*blocks}.isdisjoint(fresh)


async def test_what_a_database_gave_after_the_dump_that_is_taken_in_over_it_is_not_given_again(
    engine: AsyncEngine, service: AsyncEngine, tmp_path: Path
) -> None:
    """In the same database of the same server, as `pg_restore --clean` does."""
    await given(service, 2)
    dump, its = str(tmp_path / "books.dump"), engine.url.set(drivername="postgresql")
    url = f"--dbname={its.render_as_string(hide_password=False)}"
    take = [str(TOOLS / "pg_dump"), "-Fc", f"--file={dump}", url]
    await asyncio.to_thread(subprocess.check_call, take)
    desk, blocks = await given(service, 2)
    for each in (engine, service):
        await each.dispose()
    clean = [str(TOOLS / "pg_restore"), "--clean", "--if-exists", url, dump]
    await asyncio.to_thread(subprocess.check_call, clean)
    late, fresh = await given(service, 2)
    assert late == [DESK_FIRST + 2 + SKIPPED_NUMBERS + n for n in range(2)] and late[0] > desk[-1]
    assert {*blocks}.isdisjoint(fresh)


async def test_a_server_that_does_not_say_which_it_is_passes_over_nothing_and_an_older_release_noted_none(
    engine: AsyncEngine, service: AsyncEngine
) -> None:
    """It noted no database: once it may be another."""
    [first], _ = await given(service, 1)
    asks = "EXECUTE ON FUNCTION pg_control_system()"
    async with engine.begin() as owner:
        its = update(code_blocks).where(code_blocks.c.number == TIMELINE)
        await owner.execute(its.values(holder="timeline"))
        await owner.execute(text(f"REVOKE {asks} FROM PUBLIC"))
    assert (await given(service, 1))[0] == [first + 1]
    async with engine.begin() as owner:
        await owner.execute(text(f"GRANT {asks} TO PUBLIC"))
    assert (await given(service, 2))[0] == [first + 2 + TURNED_NUMBERS + n for n in range(2)]


async def test_it_skips_once_however_many_ask_at_once(engine: AsyncEngine, service: AsyncEngine) -> None:
    desk, blocks = await given(service, 1)
    await promote(engine, desk[0], blocks[0])
    numbers = [n for each, _ in await asyncio.gather(*(given(service, 1) for _ in range(4))) for n in each]
    assert sorted(numbers) == [*range(min(numbers), min(numbers) + 4)]
    assert min(numbers) == desk[0] + TURNED_NUMBERS + 1


async def test_more_clerks_at_once_than_there_are_connections_all_have_their_numbers(
    engine: AsyncEngine, service: AsyncEngine
) -> None:
    """Each holds a connection by then, so nobody may wait for one more."""
    [desk], [block] = await given(service, 1)
    await promote(engine, desk, block)
    numbers = [number for [number], _ in await asyncio.gather(*(given(service, 1) for _ in range(30)))]
    assert sorted(numbers) == [desk + TURNED_NUMBERS + n for n in range(1, 31)]


async def test_a_second_server_of_the_same_past_gives_none_of_the_first_ones_numbers(
    engine: AsyncEngine, service: AsyncEngine
) -> None:
    """As two restores of one base backup: the second can't know of the first but by its timeline."""
    [desk], [block] = await given(service, 1)
    lives = []
    for turns in (1, 2, 3):
        await promote(engine, desk, block, turns)
        lives.append(await given(service, 4))
    numbers = [number for its, _ in lives for number in its]
    blocks = [block for _, its in lives for block in its]
    assert len(set(numbers)) == len(numbers) == 12 and len(set(blocks)) == len(blocks) == 12


@pytest.mark.parametrize("turns, passed_over", [(10**6, MOST_TURNS), (-7, 1)])
async def test_a_timeline_of_elsewhere_uses_up_no_more_than_room_allows(
    turns: int, passed_over: int, engine: AsyncEngine, service: AsyncEngine
) -> None:
    """A backup that another server took in: its timelines are counted apart."""
    [desk], [block] = await given(service, 1)
    await promote(engine, desk, block, turns)
    assert (await given(service, 1))[0] == [desk + passed_over * TURNED_NUMBERS + 1]


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "AUTOCOMMIT"])
async def test_work_that_is_undone_does_not_undo_that_the_turn_was_noticed(
    isolation: str, engine: AsyncEngine, service: AsyncEngine
) -> None:
    """Else each one that fails would pass over as much, and all others wait until it ends."""
    [desk], [block] = await given(service, 1)
    await promote(engine, desk, block)
    async with service.execution_options(isolation_level=isolation).connect() as connection:
        first = await next_desk_number(connection)
        async with asyncio.timeout(patience(10)):
            [others], _ = await given(service, 1)  # meanwhile
        await connection.rollback()
    [after], _ = await given(service, 1)
    assert [first, others, after] == [desk + TURNED_NUMBERS + n for n in (1, 2, 3)]
