"""What the books and the disk hold."""

from __future__ import annotations

import asyncio
from dataclasses import astuple, dataclass

from sqlalchemy import func, select

from bench.calls.hotline import Hotline
from ivr.store.engine import make_engine
from ivr.store.tables import calls, cases, recordings

SETTLE_SECONDS = 15  # how long the last words may take from the journal to the books


@dataclass(frozen=True, slots=True)
class Books:
    """`files`: recordings on disk; `caseless`: recordings in the books that no case holds."""

    calls: int
    cases: int
    recordings: int
    caseless: int
    files: int

    def since(self, before: Books) -> Books:
        return Books(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


async def count(line: Hotline) -> Books:
    """Count them now."""
    engine = make_engine(line.database_url, pool=1)
    counted = [select(func.count()).select_from(table) for table in (calls, cases, recordings)]
    counted.append(select(func.count()).where(recordings.c.case_id.is_(None)))
    try:
        async with engine.connect() as connection:
            found = [int((await connection.execute(each)).scalar_one()) for each in counted]
    finally:
        await engine.dispose()
    files = sum(1 for path in line.settings.recordings.rglob("*.wav") if path.stat().st_size > 44)
    made, opened, kept, caseless = found
    return Books(made, opened, kept, caseless, files)


async def settled(line: Hotline, cases: int) -> Books:
    """The books once the worker has caught up; looked at seldom, since looking costs PostgreSQL too."""
    for _ in range(SETTLE_SECONDS):
        books = await count(line)
        if books.cases >= cases:
            break
        await asyncio.sleep(1)
    return books
