"""What a recording says in writing, by hand and by machine."""

from __future__ import annotations

import asyncio
import uuid

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.suggest import Suggester
from ivr.desk.case.transaction import locked
from ivr.desk.recordings import recognising, transcripts
from ivr.desk.recordings.recognising import Unheard
from ivr.store.tables import recordings, suggestions, topics
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import until_blocked


async def recorded(engine: AsyncEngine, topic: str) -> Unheard:
    """A case with a recording that nobody has put into words."""
    at = await counter(engine)
    case, name = await at.row(await at.open(topic)), f"2026/11/25/{uuid.uuid4().hex}"
    row = {"name": name, "id": uuid.uuid4(), "case_id": case.id, "recorded_at": at.at}
    row |= {"seconds": 2.0, "voiced_seconds": 2.0, "silent": False, "size": 16_044, "sha256": "ab" * 32}
    async with engine.begin() as connection:
        await connection.execute(insert(recordings).values(row | {"ended": "hash", "superseded": False}))
    return Unheard(name, case.id, case.code, "fa", case.kind, case.county)


async def test_no_retired_topic_is_guessed_from_what_was_said(
    engine: AsyncEngine, suggester: Suggester
) -> None:
    typed, heard = await recorded(engine, "other.other"), await recorded(engine, "other.other")
    async with engine.begin() as connection:
        gone = update(topics).where(topics.c.code == "water.supply").values(retired_at=WEDNESDAY)
        await connection.execute(gone)
    words = "سه روز است آب خانهٔ ما قطع است"
    assert await transcripts.write(engine, typed.name, words, "karimi", WEDNESDAY, 0, suggester)
    assert await recognising.heard(engine, heard, words, suggester, WEDNESDAY)
    async with engine.connect() as connection:
        found = (await connection.execute(select(suggestions.c.top))).scalars().all()
    assert len(found) == 2
    assert "water.supply" not in {guess["topic"] for top in found for guess in top}


async def test_who_types_a_transcript_and_the_recogniser_do_not_wait_for_each_other(
    engine: AsyncEngine,
) -> None:
    its = await recorded(engine, "water.supply")
    code, name = its.code, its.name
    async with engine.begin() as machine:  # the case first, then what was said of it
        await locked(machine, code)
        typing = asyncio.create_task(transcripts.write(engine, name, "آب قطع است", "karimi", WEDNESDAY, 0))
        await until_blocked(engine)
        said = update(recordings).where(recordings.c.name == name)
        await machine.execute(said.values(transcript="آب"))
    await typing
    written = [each["text"] for each in await transcripts.editions(engine, name)]
    assert written == ["آب قطع است", "آب"]
