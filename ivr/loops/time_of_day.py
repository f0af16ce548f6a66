"""What time it is, also where this machine's clock is wrong.

Every process asks the database, which all machines share. Where the two are far apart, callers are served as
ever and what they say bears the database's time, unless that can't be; but what time alone brings
about (cases that climb, words that are erased, citizens who are called) rests until they agree: nobody can
tell which of the two is wrong, and a day lost is mended more easily than a year that never was.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.engine import AWAY
from ivr.store.tables import cases

log = logging.getLogger(__name__)

FAR = timedelta(minutes=2)  # what calls and closes by the minute must not be wrong by
EVERY_SECONDS = 30.0
FIRST_SECONDS = 2.0  # a start waits no longer for a database that is away
RESTS = "deadlines, retention and our calls rest"
# Nothing that runs this release can be earlier; nor, as far as anybody can say, later.
EARLIEST, LATEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


class Clocks(NamedTuple):
    """This machine's and the database's at one moment, and when the last case came by these."""

    machine: datetime
    database: datetime
    last_case: datetime | None = None

    @property
    def off(self) -> timedelta:
        """What must be added to the machine's time for what callers say.

        Where both are out of this time (no battery, after a power cut) it is about as late as the last case.
        """
        if not _is_a_time(self.database):
            if _is_a_time(self.machine) or self.last_case is None:
                return timedelta()
            return self.last_case - self.machine
        far = self.database - self.machine
        return far if abs(far) > FAR else timedelta()

    @property
    def trouble(self) -> str:
        """One sentence where they are too far apart, or both out of this time; else ""."""
        far = self.database - self.machine
        if abs(far) > FAR:
            by, here = f"{abs(far) // timedelta(seconds=1)} s", f"{self.machine:%Y-%m-%d %H:%M:%S} UTC here"
            way = "behind" if far > timedelta() else "ahead of"
            return f"this machine's clock is {by} {way} the database's ({here})"
        if not _is_a_time(self.machine):
            return f"it can't be {self.machine:%Y-%m-%d}, as this machine's and the database's clocks say"
        return ""


def _is_a_time(moment: datetime) -> bool:
    return EARLIEST <= moment <= LATEST


async def ask(engine: AsyncEngine) -> Clocks:
    """Raises what AWAY names."""
    last = select(func.max(cases.c.opened_at)).where(cases.c.opened_at.between(EARLIEST, LATEST))
    async with engine.connect() as connection:
        last_case = (await connection.execute(last)).scalar()
        before = datetime.now(UTC)  # what connecting and looking takes is no difference
        said: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        return Clocks(before + (datetime.now(UTC) - before) / 2, said, last_case)


class TimeOfDay:
    """Called, it says what time it is, in the province's zone. `trouble`: why it is not sure, or ""."""

    def __init__(self, engine: AsyncEngine, zone: ZoneInfo) -> None:
        self.engine, self.zone = engine, zone
        self.trouble = ""
        self._off = timedelta()

    def __call__(self) -> datetime:
        now = datetime.now(self.zone)
        return now + self._off if self._off else now

    @property
    def is_sure(self) -> bool:
        """Whether what time alone brings about may go on."""
        return not self.trouble

    async def begin(self) -> None:
        """Ask before anybody is served, unless the database is away."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self.compare()
        except AWAY as error:
            log.warning("what time it is by the database can't be asked: %s", error)

    async def compare(self) -> None:
        """Once. Raises what AWAY names; then what was found last is still believed."""
        clocks = await ask(self.engine)
        said, self.trouble = self.trouble, clocks.trouble
        self._off = clocks.off
        if self.trouble and not said:
            log.error("%s: set it right (NTP); until then %s", self.trouble, RESTS)
        elif said and not self.trouble:
            log.warning("this machine's clock and the database's agree again")
