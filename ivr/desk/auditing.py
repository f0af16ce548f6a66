"""The audit: one row for whatever someone did, saw or heard that others may ask about later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.tables import audit


async def note(
    connection: AsyncConnection,
    now: datetime,
    action: str,
    *,
    person: UUID | None = None,
    case: UUID | None = None,
    recording: str | None = None,
    subject: str = "",
    reason: str = "",
    address: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write it in the transaction of what it tells of. `action`: a stable name like "signed_in".

    `person`: null = the command line, or nobody known. `subject`: like "person/karimi", "agency/abfa".
    """
    row: dict[str, Any] = {
        "at": now,
        "person_id": person,
        "action": action,
        "case_id": case,
        "recording": recording,
    }
    row |= {"subject": subject, "reason": reason, "address": address, "detail": dict(detail or {})}
    await connection.execute(audit.insert(), [row])
