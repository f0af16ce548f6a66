"""Bodies that were invited to a session are told by mail when it is moved or called off, each once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.attendance import InvitationState, view_due
from ivr.desk.book.book import Page
from ivr.desk.case.rows import outbox_row
from ivr.store.tables import (
    cases,
    meeting_invitations,
    meeting_orders,
    meeting_requests,
    meeting_slots,
    meeting_views,
    outbox,
)

OFF, MOVED = "meeting_body_off", "meeting_body_moved"  # messages


async def tell_off(
    connection: AsyncConnection,
    page: Page,
    session: Row[Any],
    reason: str,
    now: datetime,
    ended: bool,
    case: uuid.UUID | None = None,
) -> None:
    """It does not take place. `ended`: any more, of which those are told who were yet to come.

    `case`: for this one, which lost its slot later than the others.
    """
    whom = _yet_to_come(session.number, case) if ended else ()
    await _tell(connection, page, OFF, session, session.starts_at, session.place, reason, now, *whom)


def _yet_to_come(number: int, case: uuid.UUID | None) -> tuple[ColumnElement[bool], ...]:
    """Bodies that nobody needs who was heard there or is inside, but somebody who has her slot no more.

    Who sat there for somebody who did not come has seen it.
    """
    body, slot = meeting_invitations.c.agency, meeting_slots.c
    missed = select(slot.slot).where(slot.case_id == meeting_views.c.case_id, slot.outcome == "no_show")
    viewed = select(meeting_views.c.case_id).where(meeting_views.c.session == number)
    viewed = viewed.where(~missed.where(slot.session == number).exists())
    if case is not None:
        viewed = viewed.where(meeting_views.c.case_id == case)
    needed = select(slot.slot).join(meeting_requests, meeting_requests.c.case_id == slot.case_id)
    needed = needed.where(slot.session == number, slot.outcome != "no_show")
    return (
        meeting_invitations.c.came == "",
        viewed.where(meeting_views.c.agency == body).exists(),
        ~needed.where(meeting_requests.c.bodies.has_key(body)).exists(),
    )


async def tell_moved(
    connection: AsyncConnection,
    page: Page,
    session: Row[Any],
    starts_at: datetime,
    place: str,
    reason: str,
    now: datetime,
) -> None:
    """It is then and there: whoever promised to come is asked again, and views are due before the new day."""
    anew = {"state": InvitationState.INVITED, "who": "", "reason": "", "answered_by": "", "answered_at": None}
    its = meeting_invitations.c.session == session.number
    await connection.execute(update(meeting_invitations).where(its).values(anew))
    owed = (meeting_views.c.session == session.number, meeting_views.c.words == "")
    due = {"due_at": view_due(page.calendar, starts_at, now), "reminded_at": None}
    await connection.execute(update(meeting_views).where(*owed).values(due))
    await _tell(connection, page, MOVED, session, starts_at, place, reason, now)


async def _tell(
    connection: AsyncConnection,
    page: Page,
    kind: str,
    session: Row[Any],
    starts_at: datetime,
    place: str,
    reason: str,
    now: datetime,
    *whom: ColumnElement[bool],
) -> None:
    """A mail is about a case, and never names it: one of which the body owes its view, else its order.

    None that accuses the body: it is written nothing about that one.
    """
    body = meeting_invitations.c.agency
    its_to_know = cases.c.accused.is_distinct_from(body)
    known = select(cases.c.code).join(meeting_views, meeting_views.c.case_id == cases.c.id)
    first = (meeting_views.c.session != session.number, cases.c.code)
    viewed = (
        known.where(meeting_views.c.agency == body, its_to_know).order_by(*first).limit(1).scalar_subquery()
    )
    given = select(cases.c.code).join(meeting_orders, meeting_orders.c.case_id == cases.c.id)
    owed_first = (cases.c.closed_at.is_not(None), meeting_orders.c.due_on)
    ordered = (
        given.where(cases.c.agency == body, its_to_know).order_by(*owed_first).limit(1).scalar_subquery()
    )
    query = select(body, func.coalesce(viewed, ordered).label("code"))
    invited = await connection.execute(query.where(meeting_invitations.c.session == session.number, *whom))
    at = starts_at.astimezone(ZoneInfo(page.calendar.timezone)).isoformat()
    rows = [
        outbox_row(
            f"{kind}:{session.number}:{row.agency}:{uuid.uuid4()}",  # moved there and back, it is news again
            kind,
            now,
            {"case": row.code, "body": row.agency, "session": session.number, "starts_at": at}
            | {"place": place, "reason": reason},
        )
        for row in invited
        if row.code
    ]
    if rows:
        await connection.execute(insert(outbox), rows)
