"""What a recording says in writing: by machine, then mended by hand. Every wording is kept."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.suggest import Suggester
from ivr.desk.case import suggestion_outcomes
from ivr.desk.case.event_log import MACHINE, add_event
from ivr.desk.case.transaction import locked
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import cases, people, provinces, recordings, suggestions, transcripts

LONGEST = 20_000  # characters


async def write(
    engine: AsyncEngine,
    name: str,
    text: str,
    by: str,
    now: datetime,
    seen: int,
    suggester: Suggester | None = None,
) -> bool:
    """Keep a wording. `seen`: the number of the edition that was before the writer's eyes, 0 = none.

    Whether it made a suggestion: the first words of a case that is at the desk are asked whose it may be.
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
            return False
        row = {"recording": name, "edition": number + 1, "text": text, "written_by": by, "written_at": now}
        await connection.execute(transcripts.insert(), [row])
        changed = update(recordings).where(recordings.c.name == name)
        await connection.execute(changed.values(transcript=text))
        case = recording.case_id
        if case is None:
            return False
        details = {"recording": name, "edition": number + 1}  # part of its story; search finds it from now on
        await add_event(connection, uuid.uuid4(), case, now, "transcribed", details, actor=by)
        return suggester is not None and await _suggest(connection, case, text, now, suggester)


async def _suggest(
    connection: AsyncConnection, case: uuid.UUID, text: str, now: datetime, suggester: Suggester
) -> bool:
    at_desk = cases.c.agency == select(provinces.c.desk).limit(1).scalar_subquery()
    unasked = ~select(suggestions.c.id).where(suggestions.c.case_id == case).exists()
    found = (await connection.execute(select(cases).where(cases.c.id == case, at_desk, unasked))).first()
    if found is None or not text:
        return False
    retired = await suggestion_outcomes.retired(connection)
    guess = suggester.suggest(text, found.county or "", found.kind, retired=retired)
    await suggestion_outcomes.keep(connection, case, guess, suggestion_outcomes.TRANSCRIPT, now)
    return True


async def edition(connection: AsyncConnection, name: str) -> int:
    """The number of the last one; 0 when nobody wrote by hand."""
    query = select(func.coalesce(func.max(transcripts.c.edition), 0))
    return int((await connection.execute(query.where(transcripts.c.recording == name))).scalar_one())


async def editions(engine: AsyncEngine, name: str) -> list[dict[str, Any]]:
    """All wordings, the newest first; `who`: the writer's full name."""
    signed = func.regexp_replace(transcripts.c.written_by, "^.*/", "")
    who = func.coalesce(people.c.full_name, transcripts.c.written_by).label("who")
    query = select(transcripts, who).join(people, people.c.name == signed, isouter=True)
    query = query.where(transcripts.c.recording == name)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(transcripts.c.edition.desc()))
        return [dict(row._mapping) for row in rows]


async def _locked(connection: AsyncConnection, name: str) -> Row[Any]:
    """Its case before it, as the recogniser and retention do: else two could wait for each other."""
    its = select(cases.c.code).join(recordings, recordings.c.case_id == cases.c.id)
    code = (await connection.execute(its.where(recordings.c.name == name))).scalar()
    if code is not None:
        await locked(connection, code)
    query = select(recordings).where(recordings.c.name == name, recordings.c.removed_at.is_(None))
    found = (await connection.execute(query.with_for_update())).first()
    if found is None:
        raise Refused("the recording is not there any more")
    return found
