"""Papers and photographs of a case: added with an event that names their hash, opened on record."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.attachments import LONGEST_NOTE, MOST_OF_A_CASE, AttachmentKind
from ivr.cases.transitions import Side
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.people import auditing
from ivr.desk.people.people import Person
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.attachments import KeptFile
from ivr.store.tables import attachments, cases

ATTACHED = "attached"  # the event
OPENED = "attachment_opened"  # in the audit


async def attach(
    books: Books, ask: Instruction, kind: AttachmentKind, file: KeptFile, note: str = ""
) -> tuple[uuid.UUID, bool]:
    """Its id, and whether it is new: the same cause brings nothing twice, and then `file` is nobody's.

    Raises NoSuchCase; Refused for a body that has the case no more, for one that is anonymised, and for too
    many; WrongField for a note that is too long.
    """
    note, id = note.strip(), uuid.uuid5(ask.cause, ATTACHED)
    if len(note) > LONGEST_NOTE:
        raise WrongField("note", f"at most {LONGEST_NOTE} characters")
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        here = select(attachments.c.id).where(attachments.c.id == id)
        if (await connection.execute(here)).first():
            return id, False
        await _may(connection, case, ask)
        row = {"id": id, "case_id": case.id, "name": file.name, "kind": kind, "size": file.size}
        row |= {"sha256": file.sha256, "note": note, "added_by": ask.actor.name, "added_at": ask.now}
        await connection.execute(attachments.insert().values(row))
        told = {"attachment": str(id), "name": file.name, "kind": str(kind), "size": file.size}
        told |= {"sha256": file.sha256}  # not the note, which goes with the paper: what is chained stays
        await add_event(connection, ask.cause, case.id, ask.now, ATTACHED, told, ask.actor.name)
    return id, True


async def _may(connection: AsyncConnection, case: Row[Any], ask: Instruction) -> None:
    if ask.actor.side is Side.AGENCY and ask.actor.agency != case.agency:
        raise Refused(f"case {ask.code} is not with {ask.actor.agency}")
    if case.anonymised_at is not None:
        raise Refused(f"case {ask.code} is anonymised: nothing is attached to it any more")
    count = select(func.count()).where(attachments.c.case_id == case.id, attachments.c.removed_at.is_(None))
    if (await connection.execute(count)).scalar_one() >= MOST_OF_A_CASE:
        raise Refused(f"case {ask.code} has {MOST_OF_A_CASE} attachments, and takes no more")


async def of_cases(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Theirs, the oldest first; those that retention took too."""
    query = select(attachments).where(attachments.c.case_id.in_(ids))
    return list((await connection.execute(query.order_by(attachments.c.added_at, attachments.c.id))).all())


async def attachment(engine: AsyncEngine, scope: Scope, id: uuid.UUID) -> Row[Any] | None:
    """With the code, agency and county of its case. None: there is none that they may know of."""
    query = select(attachments, cases.c.code, cases.c.agency, cases.c.county)
    query = query.join(cases, cases.c.id == attachments.c.case_id)
    query = query.where(attachments.c.id == id, attachments.c.removed_at.is_(None), scope.cases())
    if scope.agency:  # a confidential case's papers show whose they are
        query = query.where(OPEN_TO_ALL)
    async with engine.connect() as connection:
        found: Row[Any] | None = (await connection.execute(query)).first()
    return found


async def opened(engine: AsyncEngine, person: Person, row: Row[Any], now: datetime, address: str) -> None:
    """Note that they have it before them."""
    what = {"case": row.case_id, "subject": f"attachment/{row.id}"}
    async with engine.begin() as connection:
        await auditing.note(connection, now, OPENED, person=person.id, address=address, **what)
