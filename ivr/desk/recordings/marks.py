"""Marks and notes at a second of a recording. They belong to whoever may hear it; who made one is kept."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import marks, people

LONGEST = 500  # characters of a note
MOST = 200  # marks in a recording


async def add(
    engine: AsyncEngine, recording: Row[Any], second: float, note: str, by: str, now: datetime
) -> uuid.UUID:
    """Its id. Raises WrongField for a second beyond the end and a note too long, Refused for one too many."""
    note = note.strip()
    if not 0 <= second <= recording.seconds + 1:
        raise WrongField("second", f"must be within the {recording.seconds:.0f} s of the recording")
    if len(note) > LONGEST:
        raise WrongField("note", f"has at most {LONGEST} characters")
    row = {"id": uuid.uuid4(), "recording": recording.name, "second": round(second, 2), "note": note}
    async with engine.begin() as connection:
        if len(await listed(connection, [recording.name])) >= MOST:
            raise Refused(f"a recording has at most {MOST} marks")
        await connection.execute(marks.insert(), [row | {"made_by": by, "made_at": now}])
    return uuid.UUID(str(row["id"]))


async def remove(engine: AsyncEngine, recording: Row[Any], id: uuid.UUID, by: str, now: datetime) -> None:
    """Harmless when it is gone already."""
    this = (marks.c.id == id, marks.c.recording == recording.name, marks.c.removed_at.is_(None))
    async with engine.begin() as connection:
        await connection.execute(update(marks).where(*this).values(removed_at=now, removed_by=by))


async def listed(connection: AsyncConnection, names: Sequence[str]) -> list[Row[Any]]:
    """Those of these recordings, in the order of their seconds; `who`: the maker's full name."""
    signed = func.regexp_replace(marks.c.made_by, "^.*/", "")
    who = func.coalesce(people.c.full_name, marks.c.made_by).label("who")
    query = select(marks, who).join(people, people.c.name == signed, isouter=True)
    query = query.where(marks.c.recording.in_(names), marks.c.removed_at.is_(None))
    return list((await connection.execute(query.order_by(marks.c.recording, marks.c.second))).all())
