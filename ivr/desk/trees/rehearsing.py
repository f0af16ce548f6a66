"""A tree is rehearsed: the last weeks' calls walk through it, and through the live one."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.menus import note_deed
from ivr.desk.trees.step_statistics import AT_ONCE
from ivr.store.tables import calls, cases
from ivr.voice.directory import Directory
from ivr.voice.menu import Menu
from ivr.voice.menu_life import TreeDeed
from ivr.voice.rehearsal import Rehearsal, rehearse
from ivr.voice.rewalk import PastCall
from ivr.voice.timing import SecondsOf

DAYS = 14
MOST = 10_000


async def rehearse_draft(
    engine: AsyncEngine,
    before: Menu,
    after: Menu,
    directory: Directory,
    now: datetime,
    seconds_of: SecondsOf | None = None,
    *,
    days: int = DAYS,
    draft: int | None = None,
    author: str = "",
) -> Rehearsal:
    """The newest calls of `before`'s name, through both trees. Of a draft it is noted that it was rehearsed.

    It takes up to seconds of the processor, in a thread: not in a process that carries calls.
    """
    past = await past_calls(engine, before.name, now - timedelta(days=days))
    found = await asyncio.to_thread(rehearse, before, after, past, directory, seconds_of)
    if draft is not None:
        details = {"calls": len(found.calls), "sentence": found.sentence, "days": days}
        async with engine.begin() as connection:
            await note_deed(connection, before.name, TreeDeed.REHEARSED, author, draft=draft, details=details)
    return found


async def past_calls(engine: AsyncEngine, name: str, since: datetime, most: int = MOST) -> list[PastCall]:
    """The newest calls through any tree of that name that are over. Those of ours have other trees."""
    past = list[PastCall]()
    async with engine.connect() as connection, connection.stream(newest(name, since, most)) as rows:
        async for some in rows.partitions(AT_ONCE):
            past += map(_past, some)
    return past


def newest(name: str, since: datetime, most: int) -> Select[Any]:
    """Walks down an index from the newest call."""
    its = calls.c
    county = select(func.max(cases.c.county)).where(cases.c.call_id == its.id).scalar_subquery()
    told = (its.id, its.started_at, its.ended_at, its.outcome, its.caller, its.language, its.steps)
    query = select(*told, county.label("county"))
    query = query.where(its.started_at >= since, its.menu_name == name, its.ended_at.is_not(None))
    return query.order_by(its.started_at.desc(), its.id.desc()).limit(most)


def _past(row: Row[Any]) -> PastCall:
    seconds = (row.ended_at - row.started_at).total_seconds()
    gone, county = row.outcome in ("hung_up", "lost"), row.county or ""
    return PastCall(str(row.id), row.started_at, seconds, gone, row.caller, row.language, county, row.steps)
