"""Transcripts by machine: kept with the recording, told in the story, and asked for a suggestion.

An aid to whoever listens, never the record: it assigns nothing, whatever the suggestion says.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, case, func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.suggest import Suggester
from ivr.desk.case import suggestion_outcomes
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked
from ivr.store import recording_files
from ivr.store.calls import LOST
from ivr.store.disk_thread import ask_once
from ivr.store.recordings import TO_TRANSCRIBE
from ivr.store.tables import calls, cases, provinces, recordings

EVENT = "transcribed"
PAGE = 100
_HOLD = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 112))")
_LET_GO = text("SELECT pg_advisory_unlock(hashtextextended(:name, 112))")


@dataclass(frozen=True, slots=True)
class Unheard:
    """A recording that nobody has listened to by machine. `language`: in which it was said."""

    name: str
    case: uuid.UUID
    code: str
    language: str
    kind: str
    county: str


async def take(
    connection: AsyncConnection,
    folder: Path,
    languages: Collection[str],
    besides: Collection[str] = (),
    since: datetime | None = None,
    among: Collection[str] | None = None,
) -> Unheard | None:
    """The newest one that no other worker has; held by this connection until `let_go`.

    `languages`: those that can be recognised, "" among them = all. `since` and `among`: of those recorded
    later, of these names; None = of all. Held by a lock of its own: no row is, and no transaction need last.
    What is not in `folder` is another machine's. Which language she chose, a call's row tells at its end; its
    own case tells it at once.
    """
    opened_it = cases.c.call_id == recordings.c.call_id
    told = func.coalesce(func.nullif(calls.c.language, ""), cases.c.language)
    spoken = case((or_(opened_it, calls.c.outcome == LOST), cases.c.language), else_=told)
    about = (cases.c.id, cases.c.code, cases.c.kind, cases.c.county)
    place = (recordings.c.recorded_at, recordings.c.name)
    query: Select[Any] = (
        select(*place, spoken.label("language"), *about)
        .select_from(recordings)
        .join(cases, cases.c.id == recordings.c.case_id)
        .outerjoin(calls, calls.c.id == recordings.c.call_id)
        .where(TO_TRANSCRIBE, ~recordings.c.silent, ~recordings.c.superseded)
        .where(or_(opened_it, calls.c.id.is_(None), calls.c.ended_at.is_not(None)))
        .where(recordings.c.name.not_in(besides))
        .order_by(*(each.desc() for each in place))
        .limit(PAGE)
    )
    if "" not in languages:
        query = query.where(spoken.in_(languages))
    if since is not None:
        query = query.where(recordings.c.recorded_at > since)
    if among is not None:
        query = query.where(recordings.c.name.in_(among))
    page = query
    while True:
        rows = (await connection.execute(page)).all()
        for row in await ask_once(partial(_here, folder, rows)):
            if not (await connection.execute(_HOLD, {"name": row.name})).scalar_one():
                continue
            still = select(recordings.c.name).where(recordings.c.name == row.name, TO_TRANSCRIBE)
            if (await connection.execute(still)).first():
                return Unheard(row.name, row.id, row.code, row.language, row.kind, row.county or "")
            await let_go(connection, row.name)
        if len(rows) < PAGE:
            return None
        page = query.where(tuple_(*place) < tuple_(rows[-1].recorded_at, rows[-1].name))


async def let_go(connection: AsyncConnection, name: str) -> None:
    """Another worker may take it, too."""
    await connection.execute(_LET_GO, {"name": name})


def _here(folder: Path, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if _is_here(folder, row.name)]


def _is_here(folder: Path, name: str) -> bool:
    """Also one that its disk does not give: whoever is to hear it tells of that."""
    try:
        return recording_files.where(folder, name) is not None
    except OSError:
        return True


async def heard(
    engine: AsyncEngine, found: Unheard, words: str, suggester: Suggester | None, now: datetime
) -> bool:
    """Keep what it says. False when a person has written it meanwhile, or retention took it."""
    async with engine.begin() as connection:
        case = await locked(connection, found.code)
        mine = (recordings.c.name == found.name, TO_TRANSCRIBE)
        written = update(recordings).where(*mine).values(transcript=words)
        if not (await connection.execute(written)).rowcount:
            return False
        cause = uuid.uuid5(found.case, f"{EVENT}:{found.name}")
        said = {"recording": found.name, "edition": 1, "characters": len(words)}
        await add_event(connection, cause, found.case, now, EVENT, said)
        if suggester is not None and words:
            retired = await suggestion_outcomes.retired(connection)
            guess = suggester.suggest(words, found.county, found.kind, retired=retired)
            desk = (await connection.execute(select(provinces.c.desk).limit(1))).scalar_one()
            chosen = (
                None
                if case.agency == desk
                else suggestion_outcomes.Placement(case.topic, case.agency, "caller")
            )
            await suggestion_outcomes.keep(
                connection, found.case, guess, suggestion_outcomes.TRANSCRIPT, now, chosen
            )
    return True
