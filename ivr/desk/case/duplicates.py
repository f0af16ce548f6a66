"""The duplicates that went on in a case. Its story names them: no index does."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, any_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.case_parts import followed_by
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


async def hurrying(connection: AsyncConnection, case: uuid.UUID) -> list[tuple[Row[Any], int]]:
    """The duplicates for which a case is due sooner, and those of these in turn.

    Each with the days that had stopped in the case itself by then, which are no stops of the duplicate.
    """
    its = case_events.c
    stopped = its.details["stopped_days"].as_integer()
    merged = (its.case_id == case, its.event == DUPLICATE, its.details["duplicate"].astext == cases.c.code)
    query = select(cases, stopped.label("stopped")).where(*merged, stopped.is_not(None))
    found = (await connection.execute(query)).all()
    below = [(one, each.stopped) for each in found for one, _ in await hurrying(connection, each.id)]
    return [(each, each.stopped) for each in found] + below


async def where_hers_goes_on(connection: AsyncConnection, case: Row[Any]) -> Row[Any]:
    """The case in which a duplicate goes on, locked, while it is the same caller's; else the case itself."""
    if case.merged_into is None:
        return case
    same = (cases.c.caller_key == case.caller_key, cases.c.caller_key != "")
    query = select(cases).where(followed_by(case.code), *same).with_for_update(key_share=True)
    return (await connection.execute(query)).first() or case
