"""The append-only story of a case."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.tables import case_events, cases

MACHINE = "ivr"  # the actor of events that no person caused

INSERT_EVENT = insert(case_events).on_conflict_do_nothing(index_elements=[case_events.c.id])


def event_row(
    cause: uuid.UUID,
    case: uuid.UUID,
    seq: int,
    at: datetime,
    event: str,
    details: dict[str, Any],
    actor: str = MACHINE,
) -> dict[str, Any]:
    """The same cause and event make the same id, so that it can't be written twice."""
    return {
        "id": uuid.uuid5(cause, event),
        "case_id": case,
        "seq": seq,
        "at": at,
        "actor": actor,
        "event": event,
        "details": details,
    }


async def add_event(
    connection: AsyncConnection,
    cause: uuid.UUID,
    case: uuid.UUID,
    at: datetime,
    event: str,
    details: dict[str, Any],
    actor: str = MACHINE,
) -> None:
    """The case's next event. Locks the case, so that its events are numbered without gaps."""
    number = update(cases).where(cases.c.id == case).values(last_seq=cases.c.last_seq + 1)
    seq = (await connection.execute(number.returning(cases.c.last_seq))).scalar_one()
    await connection.execute(INSERT_EVENT, [event_row(cause, case, seq, at, event, details, actor)])
