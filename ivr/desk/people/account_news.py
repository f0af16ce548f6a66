"""People are told what others did to their signing in: on every page until they have looked, and by mail."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.tables import audit, outbox, people

DEEDS = frozenset({"person_changed", "password_set", "totp_reset", "person_locked", "person_unlocked"})
SHOWN_FOR = timedelta(days=30)
LETTER = "account_"  # how the kinds of our rows in the outbox begin: account_password_set


async def tell(
    connection: AsyncConnection, row: Row[Any], action: str, now: datetime, by: UUID | None
) -> None:
    """In the transaction of the deed. `row`: of `people`, as it was: a new address is told at the old one."""
    if by == row.id or action not in DEEDS:
        return
    await connection.execute(update(people).where(people.c.id == row.id).values(untold_since=now))
    if not row.email:
        return
    who = select(people.c.full_name).where(people.c.id == by)
    payload = {"to": row.email, "case": "", "at": now.isoformat()}
    payload |= {"by": (await connection.execute(who)).scalar() or "", "name": row.name}
    message = {"id": uuid.uuid4(), "kind": LETTER + action, "created_at": now, "next_at": now}
    key = f"account:{message['id']}"
    await connection.execute(outbox.insert(), [message | {"key": key, "payload": payload}])


async def seen(engine: AsyncEngine, person: UUID) -> None:
    """They have looked. What was done stays on their account's page for a while."""
    async with engine.begin() as connection:
        await connection.execute(update(people).where(people.c.id == person).values(untold_since=None))


def done_to(name: str, person: UUID, now: datetime) -> Select[Any]:
    """at, action, by: what others did to it lately, the newest first."""
    its = audit.c
    query = select(its.at, its.action, people.c.full_name.label("by"))
    query = query.outerjoin_from(audit, people, its.person_id == people.c.id)
    query = query.where(its.subject == f"person/{name}", its.action.in_(DEEDS))
    others = its.person_id.is_distinct_from(person)
    return query.where(others, its.at > now - SHOWN_FOR).order_by(its.at.desc()).limit(10)
