"""A database that accepts connections and does not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.lab.pace import patience
from ivr.voice.events import CallerKnown, Lookup
from tests.desk.office import call, office, opening, unhurried


async def test_the_caller_notices_nothing_but_that_her_code_can_t_be_looked_up(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, hurried=True) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        async with engine.begin() as hog:
            await hog.execute(text("LOCK TABLE cases, calls, code_misses"))
            async with asyncio.timeout(patience(5)):  # each gives up after half a second, all at once
                known = await asyncio.gather(*(desk.intake.recall("09141234567") for _ in range(30)))
                assert set(known) == {CallerKnown()}
            async with asyncio.timeout(patience(5)):
                seen = await asyncio.gather(*(desk.intake.look_up("09141234567", code) for _ in range(30)))
                assert {s.result for s in seen} == {Lookup.UNAVAILABLE}
            assert await desk.intake.open_case(call(), opening()) != ""
        await desk.pump.idle()
        with unhurried():
            assert await desk.intake.recall("09141234567") == CallerKnown("ahar")
            assert (await desk.intake.look_up("09141234567", code)).result is Lookup.FOUND
