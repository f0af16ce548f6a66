"""Saved views of the inbox: each one's own, and those that somebody shares with all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, not_, or_, select
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
    engine: AsyncEngine,
    person: uuid.UUID,
    name: str,
    query: str,
    now: datetime,
    *,
    shared: bool = False,
    replaces: bool = False,
) -> Row[Any] | None:
    """Under a name of hers that is new. Where she has one of that name, and this would change what it shows
    or take it from all: only if it `replaces` it, else the one that stands. Raises WrongField."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise WrongField("name", f"a name of 1 to {LONGEST_NAME} characters")
    if len(query) > LONGEST_QUERY:
        raise WrongField("query", f"at most {LONGEST_QUERY} characters")
    row = {"id": uuid.uuid4(), "person_id": person, "name": name.strip(), "query": query}
    statement = insert(saved_views).values(row | {"shared": shared, "made_at": now})
    new = {"query": statement.excluded.query, "shared": statement.excluded.shared}
    goes_on = and_(
        saved_views.c.query == statement.excluded.query,
        or_(not_(saved_views.c.shared), statement.excluded.shared),
    )
    statement = statement.on_conflict_do_update(
        index_elements=["person_id", "name"], set_=new, where=None if replaces else goes_on
    )
    async with engine.begin() as connection:
        hers = saved_views.c.person_id == person
        others = select(func.count()).where(hers, saved_views.c.name != row["name"])
        if (await connection.execute(others)).scalar_one() >= MOST:
            raise WrongField("name", f"at most {MOST} views: remove one first")
        if (await connection.execute(statement.returning(saved_views.c.id))).first():
            return None
        # The statement holds it: it can't be removed meanwhile.
        standing = select(saved_views).where(hers, saved_views.c.name == row["name"])
        return (await connection.execute(standing)).one()


async def remove(engine: AsyncEngine, person: uuid.UUID, view: uuid.UUID) -> bool:
    """One of hers. Whether there was one."""
    hers = (saved_views.c.id == view, saved_views.c.person_id == person)
    async with engine.begin() as connection:
        return bool((await connection.execute(delete(saved_views).where(*hers))).rowcount)
