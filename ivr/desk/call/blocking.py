"""Blocked callers: who, why, and until when. One function is one transaction.

A block never silences anybody: she still reaches the operator, or leaves words that become a case at the
desk. It always ends by itself, because a number is often a family's or passes to somebody else.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import phone
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.refusals import Refused
from ivr.store.blocked_callers import blocked_callers, in_force
from ivr.store.named_lock import alone

Json = dict[str, Any]
MOST_DAYS = 90


async def block(
    engine: AsyncEngine,
    page: Page,
    actor: Actor,
    number: str,
    days: int,
    reason: str,
    now: datetime | None = None,
) -> datetime:
    """Until when. A second block of the same number takes the place of the first. Raises Refused."""
    now = now or datetime.now(UTC)
    _desk_only(actor)
    caller = phone.normalise(number, page.area_code)
    if not caller:
        raise Refused("only a whole telephone number can be blocked, like 09141234567")
    if not reason.strip():
        raise Refused("a block needs a reason")
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"a block lasts from 1 to {MOST_DAYS} days, not {days}")
    until = now + timedelta(days=days)
    row = {"id": uuid.uuid4(), "caller_key": caller, "reason": reason.strip(), "blocked_by": actor.name}
    async with engine.begin() as connection:
        # Of two at the same moment the second one's takes the place of the first one's.
        await alone(connection, "block " + caller)
        await connection.execute(_end(caller, actor, now))
        await connection.execute(blocked_callers.insert(), [row | {"blocked_at": now, "until": until}])
    return until


async def lift(
    engine: AsyncEngine, page: Page, actor: Actor, number: str, now: datetime | None = None
) -> None:
    """Before its time. Raises Refused when the number is not blocked."""
    _desk_only(actor)
    caller = phone.normalise(number, page.area_code)
    async with engine.begin() as connection:
        if not (await connection.execute(_end(caller, actor, now or datetime.now(UTC)))).rowcount:
            raise Refused("that number is not blocked")


async def lift_one(engine: AsyncEngine, actor: Actor, block: uuid.UUID, now: datetime | None = None) -> None:
    """That block before its time: its caller is let in. Raises Refused when it is not in force."""
    _desk_only(actor)
    now = now or datetime.now(UTC)
    whose = select(blocked_callers.c.caller_key).where(blocked_callers.c.id == block, in_force(now))
    ending = _end(whose.correlate(None).scalar_subquery(), actor, now)
    async with engine.begin() as connection:
        if not (await connection.execute(ending)).rowcount:
            raise Refused("that block is not in force any more")


async def listed(engine: AsyncEngine, past: bool = False, now: datetime | None = None) -> list[Json]:
    """The blocks in force, those that end first in front; with `past` also those that ended.

    Of one that ended long ago retention leaves nobody's number, and there is nothing to tell.
    """
    query = select(blocked_callers).order_by(blocked_callers.c.until, blocked_callers.c.id)
    query = query.where(blocked_callers.c.caller_key != "")
    if not past:
        query = query.where(in_force(now or datetime.now(UTC)))
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return [
        {
            "id": str(row.id),
            "caller": row.caller_key,
            "reason": row.reason,
            "blocked_by": row.blocked_by,
            "blocked_at": row.blocked_at.isoformat(),
            "until": row.until.isoformat(),
            "ended_at": row.ended_at and row.ended_at.isoformat(),
            "ended_by": row.ended_by,
        }
        for row in rows
    ]


def _end(caller: str | ScalarSelect[str], actor: Actor, now: datetime) -> Any:
    these = (blocked_callers.c.caller_key == caller, in_force(now))
    return update(blocked_callers).where(*these).values(ended_at=now, ended_by=actor.name)


def _desk_only(actor: Actor) -> None:
    if actor.side is not Side.DESK:
        raise Refused(f"a caller can't be blocked or let in by the {actor.side}, only by the desk")
