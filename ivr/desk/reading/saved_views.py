"""Saved views of the inbox: each one's own, and those that somebody shares with all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.alphabet import persian_order
from ivr.desk.refusals import WrongField
from ivr.store.tables import saved_views

MOST = 30  # of one person
LONGEST_NAME, LONGEST_QUERY = 60, 1_000


async def views(connection: AsyncConnection, person: uuid.UUID) -> Sequence[Row[Any]]:
    """Hers first, then what others share, each by name; `own` tells which is which."""
    own = (saved_views.c.person_id == person).label("own")
    query = select(saved_views, own).where(or_(saved_views.c.person_id == person, saved_views.c.shared))
    query = query.order_by(own.desc(), saved_views.c.name).limit(4 * MOST)
    found = (await connection.execute(query)).all()
    return sorted(found, key=lambda row: (not row.own, persian_order(row.name)))


async def save(
    engine: AsyncEngine, person: uuid.UUID, name: str, query: str, now: datetime, *, shared: bool = False
) -> None:
    """Under a name of hers that is new, or in place of the one it had. Raises WrongField."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise WrongField("name", f"a name of 1 to {LONGEST_NAME} characters")
    if len(query) > LONGEST_QUERY:
        raise WrongField("query", f"at most {LONGEST_QUERY} characters")
    row = {"id": uuid.uuid4(), "person_id": person, "name": name.strip(), "query": query}
    statement = insert(saved_views).values(row | {"shared": shared, "made_at": now})
    new = {"query": statement.excluded.query, "shared": statement.excluded.shared}
    async with engine.begin() as connection:
        others = select(func.count()).where(
            saved_views.c.person_id == person, saved_views.c.name != row["name"]
        )
        if (await connection.execute(others)).scalar_one() >= MOST:
            raise WrongField("name", f"at most {MOST} views: remove one first")
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["person_id", "name"], set_=new)
        )


async def remove(engine: AsyncEngine, person: uuid.UUID, view: uuid.UUID) -> bool:
    """One of hers. Whether there was one."""
    hers = (saved_views.c.id == view, saved_views.c.person_id == person)
    async with engine.begin() as connection:
        return bool((await connection.execute(delete(saved_views).where(*hers))).rowcount)
