"""What a recording says in writing: by machine, then mended by hand. Every wording is kept."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.events import MACHINE, add_event
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import recordings, transcripts

LONGEST = 20_000  # characters


async def write(engine: AsyncEngine, name: str, text: str, by: str, now: datetime, seen: int) -> int:
    """The new edition's number. `seen`: the number of the one that was before the writer's eyes, 0 = none.

    Raises WrongField for a text too long, Refused when somebody else wrote meanwhile or it is gone.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise WrongField("transcript", f"has at most {LONGEST} characters")
    async with engine.begin() as connection:
        recording = await _locked(connection, name)
        number = await edition(connection, name)
        if recording.transcript is not None and not number:  # the machine's was written by no hand
            first = {"recording": name, "edition": 1, "text": recording.transcript, "written_by": MACHINE}
            await connection.execute(transcripts.insert(), [first | {"written_at": recording.recorded_at}])
            number, seen = 1, max(seen, 1)
        if seen != number:
            raise Refused("somebody else has written this transcript since you looked")
        if text == (recording.transcript or ""):
            return number
        row = {"recording": name, "edition": number + 1, "text": text, "written_by": by, "written_at": now}
        await connection.execute(transcripts.insert(), [row])
        changed = update(recordings).where(recordings.c.name == name)
        await connection.execute(changed.values(transcript=text))
        if recording.case_id is not None:  # part of its story, and found by search from now on
            details = {"recording": name, "edition": number + 1}
            await add_event(
                connection, uuid.uuid4(), recording.case_id, now, "transcribed", details, actor=by
            )
    return number + 1


async def edition(connection: AsyncConnection, name: str) -> int:
    """The number of the last one; 0 when nobody wrote by hand."""
    query = select(func.coalesce(func.max(transcripts.c.edition), 0))
    return int((await connection.execute(query.where(transcripts.c.recording == name))).scalar_one())


async def editions(engine: AsyncEngine, name: str) -> list[dict[str, Any]]:
    """All wordings, the newest first."""
    query = select(transcripts).where(transcripts.c.recording == name)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(transcripts.c.edition.desc()))
        return [dict(row._mapping) for row in rows]


async def _locked(connection: AsyncConnection, name: str) -> Row[Any]:
    query = select(recordings).where(recordings.c.name == name, recordings.c.removed_at.is_(None))
    found = (await connection.execute(query.with_for_update())).first()
    if found is None:
        raise Refused("the recording is not there any more")
    return found
