"""What is remembered for a while only: the work forgets it, by the rights that the service's role has."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.counter import channels
from ivr.desk.counter.channels import KEYS_KEPT
from ivr.desk.people import limiting
from ivr.desk.people.limiting import KEPT, Limit
from ivr.lab.pace import patience
from ivr.loops import worker
from ivr.loops.every import Loops
from ivr.store.old_rows import forget_older
from ivr.store.tables import attempts, cases, channel_requests
from tests.desk.call.test_callbacks import NOON
from tests.desk.counter import counter
from tests.desk.office import office
from tests.loops.test_put_aside import worker_at

MOMENT, DAY = timedelta(seconds=1), timedelta(days=1)


async def tried(engine: AsyncEngine, **ago: timedelta) -> None:
    """By each of these sources, so long before noon."""
    async with engine.begin() as connection:
        for source, before in ago.items():
            await limiting.count(connection, source, Limit(5, DAY), NOON - before)


async def asked(engine: AsyncEngine, **ago: timedelta) -> None:
    """By another system under each of these keys, so long before noon."""
    at = await counter(engine)
    await at.open()
    await channels.add(engine, "city_app", NOON)
    async with engine.begin() as connection:
        case = (await connection.execute(select(cases.c.id))).scalar_one()
        for key, before in ago.items():
            row = {"channel": "city_app", "key": key, "digest": b"", "case_id": case}
            await connection.execute(channel_requests.insert().values(row | {"made_at": NOON - before}))


async def left(engine: AsyncEngine) -> tuple[set[str], set[str]]:
    """Sources, and keys of requests."""
    async with engine.connect() as connection:
        sources = set((await connection.execute(select(attempts.c.key))).scalars())
        return sources, set((await connection.execute(select(channel_requests.c.key))).scalars())


async def test_the_work_forgets_tries_and_keys_of_requests_that_count_for_nothing_any_more(
    service: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RETENTION_SECONDS", 0.01)
    await tried(service, stranger=KEPT + MOMENT, guesser=KEPT - MOMENT)
    await asked(service, old=KEYS_KEPT + MOMENT, young=KEYS_KEPT - MOMENT)
    async with office(service, tmp_path, pumping=False) as desk:
        worker_at(NOON, desk, tmp_path).start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while await left(service) != ({"guesser"}, {"young"}):
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert not [loop.name for loop in loops.all if loop.failures]


async def test_a_limit_that_people_made_longer_is_counted_to_its_end(service: AsyncEngine) -> None:
    await tried(service, guesser=KEPT + MOMENT, stranger=2 * DAY + MOMENT)
    assert await limiting.forget(service, NOON, 2 * DAY) == 1
    assert await left(service) == ({"guesser"}, set())


async def test_however_many_sources_tried_all_are_forgotten_batch_by_batch(
    service: AsyncEngine,
) -> None:
    await tried(service, **{f"source-{number}": KEPT + MOMENT for number in range(7)})
    found = await forget_older(service, attempts, "since", NOON - KEPT, batch=3)
    assert (found, await left(service)) == (7, (set(), set()))
