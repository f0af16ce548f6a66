"""An agency's answer to a case."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.statuses import ANSWERABLE, Status
from ivr.desk.events import add_event
from ivr.desk.opening import outbox_row
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import cases, outbox


async def answer(
    engine: AsyncEngine, code: str, officer: str, words: str, now: datetime | None = None
) -> None:
    """Store an answer, which the citizen hears when she follows her code up. Not a closure.

    Raises NoSuchCase, or Refused when there are no words or the case takes no answer any more.
    """
    words, now = words.strip(), now or datetime.now(UTC)
    if not words:
        raise Refused("an answer needs words")
    async with engine.begin() as connection:
        query = select(cases.c.id, cases.c.status).where(cases.c.code == code).with_for_update()
        case = (await connection.execute(query)).first()
        if case is None:
            raise NoSuchCase(f"there is no case {code}")
        if case.status not in ANSWERABLE:
            raise Refused(f"case {code} is {case.status} and takes no answer")
        change = {"status": Status.ANSWERED, "answer": words, "answered_at": now}
        await connection.execute(update(cases).where(cases.c.id == case.id).values(change))
        cause = uuid.uuid4()
        await add_event(connection, cause, case.id, now, "answered", {"text": words}, actor=officer)
        message = outbox_row(f"case_answered:{cause}", "case_answered", now, {"case": code})
        await connection.execute(outbox.insert(), [message])
