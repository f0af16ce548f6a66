"""Menu revisions."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.lab.pace import patience
from tests.fixtures.database import run


async def test_revisions_are_added_and_the_newest_is_on_the_air(engine: AsyncEngine) -> None:
    assert await menus.current(engine, "111") is None
    first = await menus.publish(engine, "111", "a: ۱", "sara")
    second = await menus.publish(engine, "111", "a: ۲", "sara")
    other = await menus.publish(engine, "114", "a: ۱", "sara")
    assert [first.number, second.number, other.number] == [1, 2, 1]
    assert await menus.current(engine, "111") == second
    assert await menus.history(engine, "111") == [second, first]


async def test_publishing_what_is_on_the_air_adds_nothing(engine: AsyncEngine) -> None:
    first = await menus.publish(engine, "111", "a", "sara")
    assert await menus.publish(engine, "111", "a", "ali") == first
    await menus.publish(engine, "111", "b", "sara")
    back = await menus.publish(engine, "111", "a", "sara")
    assert back.number == 3


async def test_publishers_at_the_same_moment_get_numbers_without_gaps(engine: AsyncEngine) -> None:
    published = await asyncio.gather(*(menus.publish(engine, "111", f"t{n}", "x") for n in range(8)))
    assert sorted(r.number for r in published) == list(range(1, 9))


async def test_a_watcher_sees_what_is_published_also_while_it_was_cut_off(
    engine: AsyncEngine, postgres_url: str
) -> None:
    seen: asyncio.Queue[menus.OnAir] = asyncio.Queue()
    first = await menus.publish(engine, "111", "a", "sara")
    watching = asyncio.create_task(menus.watch(engine, ["111"], seen.put))
    assert await seen.get() == menus.OnAir(first)
    second = await menus.publish(engine, "111", "b", "sara")
    assert await seen.get() == menus.OnAir(second)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{engine.url.database}' AND query LIKE 'LISTEN%'"
    )
    await run(postgres_url, cut)
    third = await menus.publish(engine, "111", "c", "sara")
    async with asyncio.timeout(patience(20)):
        assert await seen.get() == menus.OnAir(third)
    watching.cancel()


async def test_what_could_not_be_taken_while_the_database_was_away_is_called_back_again(
    engine: AsyncEngine,
) -> None:
    seen: asyncio.Queue[menus.OnAir] = asyncio.Queue()
    away = True

    async def take(now: menus.OnAir) -> None:
        nonlocal away
        if away:
            away = False
            raise ConnectionResetError("no database")
        seen.put_nowait(now)

    await menus.publish(engine, "111", "a", "sara")
    watching = asyncio.create_task(menus.watch(engine, ["111"], take))
    async with asyncio.timeout(patience(20)):
        assert (await seen.get()).revision.name == "111"
    watching.cancel()
