"""The loop that closes calls which vanished."""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami
from ivr.lab.pace import patience
from ivr.loops.lost_calls import VanishedCalls
from ivr.loops.time_of_day import TimeOfDay
from tests.asterisk.pretend_ami import pretend_ami
from tests.desk.office import office


async def test_who_is_told_to_end_in_the_moment_in_which_asterisk_is_back_ends(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """`asyncio.wait_for` of Python 3.11 keeps the word that it ends to itself there."""
    async with pretend_ami() as peer, office(engine, tmp_path, pumping=False) as desk:
        asterisk = Ami("127.0.0.1", peer.port, "u", "s")
        vanished = VanishedCalls(
            engine, tmp_path, desk.intake, asterisk, TimeOfDay(engine, ZoneInfo("Asia/Tehran"))
        )
        resting = asyncio.create_task(vanished.rest())

        def ends() -> None:
            resting.cancel()

        asterisk.on_connect(ends)
        async with asyncio.timeout(patience(10)):
            await asterisk.connect()
            with pytest.raises(asyncio.CancelledError):
                await resting
        await asterisk.close()
