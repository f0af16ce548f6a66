"""The service desk's page: one form opens one case, however often it is sent."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.case.registering import Wanted, register
from ivr.store.tables import cases

if TYPE_CHECKING:
    from ivr.cases.suggest import Suggester  # brings numpy

# Whoever sends the same form at the same moment waits for the first.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:form, 8))")


async def open_once(
    engine: AsyncEngine, page: Page, wanted: Wanted, now: datetime, suggester: Suggester | None, form: str
) -> str:
    """The code of the case that this form opened, now or before. Raises WrongField; then nothing was written.

    `form`: what tells one filling of the form from another. With something else in it, it is another case.
    """
    case = _case(wanted, form)
    async with engine.begin() as connection:
        await connection.execute(_ALONE, {"form": str(case)})
        before = await opened(connection, wanted, form)
        return before or (await register(connection, page, wanted, now, suggester, case)).code


async def opened(connection: AsyncConnection, wanted: Wanted, form: str) -> str:
    """The code of the case that this form opened before, whatever the book says since; "" for none."""
    found = await connection.execute(select(cases.c.code).where(cases.c.id == _case(wanted, form)))
    return str(found.scalar() or "")


def _case(wanted: Wanted, form: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{form}\0{wanted!r}")
