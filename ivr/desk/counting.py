"""Days that are over are counted, once each: what the figures of the panel are made of (docs/figures.md).

Any number of workers, in any order, after any pause: a day that has no row is counted, and one is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.figures import Fact, packed
from ivr.store.figure_days import CHANGED, COUNT, figure_days
from ivr.store.tables import calls, cases

ZONE = "Asia/Tehran"
_DAY = timedelta(days=1)
SETTLED = timedelta(minutes=10)  # no transaction that began before midnight is still running by then
STALE = timedelta(hours=1)  # so long a day keeps its figures though something noted today changed them
_TURN = text("SELECT pg_try_advisory_xact_lock(hashtext('figures'))")


async def count_days(engine: AsyncEngine, now: datetime | None = None, zone: str = ZONE) -> int:
    """Count every day that is over, the oldest first, and again those that changed. How many were counted."""
    now = now or datetime.now(UTC)
    counted = 0
    while True:
        async with engine.begin() as connection:
            if not (await connection.execute(_TURN)).scalar():
                return counted  # another worker is at it
            day = await _next_day(connection, zone)
            if day is None:
                return counted
            over = _midnight(day + _DAY, zone) + SETTLED
            if over > now:
                return counted + await _again(connection, day, now - STALE, now, zone)
            await _count(connection, day, now, zone)
            counted += 1 + await _again(connection, day, over, now, zone)


async def facts_of(connection: AsyncConnection, day: date, now: datetime, zone: str = ZONE) -> Sequence[Fact]:
    """What happened on that day, as far as it has happened."""
    span = {"since": _midnight(day, zone), "until": _midnight(day + _DAY, zone)}
    rows = await connection.execute(COUNT, span | {"now": now, "zone": zone})
    return [Fact(*row) for row in rows]


async def _count(connection: AsyncConnection, day: date, now: datetime, zone: str) -> None:
    names, facts = packed(await facts_of(connection, day, now, zone))
    row = {"day": day, "names": names, "facts": facts, "counted_at": now}
    keep = insert(figure_days).values(row)
    await connection.execute(keep.on_conflict_do_update(index_elements=["day"], set_=row))


async def _again(connection: AsyncConnection, noted: date, cutoff: datetime, now: datetime, zone: str) -> int:
    asked = {"noted": noted, "cutoff": cutoff, "zone": zone}
    days = (await connection.execute(CHANGED, asked)).scalars().all()
    for day in days:
        await _count(connection, day, now, zone)
    return len(days)


async def _next_day(connection: AsyncConnection, zone: str) -> date | None:
    """The day after the last one that was counted, else the first on which there was anything."""
    last = (await connection.execute(select(func.max(figure_days.c.day)))).scalar()
    if last is not None:
        return last + _DAY  # type: ignore[no-any-return]
    first = [
        (await connection.execute(select(func.min(column)))).scalar()
        for column in (cases.c.opened_at, calls.c.started_at)
    ]
    moments = [moment for moment in first if moment is not None]
    return min(moments).astimezone(ZoneInfo(zone)).date() if moments else None


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(0), ZoneInfo(zone))
