"""Days that are over are counted, and two days later again: what figures are made of (docs/figures.md).

Any number of workers, in any order, after any pause: a day that has no row is counted, and one is enough. A
day that can't be counted has a row without figures and is tried again each hour, so that it hinders no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.figures import WHATS, FigureFact, Numbering, What, packed
from ivr.store.aside import Aside
from ivr.store.engine import is_a_row_s
from ivr.store.figure_days import CHANGED, COUNT, EARLY, figure_days
from ivr.store.tables import calls, cases

_DAY = timedelta(days=1)
SETTLED = timedelta(minutes=10)  # no transaction that began before midnight is still running by then
STALE = timedelta(hours=1)  # so long a day keeps its figures though something noted today changed them
LATE = timedelta(days=2)  # so long after its end a day is counted once more, for calls that came in late
AT_ONCE = 500  # rows between two turns of the event loop
FORM = 9  # raised when a day is counted or kept in another way: then all are counted anew
FIGURES = "figures"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when a day was counted that could not be
_TURN = text("SELECT pg_try_advisory_xact_lock(hashtext('figures'))")


async def count_days(
    engine: AsyncEngine, zone: str, now: datetime | None = None, aside: Aside | None = None
) -> int:
    """Count every day that is over, the oldest first, and again those that changed. How many were counted."""
    now, aside = now or datetime.now(UTC), aside or Aside()
    aside.waiting(FIGURES, now)
    counted = 0
    while True:
        async with engine.begin() as connection:
            if not (await connection.execute(_TURN)).scalar():
                return counted  # another worker is at it
            tally = _Tally(connection, now, zone, aside)
            day = await tally.next_day()
            if day is None:
                return counted
            over = _midnight(day + _DAY, zone) + SETTLED
            if over > now:
                counted += await tally.left() + await tally.again(day, now - STALE)
                return counted + await tally.once_more()
            counted += await tally.count(day) + await tally.again(day, over)


async def facts_of(
    connection: AsyncConnection,
    names: Numbering,
    day: date,
    now: datetime,
    zone: str,
    aside: Aside | None = None,
) -> bytes:
    """What happened on that day, as far as it has happened, packed by `names`. Others have their turn.

    What has no name here, as another release has more ends of cases, is left out and put `aside`.
    """
    span = {"since": _midnight(day, zone), "until": _midnight(day + _DAY, zone)}
    rows = list[Sequence[Any]]()
    async with connection.stream(COUNT, span | {"now": now, "zone": zone}) as found:
        async for some in found.partitions(AT_ONCE):
            rows += some
    if aside is not None:
        for what in {row[0] for row in rows}.difference(What):
            aside.put(FIGURES, (str(day), what), ValueError(f"nothing counted is called {what}"), now)
    return await asyncio.to_thread(_packed, names, rows)


def _packed(names: Numbering, rows: Iterable[Sequence[Any]]) -> bytes:
    return packed(names, (FigureFact(*row) for row in rows if row[0] in WHATS))


@dataclass(slots=True)
class _Tally:
    """One transaction of whoever's turn it is."""

    connection: AsyncConnection
    now: datetime
    zone: str
    aside: Aside
    last: date | None = None
    names: Numbering = field(default_factory=Numbering)

    async def next_day(self) -> date | None:
        """The day after the last one that was counted, else the first on which there was anything."""
        newest = await newest_day(self.connection)
        if newest is not None and newest.names.get("form") == FORM:
            self.last, self.names = newest.day, Numbering.of(newest.names)
            return newest.day + _DAY  # type: ignore[no-any-return]
        if newest is not None:
            await self.connection.execute(delete(figure_days))
        first = [
            (await self.connection.execute(select(func.min(column)))).scalar()
            for column in (cases.c.opened_at, calls.c.started_at)
        ]
        moments = [moment for moment in first if moment is not None]
        return min(moments).astimezone(ZoneInfo(self.zone)).date() if moments else None

    async def count(self, day: date) -> bool:
        """Whether it could be. The last day's row knows the names that all others are in."""
        try:
            async with self.connection.begin_nested():
                facts = await facts_of(self.connection, self.names, day, self.now, self.zone, self.aside)
                await self._keep(day, facts, self.now)
        except Exception as error:
            if not is_a_row_s(error):
                raise
            self.aside.put(FIGURES, (str(day), ""), error, self.now)
            if self.last is None or day > self.last:
                await self._keep(day, packed(self.names, ()), NEVER)
            return False
        return True

    async def _keep(self, day: date, facts: bytes, counted_at: datetime) -> None:
        row = {"day": day, "names": self._known, "facts": facts, "counted_at": counted_at}
        keep = insert(figure_days).values(row)
        await self.connection.execute(keep.on_conflict_do_update(index_elements=["day"], set_=row))
        self.last = max(day, self.last or day)

    @property
    def _known(self) -> dict[str, Any]:
        return self.names.lists | {"form": FORM}

    async def left(self) -> int:
        """Count what could not be counted."""
        query = select(figure_days.c.day).where(figure_days.c.counted_at == NEVER).order_by(figure_days.c.day)
        return await self._anew((await self.connection.execute(query)).scalars().all())

    async def again(self, noted: date, cutoff: datetime) -> int:
        """Count the days anew that something noted on that day changed, and that were counted before then."""
        older = (figure_days.c.day < noted, figure_days.c.counted_at < cutoff)
        if (await self.connection.execute(select(figure_days.c.day).where(*older).limit(1))).first() is None:
            return 0  # as always while many days are caught up with
        key = (str(noted), "what it changed")
        if key in self.aside.waiting(FIGURES, self.now):
            return 0
        asked = {"noted": noted, "cutoff": cutoff, "zone": self.zone}
        try:
            async with self.connection.begin_nested():
                days = (await self.connection.execute(CHANGED, asked)).scalars().all()
        except Exception as error:
            if not is_a_row_s(error):
                raise
            self.aside.put(FIGURES, key, error, self.now)
            return 0
        return await self._anew(days)

    async def once_more(self) -> int:
        """Count days for the second time: a journal may have brought calls of which no case tells."""
        asked = {"zone": self.zone, "after": SETTLED + LATE, "now": self.now}
        return await self._anew((await self.connection.execute(EARLY, asked)).scalars().all())

    async def _anew(self, days: Sequence[date]) -> int:
        waiting = set(self.aside.waiting(FIGURES, self.now))
        counted = sum([await self.count(day) for day in days if (str(day), "") not in waiting])
        if counted:
            newest = update(figure_days).where(figure_days.c.day == self.last)
            await self.connection.execute(newest.values(names=self._known))
        return counted


async def newest_day(connection: AsyncConnection) -> Row[Any, Any] | None:
    """The last day that was counted and the names that all are in."""
    query = select(figure_days.c.day, figure_days.c.names).order_by(figure_days.c.day.desc()).limit(1)
    return (await connection.execute(query)).first()


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(zone))
