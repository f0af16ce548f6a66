"""The hotline's side of a place in the operators' queue: from when on she has it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.desk.call.live import CallQueue, QueueMember
from ivr.desk.editing.seeding import directory_from
from ivr.loops.carrying import OpenLine, carry
from ivr.settings import ROOT, Settings
from ivr.store.tables import outbox
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend, no_speech, prompt_file, until
from tests.desk.office import WEDNESDAY, office

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
        given = (directory_from(settings.seed_path), desk.intake, lambda: now[0])
        line = OpenLine(lambda *_: menu, *given, queue=queue)

        def answer(connection: AgiConnection) -> Awaitable[object]:
            channel = Channel(connection, sounds=prompt_file, recordings=tmp_path, speak=no_speech)
            return carry(line, channel)

        server = AgiServer("127.0.0.1", 0, answer=answer)
        await server.start()
        try:
            await Pretend(keys=TO_HER_WORDS).run(server.port)
            await until(lambda: not server.calls)
        finally:
            await server.close()
        await desk.pump.idle()
    async with engine.connect() as connection:
        wishes = select(outbox.c.payload).where(outbox.c.kind == "call_back_wished")
        [wish] = (await connection.execute(wishes)).scalars()
    assert (wish["queue"], datetime.fromisoformat(wish["since"])) == ("operators", WEDNESDAY)
