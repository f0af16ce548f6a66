"""What a recording says in writing, by hand and by machine."""

from __future__ import annotations

import asyncio
import uuid

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case.transaction import locked
from ivr.desk.recordings import transcripts
from ivr.store.tables import recordings
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import until_blocked


async def test_who_types_a_transcript_and_the_recogniser_do_not_wait_for_each_other(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    code, name = await at.open(), f"2026/11/25/{uuid.uuid4().hex}"
    row = {"name": name, "id": uuid.uuid4(), "case_id": (await at.row(code)).id, "recorded_at": at.at}
    row |= {"seconds": 2.0, "voiced_seconds": 2.0, "silent": False, "size": 16_044, "sha256": "ab" * 32}
    async with engine.begin() as connection:
        await connection.execute(insert(recordings).values(row | {"ended": "hash", "superseded": False}))
    async with engine.begin() as machine:  # the case first, then what was said of it
        await locked(machine, code)
        typing = asyncio.create_task(transcripts.write(engine, name, "آب قطع است", "karimi", WEDNESDAY, 0))
        await until_blocked(engine)
        its = update(recordings).where(recordings.c.name == name)
        await machine.execute(its.values(transcript="آب"))
    await typing
    written = [each["text"] for each in await transcripts.editions(engine, name)]
    assert written == ["آب قطع است", "آب"]
