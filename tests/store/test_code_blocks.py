"""No number is given twice, whichever server is asked. `tests/bench/test_replica.py`: by real promotions."""

from __future__ import annotations

import asyncio

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.code_blocks import (
    BLOCK,
    DESK_FIRST,
    TIMELINE,
    TURNED_NUMBERS,
    code_blocks,
    lease,
    next_desk_number,
)


async def given(engine: AsyncEngine, many: int) -> tuple[list[int], list[int]]:
    """Numbers at the desk, and the first of each block that was leased."""
    async with engine.begin() as connection:
        desk = [await next_desk_number(connection) for _ in range(many)]
        return desk, [await lease(connection, "one") for _ in range(many)]


async def promote(owner: AsyncEngine, desk: int, block: int) -> None:
    """As a server that heard of numbers up to these, and whose timeline is the next one."""
    its = code_blocks.c
    async with owner.begin() as connection:
        await connection.execute(select(func.setval("desk_numbers", desk)))
        await connection.execute(select(func.setval("code_blocks_number_seq", block // BLOCK)))
        await connection.execute(delete(code_blocks).where(its.number > block // BLOCK))
        await connection.execute(update(code_blocks).where(its.number == TIMELINE).values(used=its.used - 1))


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


async def test_it_skips_once_however_many_ask_at_once(engine: AsyncEngine, service: AsyncEngine) -> None:
    desk, blocks = await given(service, 1)
    await promote(engine, desk[0], blocks[0])
    numbers = [n for each, _ in await asyncio.gather(*(given(service, 1) for _ in range(4))) for n in each]
    assert sorted(numbers) == [*range(min(numbers), min(numbers) + 4)]
    assert min(numbers) == desk[0] + TURNED_NUMBERS + 1
