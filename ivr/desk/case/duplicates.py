"""The duplicates that went on in a case. Its story names them: no index does."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.tables import case_events, cases

DUPLICATE = "duplicate_merged"  # told of the case in which one goes on


def went_on_in(*ids: uuid.UUID) -> ColumnElement[bool]:
    """The condition that a case is a duplicate that was merged into one of these."""
    its = (case_events.c.case_id.in_(ids), case_events.c.event == DUPLICATE)
    codes = select(case_events.c.details["duplicate"].astext).where(*its).scalar_subquery()
    return cases.c.code == any_(func.array(codes))


async def below(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """The ids of the duplicates of these, and of what is below those."""
    query = select(cases.c.id).where(went_on_in(*ids))
    found = set((await connection.execute(query)).scalars())
    return found | await below(connection, found) if found else found
