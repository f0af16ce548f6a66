"""A call that can't go on in the middle: the words that are in no case yet come to the call's case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.calls import Line, carry
from ivr.desk import reading
from ivr.desk.seeding import directory_from
from ivr.settings import ROOT, Settings
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend, until
from tests.desk.office import WEDNESDAY, office

TREE = ROOT / "dialplan" / "menus" / "111.yaml"
TO_RECORD, ADD = "1111" + "01" + "-", "4" + "-"
SECONDS = 8_000  # samples


async def test_further_words_join_the_case_of_the_first_ones(engine: AsyncEngine, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    def sounds(prompt: str, language: str) -> str:
        if prompt == "record.too_short":
            raise RuntimeError("something of ours is broken")
        return f"/sounds/{prompt}"

    async def speak(words: str, language: str) -> str | None:
        return None

    async with office(engine, tmp_path, pumping=False) as desk:  # the books don't know of her case yet
        line = Line(menu, directory_from(settings.seed_path), desk.intake, lambda: WEDNESDAY)

        def answer(connection: AgiConnection) -> Awaitable[object]:
            return carry(line, Channel(connection, sounds=sounds, recordings=tmp_path, speak=speak))

        server = AgiServer("127.0.0.1", 0, answer=answer)
        await server.start()
        try:
            says = [3 * SECONDS, round(1.5 * SECONDS)]
            call = await Pretend(keys=TO_RECORD + ADD, says=says).run(server.port)
            await until(lambda: not server.calls)
        finally:
            await server.close()
        assert "IVR_DONE" not in call.variables and call.variables["IVR_KEPT"] == "1"
        pumping = asyncio.create_task(desk.pump.run())
        await desk.pump.idle()
        pumping.cancel()
    [case] = await reading.cases(engine, limit=5)
    assert sorted(recording["seconds"] for recording in case["recordings"]) == [1.5, 3.0]
