"""What is remembered for a while only, and then deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

BATCH = 1_000


async def forget_older(
    engine: AsyncEngine, table: Table, moment: str, before: datetime, batch: int = BATCH
) -> int:
    """Delete the rows whose `moment`, a column, is earlier. How many.

    Each batch is a transaction and takes what nobody holds, so that no try or request waits for all of them.
    """
    key, at, done = list(table.primary_key), table.c[moment], 0
    old = select(*key).where(at < before).order_by(at).limit(batch).with_for_update(skip_locked=True)
    while True:
        async with engine.begin() as connection:
            gone = int((await connection.execute(table.delete().where(tuple_(*key).in_(old)))).rowcount)
        done += gone
        if gone < batch:
            return done
