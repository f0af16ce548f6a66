"""What time it is, also where this machine's clock is wrong.

Every process asks the database, which all machines share. Where the two are far apart, callers are served as
ever and what they say bears the database's time, unless that can't be; but what time alone brings
about (cases that climb, words that are erased, citizens who are called) rests until they agree: nobody can
tell which of the two is wrong, and a day lost is mended more easily than a year that never was. It rests,
too, until they were compared for the first time, and from a jump of this machine's clock, which its uptime
gives away, to the next comparison; and where both leap ahead at once, on one machine that has its own
database, until that is taken back or the process starts anew. What callers say before the first
comparison is put right as it comes into the books (ivr/desk/facts/righting.py).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.zone import OUTDATED, SUMMER, TIMEZONE, is_outdated
from ivr.store import clocks, slots
from ivr.store.clocks import EARLIEST, FAR, LATEST, NEAR, is_a_time
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.journal import applied, journal_reading
from ivr.store.tables import cases

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
SOON_SECONDS = 1.0  # until the first time
FIRST_SECONDS = 2.0  # a start waits no longer for a database that is away
LEAP = timedelta(hours=1)  # by less a machine that stood still (a paused one) may be put right at once …
BOOT_SECONDS = 900.0  # … and so may one that has just begun, by any time: until then NTP sets it right
# A database on this machine has its clock: on a socket it knows neither address, else both are the same.
_IS_HERE = func.inet_server_addr().is_not_distinct_from(func.inet_client_addr())
RESTS = "deadlines, retention and our calls rest"


class Clocks(NamedTuple):
    """This machine's and the database's at one moment, and when the last case came by these."""

    machine: datetime
    database: datetime
    last_case: datetime | None = None
    uptime: float = 0.0  # then
    is_one: bool = False  # both are the same clock

    @property
    def off(self) -> timedelta:
        """What must be added to the machine's time for what callers say.

        Where both are out of this time (no battery, after a power cut) it is about as late as the last case.
        """
        if not is_a_time(self.database):
            if is_a_time(self.machine) or self.last_case is None:
                return timedelta()
            return self.last_case - self.machine
        return self.database - self.machine

    @property
    def trouble(self) -> str:
        """One sentence where they are too far apart, or both out of this time; else "".

        Or behind the last case, just after the boot: later the case may be the one that a wrong clock made.
        """
        far = self.database - self.machine
        if abs(far) > FAR:
            by, here = f"{abs(far) // timedelta(seconds=1)} s", f"{self.machine:%Y-%m-%d %H:%M:%S} UTC here"
            way = "behind" if far > timedelta() else "ahead of"
            return f"this machine's clock is {by} {way} the database's ({here})"
        if not is_a_time(self.machine):
            return f"it can't be {self.machine:%Y-%m-%d}, as this machine's and the database's clocks say"
        if self.is_one and self.uptime < BOOT_SECONDS and self.machine < (self.last_case or EARLIEST) - FAR:
            here = f"{self.machine:%Y-%m-%d %H:%M} UTC"
            return f"it can't be {here}, as this machine's clock says: a case is later"
        return ""


async def ask(engine: AsyncEngine) -> Clocks:
    """Raises what AWAY names."""
    last = select(func.max(cases.c.opened_at)).where(cases.c.opened_at.between(EARLIEST, LATEST))
    async with engine.connect() as connection:
        last_case = (await connection.execute(last)).scalar()
        before = datetime.now(UTC)  # what connecting and looking takes is no difference
        said, is_one = (await connection.execute(select(func.clock_timestamp(), _IS_HERE))).one()
        up, half = clocks.uptime(), (datetime.now(UTC) - before) / 2
        return Clocks(before + half, said, last_case, up - half.total_seconds(), is_one)


class TimeOfDay:
    """Called, it says what time it is, in the province's zone. `trouble`: why it is not sure, or ""."""

    def __init__(self, engine: AsyncEngine, zone: ZoneInfo, spool: Path | None = None) -> None:
        """`spool`: where journals tell how late it is at least."""
        self.engine, self.zone, self.spool = engine, zone, spool
        self.trouble = ""
        self.compared = False
        self._known: tuple[datetime, float] | None = None  # a moment, and the uptime then
        self._agreed: tuple[datetime, float] | None = None  # the database's, when the clocks agreed last
        self._off = timedelta()  # what must be added to this machine's clock

    def __call__(self) -> datetime:
        now = datetime.now(self.zone) + self._off
        if self._known is None:
            return now
        # Not by this machine's clock where it is wrong: it may be set right between two looks.
        known = self._known[0] + timedelta(seconds=clocks.uptime() - self._known[1])
        if not self.compared:
            return max(now, known)
        return known if self.trouble or abs(now - known) > NEAR else now

    @property
    def is_sure(self) -> bool:
        """Whether what time alone brings about may go on."""
        return self.compared and not self.trouble and abs(datetime.now(UTC) + self._off - self()) <= FAR

    def mark(self) -> str:
        """By which what a call says can be put right later; "" once this clock was compared."""
        return "" if self.compared else clocks.mark()

    async def begin(self) -> None:
        """Ask before anybody is served, unless the database is away."""
        if self.zone.key == TIMEZONE and is_outdated(SUMMER.astimezone(self.zone)):
            log.warning("this machine has %s: upgrade tzdata, then restart all roles", OUTDATED)
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self.compare()
        except AWAY as error:
            log.warning("what time it is by the database can't be asked: %s", str(error) or "no answer")
            await self._at_least()

    async def rest(self) -> None:
        """Until the clocks are to be compared again."""
        await asyncio.sleep(EVERY_SECONDS if self.compared else SOON_SECONDS)

    async def compare(self) -> None:
        """Once. Raises what AWAY names; then what was found last is still believed."""
        found = await ask(self.engine)
        leap = self._leap(found)
        said, self.trouble = self.trouble, found.trouble or leap
        if not leap:
            self._believe(found)
        if self.trouble and not said:
            log.error("%s: set it right (NTP); until then %s", self.trouble, RESTS)
        elif said and not self.trouble:
            log.warning("this machine's clock and the database's agree again")

    def _leap(self, found: Clocks) -> str:
        """One sentence where both clocks are far ahead of when they agreed last, by the uptime; else ""."""
        if self._agreed is None or found.trouble or not found.is_one or found.uptime < BOOT_SECONDS:
            return ""
        since = timedelta(seconds=found.uptime - self._agreed[1])
        ahead = found.database - self._agreed[0] - since
        if ahead <= LEAP:
            return ""
        by, here = f"{ahead // timedelta(hours=1)} h", f"{found.machine:%Y-%m-%d %H:%M:%S} UTC"
        what = f"this machine's clock and its database's leapt ahead by {by} to {here}"
        return f"{what}, which counts only once all roles are started anew"

    def _believe(self, found: Clocks) -> None:
        """Nobody's time moves for what the asking took."""
        if abs(found.off - self._off) > NEAR:
            self._off = found.off
        self._known = (found.machine + self._off).astimezone(self.zone), found.uptime
        if not found.trouble:
            self._agreed = found.database, found.uptime
        self.compared = True

    async def _at_least(self) -> None:
        """A clock that can't be right, and nobody to ask: it is no earlier than what was journalled last."""
        if self.spool is None or (here := datetime.now(UTC)) >= EARLIEST:
            return
        self.trouble = f"it can't be {here:%Y-%m-%d}, as this machine's clock says"
        last = await ask_once(partial(_last_written, self.spool))
        if last is not None:
            self._known = last.astimezone(self.zone), clocks.uptime()
        counts = f"{self():%Y-%m-%d %H:%M}"
        log.error("%s: set it right (NTP). It counts as %s; %s", self.trouble, counts, RESTS)


def _last_written(spool: Path) -> datetime | None:
    """When any journal grew last, as far as that can be."""
    moments: list[float] = []
    with suppress(OSError):
        for folder in slots.journals(spool):
            moments += _written(folder)
    found = (datetime.fromtimestamp(moment, UTC) for moment in moments)
    return max(filter(is_a_time, found), default=None)


def _written(folder: Path) -> list[float]:
    """A damaged disk's folder tells nothing, and another's what it does."""
    try:
        segments, _ = applied.shown(folder)
        return [journal_reading.signed_at(folder), *(path.stat().st_mtime for path in segments.values())]
    except OSError:
        return []
