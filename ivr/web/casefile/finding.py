"""From an address to what it names, as far as the visitor may know of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.people.scope import Scope
from ivr.desk.reading import casefile
from ivr.desk.reading.casefile import CaseFile
from ivr.desk.recordings import hearing
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

FindsRow = Callable[[AsyncEngine, Scope, UUID], Awaitable[Row[Any] | None]]


class SentOn(NotFound):
    """It was theirs once."""


def code_of(visit: Visit) -> str:
    """Raises NotFound."""
    code = tracking_code(visit.request.match_info["code"])
    if not code:
        raise NotFound
    return code


async def case_file(visit: Visit) -> CaseFile:
    """All of the case. Raises NotFound."""
    panel = visit.panel
    file = await casefile.read(panel.engine, visit.scope, code_of(visit), panel.book.conventions.languages)
    if file is None:
        raise await _gone(visit)
    return file


async def _gone(visit: Visit) -> NotFound:
    """What went on from an agency is not there for it any more; that it went is all that it is told."""
    its = await casefile.sent_on(visit.panel.engine, visit.scope, code_of(visit))
    return SentOn() if its else NotFound()


async def case_row(visit: Visit) -> Row[Any]:
    """Raises NotFound."""
    case = await casefile.case_of(visit.panel.engine, visit.scope, code_of(visit))
    if case is None:
        raise NotFound
    return case


async def recording_row(visit: Visit, otherwise: FindsRow | None = None) -> Row[Any]:
    """Another agency's, an erased one, none at all: NotFound for each, but for what `otherwise` finds."""
    try:
        id = UUID(visit.request.match_info["id"])
    except ValueError:
        raise NotFound from None
    row = await hearing.recording(visit.panel.engine, visit.scope, id)
    if row is None and otherwise is not None:
        row = await otherwise(visit.panel.engine, visit.scope, id)
    if row is None or row.removed_at is not None:
        raise NotFound
    return row
