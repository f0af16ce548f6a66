"""What a channel may see of the cases that it sent: never another's, and nothing about the citizen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.statuses import OPEN
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import Reach
from ivr.store.case_parts import parts_column
from ivr.store.tables import agencies, areas, case_events, cases, provinces, topics


@dataclass(frozen=True, slots=True)
class Service:
    """A topic as other systems choose it. `group`: its place in the menu."""

    code: str
    name: str
    group: str
    keywords: tuple[str, ...]


async def one(engine: AsyncEngine, channel: str, code: str) -> Any:
    """The case's row with its agency's and topic's names; None unless this channel sent it."""
    async with engine.connect() as connection:
        return (await connection.execute(of_channel(channel).where(cases.c.code == code))).first()


async def newest(engine: AsyncEngine, channel: str, limit: int, after: str = "") -> list[Any]:
    """The channel's cases, newest first; `after`: the code of the last one seen."""
    query = of_channel(channel)
    async with engine.connect() as connection:
        if after:
            seen = select(cases.c.opened_at, cases.c.id)
            last = (
                await connection.execute(seen.where(cases.c.channel == channel, cases.c.code == after))
            ).first()
            if last is None:
                return []
            query = query.where(tuple_(cases.c.opened_at, cases.c.id) < tuple_(last.opened_at, last.id))
        return list((await connection.execute(query.order_by(*_NEWEST).limit(limit))).all())


async def matching(
    engine: AsyncEngine,
    channel: str,
    limit: int,
    codes: Collection[str] = (),
    services: Collection[str] = (),
    between: tuple[datetime, datetime] | None = None,
    is_open: bool | None = None,
) -> list[Any]:
    """The channel's cases that fit all that is given, newest first."""
    query = of_channel(channel)
    if codes:
        query = query.where(cases.c.code.in_(codes))
    if services:
        query = query.where(cases.c.topic.in_(services))
    if between:
        query = query.where(cases.c.opened_at.between(*between))
    if is_open is not None:
        query = query.where(cases.c.status.in_(OPEN) if is_open else cases.c.status.not_in(OPEN))
    async with engine.connect() as connection:
        return list((await connection.execute(query.order_by(*_NEWEST).limit(limit))).all())


def of_channel(channel: str) -> Select[Any]:
    """A channel's cases with names, and when each last changed."""
    last = and_(case_events.c.case_id == cases.c.id, case_events.c.seq == cases.c.last_seq)
    return (
        select(
            cases,
            agencies.c.name.label("agency_name"),
            topics.c.name.label("topic_name"),
            case_events.c.at.label("changed_at"),
            parts_column(),
        )
        .join(agencies, agencies.c.code == cases.c.agency)
        .join(topics, topics.c.code == cases.c.topic)
        .outerjoin(case_events, last)
        .where(cases.c.channel == channel)
    )


async def reach(
    engine: AsyncEngine, rows: Sequence[Any], now: datetime, languages: Collection[str]
) -> list[Reach]:
    """Whether each of their citizens can be told by telephone. `languages`: those that are spoken here."""
    async with engine.connect() as connection:
        return await callback_planning.reach(connection, [row._mapping for row in rows], now, languages)


_NEWEST = (cases.c.opened_at.desc(), cases.c.id.desc())


async def services(connection: AsyncConnection, *, retired: bool = False) -> list[Service]:
    """The topics in the menu's order; with `retired` those too of which no cases are opened any more."""
    menu: Mapping[str, str] = (await connection.execute(select(provinces.c.menu))).scalar_one()
    rows = (await connection.execute(select(topics))).all()
    first = {row.parent: row.key[:1] for row in rows if row.key}
    rows = [row for row in rows if retired or row.retired_at is None]
    rows = sorted(rows, key=lambda row: (first.get(row.parent, ""), row.key or "~", row.code))
    return [Service(r.code, r.name, menu.get(first.get(r.parent, ""), ""), tuple(r.keywords)) for r in rows]


async def counties(connection: AsyncConnection, *, retired: bool = False) -> dict[str, str]:
    """Code → name, in the keys' order; `retired` as above."""
    query = select(areas.c.code, areas.c.name).order_by(areas.c.key)
    rows = await connection.execute(query if retired else query.where(areas.c.retired_at.is_(None)))
    return {row.code: row.name for row in rows}
