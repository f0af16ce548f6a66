"""What callers did at the steps of a tree. Days that are over are counted once; today's calls when asked.

A day is counted when it is over and again two days later, for what came late. Nothing here counts a million
calls while somebody waits for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.aside import Aside
from ivr.store.tables import calls, menu_step_days
from ivr.voice.step_figures import TreeFigures

_DAY = timedelta(days=1)
SETTLED = timedelta(minutes=10)  # whoever called before midnight is through by then, but for a few
LATE = timedelta(days=2)  # what comes into the books later than this is not counted any more
OLDEST = timedelta(days=400)  # days before this are never counted
AT_ONCE = 200  # calls between two turns of the event loop
STEPS = "steps of calls"
_Odd = dict[UUID, Exception]
_TURN = text("SELECT pg_try_advisory_xact_lock(hashtext('menu steps'))")


async def tree_figures(
    engine: AsyncEngine, name: str, since: date, zone: str, now: datetime, revision: str = ""
) -> TreeFigures:
    """From that day on until now, of all revisions or of one."""
    found, odd = TreeFigures(), _Odd()

    def add(row: Row[Any]) -> None:
        if row.started_at.astimezone(ZoneInfo(zone)).date() not in days:
            _add(found, row, odd)

    async with engine.connect() as connection:
        days = set((await connection.execute(counted(since))).scalars())
        for row in await connection.execute(of_days(name, since, revision)):
            found.merge(row.figures, row.calls)
        today = now.astimezone(ZoneInfo(zone)).date()
        open_days = [d for d in (since + n * _DAY for n in range((today - since).days + 1)) if d not in days]
        if open_days:
            query = of_calls(_midnight(open_days[0], zone), now + _DAY, name, revision)
            await _for_each(connection, query, add)
    return found


async def count_steps(
    engine: AsyncEngine, zone: str, now: datetime | None = None, aside: Aside | None = None
) -> int:
    """Count every day that is due, the oldest first. How many.

    A call whose steps can't be read costs its day no more than itself; it is told for a while.
    """
    now, done, aside = now or datetime.now(UTC), 0, aside or Aside()
    aside.waiting(STEPS, now)
    while True:
        async with engine.begin() as connection:
            if not (await connection.execute(_TURN)).scalar():
                return done  # another worker is at it
            day = await _due(connection, zone, now)
            if day is None:
                return done
            odd = await _count(connection, day, zone, now)
        for call, error in odd.items():
            aside.put(STEPS, call, error, now)
        done += 1


async def _due(connection: AsyncConnection, zone: str, now: datetime) -> date | None:
    its = menu_step_days.c
    floor = (now - OLDEST).astimezone(ZoneInfo(zone)).date()
    query = select(its.day, its.counted_at).where(its.name == "", its.day >= floor)
    known = {row.day: row.counted_at for row in await connection.execute(query)}
    oldest = select(func.min(calls.c.started_at)).where(calls.c.started_at >= now - OLDEST)
    first = (await connection.execute(oldest)).scalar()
    day: date | None = first.astimezone(ZoneInfo(zone)).date() if first is not None else None
    while day is not None and (over := _midnight(day + _DAY, zone)) + SETTLED <= now:
        at = known.get(day)
        if at is None or at < over + LATE <= now:
            return day
        day += _DAY
    return None


async def _count(connection: AsyncConnection, day: date, zone: str, now: datetime) -> _Odd:
    """Of which calls there is no more to say than that they were."""
    odd = _Odd()
    trees: dict[tuple[str, str], TreeFigures] = defaultdict(TreeFigures)

    def add(row: Row[Any]) -> None:
        _add(trees[row.menu_name, row.menu_revision], row, odd)

    await _for_each(connection, of_calls(_midnight(day, zone), _midnight(day + _DAY, zone)), add)
    trees["", ""] = TreeFigures()
    rows = [
        {"name": name, "day": day, "revision": revision, "counted_at": now}
        | {"calls": found.calls, "figures": found.as_json()}
        for (name, revision), found in trees.items()
    ]
    keep = insert(menu_step_days)
    changes = {column: keep.excluded[column] for column in ("calls", "figures", "counted_at")}
    key = ["name", "day", "revision"]
    await connection.execute(keep.on_conflict_do_update(index_elements=key, set_=changes), rows)
    return odd


def _add(figures: TreeFigures, row: Row[Any], odd: _Odd) -> None:
    try:
        figures.add(row.started_at, row.steps, row.outcome)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        odd[row.id] = error


async def _for_each(connection: AsyncConnection, query: Select[Any], add: Callable[[Row[Any]], None]) -> None:
    """Beside the event loop, some at a time."""

    def all_of(rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            add(row)

    async with connection.stream(query) as found:
        async for some in found.partitions(AT_ONCE):
            await asyncio.to_thread(all_of, some)


def counted(since: date) -> Select[Any]:
    """The days that are counted."""
    return select(menu_step_days.c.day).where(menu_step_days.c.name == "", menu_step_days.c.day >= since)


def of_days(name: str, since: date, revision: str = "") -> Select[Any]:
    """The counted days of that menu."""
    its = menu_step_days.c
    query = select(its.calls, its.figures).where(its.name == name, its.day >= since)
    return query.where(its.revision == revision) if revision else query


def of_calls(since: datetime, until: datetime, name: str = "", revision: str = "") -> Select[Any]:
    """The calls themselves, of those that are over."""
    its = calls.c
    query = select(its.id, its.started_at, its.menu_name, its.menu_revision, its.steps, its.outcome)
    query = query.where(its.started_at >= since, its.started_at < until, its.ended_at.is_not(None))
    query = query.where(its.menu_name == name) if name else query.where(its.menu_name != "")
    return query.where(its.menu_revision == revision) if revision else query


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))
