"""Calendar revisions: which reading of calendar and ladders a county's cases must have been timed by.

A closure raises its county's revision in its own transaction. An open case whose `timed_by` is smaller than
its county's ("" = everywhere, and the unknown county) waits to be timed anew, whatever interrupts that. So
does a collective case one of whose members was timed anew: `UNTIMED`.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.base import metadata
from ivr.store.named_lock import alone

UNTIMED = -1  # older than any reading
calendar_revisions = Table(
    "calendar_revisions",
    metadata,
    Column("county", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
)


async def raise_revision(connection: AsyncConnection, county: str) -> int:
    """A county's cases must be timed anew. One transaction at a time may do this."""
    await alone(connection, "calendar_revisions")
    newest = select(func.coalesce(func.max(calendar_revisions.c.revision), 0) + 1)
    revision = int((await connection.execute(newest)).scalar_one())
    row = insert(calendar_revisions).values(county=county, revision=revision)
    await connection.execute(
        row.on_conflict_do_update(index_elements=["county"], set_={"revision": revision})
    )
    return revision
