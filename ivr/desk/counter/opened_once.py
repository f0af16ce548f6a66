"""The service desk's page: one form opens one case, however often it is sent."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

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
    case = uuid.uuid5(uuid.NAMESPACE_OID, f"{form}\0{wanted!r}")
    async with engine.begin() as connection:
        await connection.execute(_ALONE, {"form": str(case)})
        before = await connection.execute(select(cases.c.code).where(cases.c.id == case))
        if (code := before.scalar()) is not None:
            return str(code)
        return (await register(connection, page, wanted, now, suggester, case)).code
