"""The loop that closes calls which vanished: now and then, and whenever Asterisk is back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami, AmiError
from ivr.desk.call.intake import Intake
from ivr.desk.facts.lost_calls import close_lost
from ivr.loops.time_of_day import TimeOfDay

EVERY_SECONDS = 60.0


class VanishedCalls:
    """A `look` now and then, and after a `rest` that ends when Asterisk is back."""

    def __init__(self, engine: AsyncEngine, spool: Path, intake: Intake, ami: Ami, time: TimeOfDay) -> None:
        self.engine, self.spool, self.intake, self.ami, self.time = engine, spool, intake, ami, time
        self._again = asyncio.Event()
        ami.on_connect(self._again.set)

    async def look(self) -> None:
        """Not before it is known what time it is. Raises what AWAY names."""
        self._again.clear()
        if not self.time.compared:
            return
        now, channels, sure = self.intake.clock(), await _channels(self.ami), self.time.is_sure
        live = self.intake.calls
        await close_lost(self.engine, self.spool, now, live=live, channels=channels, by_age=sure)

    async def rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY_SECONDS):
                await self._again.wait()


async def _channels(ami: Ami) -> list[str] | None:
    """The unique ids of the channels that are up; None when Asterisk can't be asked."""
    try:
        return [channel.uniqueid for channel in await ami.channels()]
    except AmiError:
        return None
