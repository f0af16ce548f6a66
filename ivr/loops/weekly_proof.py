"""All is proved once a week, at night, by a process of its own that gives way to calls: `ivr verify`.

Whoever makes one by a timer of his own (docs/production.md, 9) has it no sooner than a week later from us.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.keeping import proved

log = logging.getLogger(__name__)

NIGHT = range(1, 5)  # hours of the province's day in which it may begin
LOOK_SECONDS = 900.0
MOST = 20  # findings that go into the log; the rest is only counted
_TURN = text("SELECT pg_try_advisory_lock(hashtext('weekly proof'))")
_OVER = text("SELECT pg_advisory_unlock(hashtext('weekly proof'))")


class WeeklyProof:
    """One for all servers of a database; each tries once a night."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime], zone: ZoneInfo) -> None:
        """`zone`: the province's."""
        self.engine, self.clock, self.zone = engine, clock, zone
        self._tried: date | None = None

    async def once(self) -> bool:
        """Whether it was made: it is night, due, and nobody else is at it. Raises what AWAY names."""
        now = self.clock()
        here = now.astimezone(self.zone)
        if here.hour not in NIGHT or self._tried == here.date() or not await proved.is_due(self.engine, now):
            return False
        self._tried = here.date()
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # no transaction for hours
        async with alone.connect() as connection:
            if not (await connection.execute(_TURN)).scalar_one():
                return False
            try:
                await _prove()
            finally:
                await connection.execute(_OVER)
        return True


async def _prove() -> None:
    """A cancelled wait leaves no process behind."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr.cli", "verify"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is the server's to answer
    )  # fmt: skip
    try:
        out, wrong = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    *findings, looked = out.decode(errors="replace").strip().split("\n")
    if not looked:
        log.error("the weekly proof was not made: %s", wrong.decode(errors="replace").strip()[-500:])
    elif process.returncode:
        log.error("the weekly proof %s: %s", looked, "; ".join(findings[:MOST]))
    else:
        log.info("the weekly proof %s", looked)
