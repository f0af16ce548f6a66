"""One at a time for each name, through the whole database: PostgreSQL's advisory locks."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

# Whoever changes an agenda, or has what was said on a call of ours written into the books: before any case or
# call-back is held.
OUR_CALLS = "meeting slots"


async def alone(connection: AsyncConnection, name: str) -> None:
    """Whoever comes with the same name waits. Until the transaction's end."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
