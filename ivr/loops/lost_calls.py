"""The loop that closes calls which vanished: now and then, and whenever Asterisk is back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami, AmiError
from ivr.desk.call.intake import Intake
from ivr.desk.facts.lost_calls import close_lost
from ivr.store.engine import AWAY

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0


async def follow(engine: AsyncEngine, spool: Path, intake: Intake, ami: Ami) -> None:
    """For ever."""
    again = asyncio.Event()
    ami.on_connect(again.set)
    while True:
        again.clear()
        try:
            now = intake.clock()
            await close_lost(engine, spool, now, live=intake.calls, channels=await _channels(ami))
        except (OSError, *AWAY) as error:
            log.warning("vanished calls can't be looked for now: %s", error)
        except Exception:
            log.exception("looking for vanished calls failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(again.wait(), EVERY_SECONDS)


async def _channels(ami: Ami) -> list[str] | None:
    """The unique ids of the channels that are up; None when Asterisk can't be asked."""
    try:
        return [channel.uniqueid for channel in await ami.channels()]
    except AmiError:
        return None
