"""The audit: one row for whatever someone did, saw or heard that others may ask about later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people.scope import Scope
from ivr.store.tables import audit, cases, people


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


async def listed(
    engine: AsyncEngine,
    person: str = "",
    subject: str = "",
    before: int = 0,
    limit: int = 50,
    *,
    case: str = "",
    scope: Scope | None = None,
    with_codes: bool = True,
) -> list[dict[str, Any]]:
    """The newest first, from below the id `before` on; of one person by name, one subject, or one case.

    `scope`: who reads it, from whom what is about some cases may be kept; None: the machine. `with_codes`:
    whether codes of cases are told, of counties in sight alone; those that older releases named as subjects,
    which tell no county, to who sees all.
    """
    by_subject = with_codes and not (scope and scope.areas)
    about = audit.c.subject if by_subject else func.regexp_replace(audit.c.subject, "^case/.*", "")
    its = (column for column in audit.c if column.name != "subject")
    query = select(*its, about.label("subject"), people.c.name, people.c.full_name, cases.c.code)
    query = query.outerjoin(people, people.c.id == audit.c.person_id).outerjoin(
        cases, cases.c.id == audit.c.case_id
    )
    if person:
        query = query.where(
            audit.c.person_id == select(people.c.id).where(people.c.name == person).scalar_subquery()
        )
    if case:
        its = select(cases.c.id).where(cases.c.code == case).scalar_subquery()
        query = query.where(audit.c.case_id == its)
    if subject:
        query = query.where(audit.c.subject == subject, about == subject)
    if before:
        query = query.where(audit.c.id < before)
    if scope is not None:
        may_read = scope.in_sight() if with_codes else scope.not_kept()
        query = query.where(or_(audit.c.case_id.is_(None), may_read))
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))).all()
    names = ("id", "at", "action", "subject", "reason", "address", "name", "full_name", "code")
    return [{name: getattr(row, name) for name in names} for row in rows]
