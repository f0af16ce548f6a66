"""Figures as the panel shows them: from the days that were counted, and today's part as it is now.

Each process keeps the days that it has read; a day counted again is read again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.figures import DIMENSIONS, Facts, Names, joined, packed, unpacked
from ivr.desk.counting import ZONE, facts_of
from ivr.desk.people import Scope
from ivr.store.figure_days import WAITING, figure_days
from ivr.store.tables import cases

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
    facts: Facts


class Archive:
    """The figures of one database, for all who ask."""

    def __init__(
        self, engine: AsyncEngine, clock: Callable[[], datetime] = lambda: datetime.now(UTC), zone: str = ZONE
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.zone = zone
        self.names = Names()
        self._days: OrderedDict[date, _Day] = OrderedDict()
        self._live: dict[date, _Day] = {}
        self._waiting: tuple[datetime, list[Waiting]] | None = None
        self._reading = asyncio.Lock()

    def today(self) -> date:
        return self.clock().astimezone(ZoneInfo(self.zone)).date()

    async def facts(self, since: date, until: date) -> Facts:
        """What happened from that day up to and without the other one."""
        async with self._reading:
            async with self.engine.connect() as connection:
                days = await self._counted(connection, since, until)
                days += await self._uncounted(connection, since, until)
            while len(self._days) > KEPT_DAYS:
                self._days.popitem(last=False)
        return await asyncio.to_thread(joined, self.names, days)

    async def counted_until(self) -> date | None:
        """The last day that was counted; figures of later ones are worked out as they are asked for."""
        async with self.engine.connect() as connection:
            return await _last_counted(connection)

    async def waiting(self, subject: Subject) -> list[Waiting]:
        """What waits now, a few seconds old at most."""
        now = self.clock()
        if self._waiting is None or not self._is_fresh(self._waiting[0], now):
            async with self.engine.connect() as connection:
                rows = await connection.execute(WAITING, {"now": now})
                self._waiting = now, [Waiting(*row) for row in rows]
        return [row for row in self._waiting[1] if subject.holds(row)]

    async def _counted(self, connection: AsyncConnection, since: date, until: date) -> list[Facts]:
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
            found = await connection.execute(select(figure_days).where(table.day.in_(missing)))
            for row in found:
                facts = unpacked(self.names, row.day.toordinal(), row.names, row.facts)
                self._days[row.day] = _Day(row.counted_at, facts)
        for day in stamps:
            self._days.move_to_end(day)
        return [self._days[day].facts for day in stamps]

    async def _uncounted(self, connection: AsyncConnection, since: date, until: date) -> list[Facts]:
        """Today, and the days before it that the worker has not come to."""
        today, now = self.today(), self.clock()
        last = await _last_counted(connection)
        after = last + timedelta(days=1) if last else since
        first = max(since, today - timedelta(days=MOST_LIVE_DAYS), after)
        self._live = {day: live for day, live in self._live.items() if day >= first}
        found = []
        for day in (date.fromordinal(n) for n in range(first.toordinal(), until.toordinal())):
            if day > today:
                break
            live = self._live.get(day)
            if live is None or not self._is_fresh(live.counted_at, now):
                names, stored = packed(await facts_of(connection, day, now, self.zone))
                live = self._live[day] = _Day(now, unpacked(self.names, day.toordinal(), names, stored))
            found.append(live.facts)
        return found

    def _is_fresh(self, at: datetime, now: datetime) -> bool:
        return 0 <= (now - at).total_seconds() < FRESH_SECONDS


async def _last_counted(connection: AsyncConnection) -> date | None:
    last: date | None = (await connection.execute(select(func.max(figure_days.c.day)))).scalar()
    return last
