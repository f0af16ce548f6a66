"""The hotline's side of a place in the operators' queue: from when on she has it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call.live import CallQueue, QueueMember
from ivr.desk.editing.seeding import directory_from
from ivr.loops.carrying import OpenLine
from ivr.settings import ROOT, Settings
from ivr.store.tables import outbox
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend
from tests.desk.office import WEDNESDAY, office
from tests.fixtures.province import CONVENTIONS
from tests.loops.carried import carried

TREE = ROOT / "dialplan" / "menus" / "111.yaml"
TO_HER_WORDS = "101-"  # her language, an operator, "call me in my turn"; nothing before the beep
BUSY = CallQueue({"1764028800.1": 60}, (QueueMember("one", "talking", 3),))


async def test_she_has_it_since_she_came_and_not_since_she_had_heard_what_she_may_do(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    settings, now = Settings(state=tmp_path), [WEDNESDAY]
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    async def queue(name: str) -> CallQueue:
        now[0] += timedelta(seconds=15)  # until the offer is over; who comes meanwhile comes after her
        return BUSY

    async with office(engine, tmp_path) as desk:
        given = (directory_from(settings.seed_path, CONVENTIONS), desk.intake, lambda: now[0])
        line = OpenLine(lambda *_: menu, *given, queue=queue)
        await carried(line, Pretend(keys=TO_HER_WORDS), tmp_path)
        await desk.pump.idle()
    async with engine.connect() as connection:
        wishes = select(outbox.c.payload).where(outbox.c.kind == "call_back_wished")
        [wish] = (await connection.execute(wishes)).scalars()
    assert (wish["queue"], datetime.fromisoformat(wish["since"])) == ("operators", WEDNESDAY)
