"""Cases that may belong together: of the same caller, or of the same matter near in place, time or words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.spelling import normalise, stem
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.desk.reading import inbox
from ivr.store.tables import cases, recordings

SAME_CALLER, SAME_MATTER = 8, 6  # how many are shown
NEAR = timedelta(days=30)
LOOKED_AT = 60
_WORDS = 0.7  # how much likeness of words counts against nearness in time


@dataclass(frozen=True, slots=True)
class Related:
    """`likeness`: 0 to 1, for the same matter."""

    case: Row[Any]
    likeness: float = 0.0


async def of_caller(connection: AsyncConnection, scope: Scope, case: Row[Any]) -> list[Related]:
    """Her other cases, the newest first; of a withheld number none.

    Nor one that merely gave it for the answer: whose that is nobody learns without asking for the number.
    """
    if phone.is_withheld(case.caller_key):
        return []
    hers = (cases.c.caller_key == case.caller_key, cases.c.caller_key != "", cases.c.id != case.id)
    return [Related(row) for row in await _newest(connection, scope, *hers)]


async def of_number(connection: AsyncConnection, scope: Scope, number: str) -> Sequence[Row[Any]]:
    """The newest cases of whoever has that number or gave it for the answer."""
    return await _newest(connection, scope, cases.c.id.in_(inbox.of_number(number)))


async def _newest(
    connection: AsyncConnection, scope: Scope, *hers: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """None that is confidential."""
    query = _query(scope).where(*hers, OPEN_TO_ALL)
    found = await connection.execute(query.order_by(cases.c.opened_at.desc()).limit(SAME_CALLER))
    rows: Sequence[Row[Any]] = found.all()
    return rows


async def of_matter(connection: AsyncConnection, scope: Scope, case: Row[Any], said: str) -> list[Related]:
    """Of other callers, same topic and county, within a month. `said`: all that is known of its words.

    Confidential ones whoever's they are: one that is left out would be known as hers.
    """
    if case.county is None:
        return []
    matter = (cases.c.topic == case.topic, cases.c.county == case.county)
    near = cases.c.opened_at.between(case.opened_at - NEAR, case.opened_at + NEAR)
    query = _query(scope).where(*matter, near, cases.c.id != case.id)
    if not phone.is_withheld(case.caller_key):
        query = query.where(or_(cases.c.caller_key != case.caller_key, ~OPEN_TO_ALL))
    rows = (await connection.execute(query.order_by(cases.c.opened_at.desc()).limit(LOOKED_AT))).all()
    heard = await _transcripts(connection, rows)
    ours = stems(said)
    found = [
        Related(row, _likeness(case, row, ours, stems(f"{row.words} {heard.get(row.id, '')}")))
        for row in rows
    ]
    return sorted(found, key=lambda each: -each.likeness)[:SAME_MATTER]


def stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in normalise(text).split() if len(word) > 2)


def _likeness(case: Row[Any], other: Row[Any], ours: frozenset[str], theirs: frozenset[str]) -> float:
    days = abs(case.opened_at - other.opened_at) / NEAR
    shared = len(ours & theirs) / max(min(len(ours), len(theirs)), 1)
    return float(round(_WORDS * shared + (1 - _WORDS) * (1 - days), 3))


async def _transcripts(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[Any, str]:
    query = select(recordings.c.case_id, recordings.c.transcript)
    query = query.where(
        recordings.c.case_id.in_([row.id for row in rows]), recordings.c.transcript.is_not(None)
    )
    found: dict[Any, str] = {}
    for row in await connection.execute(query):
        found[row.case_id] = f"{found.get(row.case_id, '')} {row.transcript}"
    return found


def _query(scope: Scope) -> Select[Any]:
    names = {"id", "code", "kind", "topic", "county", "agency", "status", "channel", "opened_at", "words"}
    return select(*(column for column in scope.columns() if column.name in names)).where(scope.cases())
