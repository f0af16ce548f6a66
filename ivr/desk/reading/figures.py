"""Figures as the panel shows them: from the days that were counted, and today's part as it is now.

Each process keeps the days that it has read; a day counted again is read again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.figures import DIMENSIONS, Facts, Numbering, unpacked
from ivr.desk.people.scope import Scope
from ivr.desk.reading.counting import facts_of, newest_day
from ivr.store.figure_days import WAITING, figure_days
from ivr.store.tables import cases

Packed = tuple[int, bytes]  # the ordinal of a day, and what was packed
KEPT_DAYS = 800  # read and kept in memory: some 80 kB each at half a million cases a year
MOST_LIVE_DAYS = 3  # days without a count that are worked out for one page; older ones wait for the worker
EVERYTHING = Scope()
FRESH_SECONDS = 20.0  # so long the part of today, and what waits now, is taken as it was


@dataclass(frozen=True, slots=True)
class Subject:
    """What figures are about: one code of a dimension, or "" for all; `seen`: how far who asks may see."""

    agency: str = ""
    county: str = ""
    topic: str = ""
    kind: str = ""
    seen: Scope = EVERYTHING

    def of(self, facts: Facts) -> Facts:
        """Only what was asked for and may be seen. Of the whole province, calls too."""
        chosen: dict[str, Iterable[str]] = {
            name: (code,) for name in DIMENSIONS if (code := getattr(self, name))
        }
        for dimension, seen in self._limits():
            chosen[dimension] = seen.intersection(chosen.get(dimension, seen))
        return facts.where(**chosen) if chosen else facts

    def holds(self, row: Waiting) -> bool:
        """The same for what waits now."""
        asked = all(not (code := getattr(self, name)) or getattr(row, name) == code for name in DIMENSIONS)
        return asked and all(getattr(row, dimension) in seen for dimension, seen in self._limits())

    def cases(self) -> ColumnElement[bool]:
        """The same as a condition on `cases`, by the body that has them now."""
        asked = [cases.c[name] == code for name in DIMENSIONS if (code := getattr(self, name))]
        return and_(self.seen.cases(), *asked)

    def _limits(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Who sees some counties sees what has none too, as everywhere."""
        if self.seen.agency:
            yield "agency", frozenset({self.seen.agency})
        if self.seen.areas:
            yield "county", frozenset({*self.seen.areas, ""})


EVERY_CASE = Subject()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open cases that wait for an answer now; `late` of them beyond their deadline."""

    agency: str
    county: str
    topic: str
    kind: str
    waiting: int
    late: int


@dataclass(frozen=True, slots=True)
class _Day:
    counted_at: datetime
    facts: bytes


class Archive:
    """The figures of one database, for all who ask."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime], zone: str) -> None:
        self.engine = engine
        self.clock = clock
        self.zone = zone
        self.names = Numbering()
        self._days: OrderedDict[date, _Day] = OrderedDict()
        self._live: dict[date, _Day] = {}
        self._last: date | None = None  # the last day that was counted
        self._waiting: tuple[datetime, list[Waiting]] | None = None
        self._reading = asyncio.Lock()

    def today(self) -> date:
        return self.clock().astimezone(ZoneInfo(self.zone)).date()

    async def facts(self, since: date, until: date) -> Facts:
        """What happened from that day up to and without the other one."""
        async with self._reading:
            async with self.engine.connect() as connection:
                # One snapshot: a worker that counts meanwhile may give new codes new numbers.
                await connection.execution_options(isolation_level="REPEATABLE READ")
                await self._learn(connection)
                days = await self._counted(connection, since, until)
                days += await self._uncounted(connection, since, until)
            while len(self._days) > KEPT_DAYS:
                self._days.popitem(last=False)
            names = self.names
        return await asyncio.to_thread(unpacked, names, days)

    async def waiting(self, subject: Subject) -> list[Waiting]:
        """What waits now, a few seconds old at most."""
        now = self.clock()
        if self._waiting is None or not self._is_fresh(self._waiting[0], now):
            async with self.engine.connect() as connection:
                found = await connection.execute(WAITING, {"now": now})
                self._waiting = now, [Waiting(*row) for row in found]
        rows = self._waiting[1]
        return rows if subject == EVERY_CASE else [row for row in rows if subject.holds(row)]

    async def _counted(self, connection: AsyncConnection, since: date, until: date) -> list[Packed]:
        table = figure_days.c
        span = (table.day >= since, table.day < until)
        rows = await connection.execute(select(table.day, table.counted_at).where(*span).order_by(table.day))
        stamps = {row.day: row.counted_at for row in rows}
        missing = [
            day
            for day, stamp in stamps.items()
            if (known := self._days.get(day)) is None or known.counted_at != stamp
        ]
        if missing:
            query = select(table.day, table.counted_at, table.facts).where(table.day.in_(missing))
            for row in await connection.execute(query):
                self._days[row.day] = _Day(row.counted_at, row.facts)
        for day in stamps:
            self._days.move_to_end(day)
        return [(day.toordinal(), self._days[day].facts) for day in stamps]

    async def _uncounted(self, connection: AsyncConnection, since: date, until: date) -> list[Packed]:
        """Today, and the days before it that the worker has not come to."""
        today, now = self.today(), self.clock()
        after = self._last + timedelta(days=1) if self._last else since
        first = max(since, today - timedelta(days=MOST_LIVE_DAYS), after)
        self._live = {day: live for day, live in self._live.items() if day >= first}
        found = []
        for day in (date.fromordinal(n) for n in range(first.toordinal(), until.toordinal())):
            if day > today:
                break
            live = self._live.get(day)
            if live is None or not self._is_fresh(live.counted_at, now):
                facts = await facts_of(connection, self.names, day, now, self.zone)
                live = self._live[day] = _Day(now, facts)
            found.append((day.toordinal(), live.facts))
        return found

    async def _learn(self, connection: AsyncConnection) -> None:
        """The names as they are now. When they mean something else than before, nothing read before holds."""
        newest = await newest_day(connection)
        self._last = newest.day if newest else None
        if newest and not self.names.extend(newest.names):
            self.names = Numbering.of(newest.names)
            self._days.clear()
            self._live.clear()

    def _is_fresh(self, at: datetime, now: datetime) -> bool:
        return 0 <= (now - at).total_seconds() < FRESH_SECONDS
