"""The loop that closes calls which vanished: now and then, and whenever Asterisk is back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami, AmiError
from ivr.desk.call.intake import Intake
from ivr.desk.facts.lost_calls import close_lost

EVERY_SECONDS = 60.0


class VanishedCalls:
    """A `look` now and then, and after a `rest` that ends when Asterisk is back."""

    def __init__(self, engine: AsyncEngine, spool: Path, intake: Intake, ami: Ami) -> None:
        self.engine, self.spool, self.intake, self.ami = engine, spool, intake, ami
        self._again = asyncio.Event()
        ami.on_connect(self._again.set)

    async def look(self) -> None:
        """Raises what AWAY names."""
        self._again.clear()
        now, channels = self.intake.clock(), await _channels(self.ami)
        await close_lost(self.engine, self.spool, now, live=self.intake.calls, channels=channels)

    async def rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), EVERY_SECONDS)


async def _channels(ami: Ami) -> list[str] | None:
    """The unique ids of the channels that are up; None when Asterisk can't be asked."""
    try:
        return [channel.uniqueid for channel in await ami.channels()]
    except AmiError:
        return None
