"""The agencies that a session needs: invited, asked for views, reminded; who promised to come, and who came.

A view is owed for each request that needs the body, but never for a complaint about its head.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.attendance import AHEAD, Came, InvitationState, check_answer, reminder_at, view_due
from ivr.cases.meetings import SLOTTED, SessionState
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import outbox_row
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.meetings import agenda, order_giving
from ivr.desk.meetings.agenda import BY_ITSELF
from ivr.desk.meetings.request_deciding import lists_of
from ivr.desk.meetings.request_list import EVERYTHING
from ivr.desk.meetings.session_moving import begins
from ivr.desk.meetings.session_planning import BEGINS, alone, planned, unchanged
from ivr.desk.people import auditing
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.aside import Aside
from ivr.store.tables import (
    cases,
    meeting_invitations,
    meeting_sessions,
    meeting_slots,
    meeting_views,
    outbox,
)

log = logging.getLogger(__name__)

LONGEST_VIEW, LONGEST_NAME = 3000, 200
ASKED, REMINDED = "meeting_view_asked", "meeting_view_late"  # messages, and ASKED an event
GIVEN = "meeting_view_given"  # the event
Owed = tuple[uuid.UUID, str, str]  # a case's id and code, and the body that owes its view of it


@dataclass(frozen=True, slots=True)
class Attendance:
    """An invitation with what of its views was given. `owed`: all; `given`: those with words."""

    invitation: Row[Any]
    owed: int
    given: int


async def invite(
    books: Books,
    page: Page,
    by: Actor,
    number: int,
    now: datetime,
    person: uuid.UUID | None = None,
    aside: Aside | None = None,
) -> list[str]:
    """Invite whom the session needs and nobody invited yet, and ask for the views that are not asked for.

    The bodies that were invited. `aside`: where a view that can't be asked for waits. Raises Refused for a
    session that has begun, and by anybody but the office.
    """
    if by.side not in (Side.DESK, Side.MACHINE):
        raise Refused("only the office invites agencies")
    async with transaction(books) as connection:
        await alone(connection)
        session = await planned(connection, number)
        if await begins(connection, session) <= now:
            raise Refused(f"session {number} has begun")
        owed = await _needed(connection, page, number, now)
        bodies = sorted({body for _, _, body in owed} | await _answering(connection, page, session, now))
        rows = [
            {"session": number, "agency": body, "invited_at": now, "state": InvitationState.INVITED}
            for body in bodies
        ]
        new: list[str] = []
        if rows:
            adding = insert(meeting_invitations).values(rows).on_conflict_do_nothing()
            found = await connection.execute(adding.returning(meeting_invitations.c.agency))
            new = sorted(found.scalars())
        await _ask(connection, page, session, owed, by, now, aside)
        if new:
            subject = f"meeting_session/{number}"
            detail = {"agencies": new}
            await auditing.note(
                connection, now, "meeting_invited", person=person, subject=subject, detail=detail
            )
    return new


async def keep_asking(engine: AsyncEngine, page: Page, now: datetime, aside: Aside | None = None) -> int:
    """Sessions that are near invite whom they need; who owes a view is reminded once. How many."""
    its = meeting_sessions.c  # a delay stays within its day
    soon = (its.starts_at > now - timedelta(days=1), its.starts_at <= now + AHEAD, now < BEGINS)
    query = select(its.number).where(its.state == SessionState.PLANNED, *soon)
    async with engine.connect() as connection:
        numbers = (await connection.execute(query.order_by(its.number))).scalars().all()
    left = aside or Aside()
    for step in (ASKED, REMINDED) if not numbers else ():
        left.none_left(step)

    async def ask(number: int) -> int:
        try:
            new = await invite(engine, page, BY_ITSELF, number, now, aside=left)
        except Refused as refusal:  # it was cancelled this moment
            log.info("nobody is invited: %s", refusal)
            return 0
        return len(new) + await _remind(engine, page, number, now, left)

    return await left.each("sessions", {number: number for number in numbers}, ask, now)


async def answer(
    books: Books,
    ask: Instruction,
    number: int,
    state: InvitationState,
    who: str = "",
    person: uuid.UUID | None = None,
    seen: datetime | None = None,
) -> None:
    """The body of `ask.actor` says whether it comes. `ask.code` is of no matter.

    `seen`: its end when they looked. Raises Refused where that has changed, where the body is not invited,
    once the session has begun, and as `check_answer`.
    """
    check_answer(state, who, ask.reason)
    if len(who) > LONGEST_NAME:
        raise WrongField("who", f"at most {LONGEST_NAME} characters")
    async with transaction(books) as connection:
        await alone(connection)
        session = await unchanged(connection, number, seen)
        if await begins(connection, session) <= ask.now:
            raise Refused(f"session {number} has begun")
        its = (meeting_invitations.c.session == number, meeting_invitations.c.agency == ask.actor.agency)
        row: dict[str, Any] = {
            "state": state,
            "who": who.strip() if state is InvitationState.SUBSTITUTE else "",
        }
        row |= {"reason": ask.reason.strip(), "answered_by": ask.actor.name, "answered_at": ask.now}
        if not (await connection.execute(update(meeting_invitations).where(*its).values(row))).rowcount:
            raise Refused(f"{ask.actor.agency or 'nobody'} is not invited to session {number}")
        await auditing.note(
            connection, ask.now, "meeting_answered", person=person, subject=f"meeting_session/{number}",
            reason=ask.reason.strip(), detail={"agency": ask.actor.agency, "state": str(state)},
        )  # fmt: skip


async def give_view(
    books: Books, page: Page, ask: Instruction, number: int, words: str, scope: Scope | None = None
) -> None:
    """What the body of `ask.actor` says of the request before she is heard; written again, the last counts.

    `scope`: of the person who writes it; None: all that the body sees.
    Raises Refused also where that body is not asked, or is to know of nothing, and once she was heard.
    """
    words = words.strip()
    if not words or len(words) > LONGEST_VIEW:
        raise WrongField("words", f"has 1 to {LONGEST_VIEW} characters")
    async with transaction(books) as connection:
        await planned(connection, number)
        seats = await agenda.read(connection, page, ask.now, number, scope or Scope(ask.actor.agency))
        seat = next((each for each in seats if each.wish and each.wish.code == ask.code), None)
        if seat is None or seat.wish is None or ask.actor.agency not in seat.wish.bodies:
            raise Refused(f"no view of case {ask.code} is asked for")
        if seat.slot.outcome or seat.wish.state not in SLOTTED:
            raise Refused(f"case {ask.code} was heard already")
        case = await locked(connection, ask.code)
        due_at = seat.slot.starts_at
        row = {"case_id": case.id, "agency": ask.actor.agency, "session": number, "asked_at": ask.now}
        given = {"words": words, "given_by": ask.actor.name, "given_at": ask.now}
        done = insert(meeting_views).values(row | given | {"due_at": due_at})
        await connection.execute(
            done.on_conflict_do_update(index_elements=["case_id", "agency"], set_=given | {"session": number})
        )
        told = {"agency": ask.actor.agency, "text": words}
        await add_event(connection, ask.cause, case.id, ask.now, GIVEN, told, ask.actor.name)


async def note_came(books: Books, ask: Instruction, number: int, agency: str, came: Came) -> None:
    """Who of the body was there, once the session has begun."""
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office notes who came")
    async with transaction(books) as connection:
        session = await planned(connection, number)
        if await begins(connection, session) > ask.now:
            raise Refused(f"session {number} has not begun")
        its = (meeting_invitations.c.session == number, meeting_invitations.c.agency == agency)
        row = {"came": came, "came_by": ask.actor.name}
        if not (await connection.execute(update(meeting_invitations).where(*its).values(row))).rowcount:
            raise Refused(f"{agency[:40]} is not invited to session {number}")


async def attendances(connection: AsyncConnection, number: int, agency: str = "") -> list[Attendance]:
    """Of all bodies that were invited, or of one."""
    query = select(meeting_invitations).where(meeting_invitations.c.session == number)
    if agency:
        query = query.where(meeting_invitations.c.agency == agency)
    rows = (await connection.execute(query.order_by(meeting_invitations.c.agency))).all()
    in_slot = (meeting_slots.c.session == number, meeting_slots.c.case_id == meeting_views.c.case_id)
    owed = select(meeting_views.c.agency, meeting_views.c.words).join(meeting_slots, in_slot[1])
    views = (await connection.execute(owed.where(in_slot[0], meeting_views.c.session == number))).all()
    return [
        Attendance(
            row,
            sum(view.agency == row.agency for view in views),
            sum(view.agency == row.agency and bool(view.words) for view in views),
        )
        for row in rows
    ]


async def owed_views(connection: AsyncConnection, number: int) -> list[Row[Any]]:
    """What bodies owe that session, given or not, with the `code` of each case."""
    its = (meeting_views.c.session == number, meeting_slots.c.session == number)
    query = select(meeting_views, cases.c.code).join(cases, cases.c.id == meeting_views.c.case_id)
    query = query.join(meeting_slots, meeting_slots.c.case_id == meeting_views.c.case_id).where(*its)
    order = (meeting_slots.c.slot, meeting_views.c.agency)
    return list((await connection.execute(query.order_by(*order))).all())


async def views_of(
    connection: AsyncConnection, ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, str], Row[Any]]:
    """By case and body: what they said, or owe."""
    found = await connection.execute(select(meeting_views).where(meeting_views.c.case_id.in_(ids)))
    return {(row.case_id, row.agency): row for row in found}


async def _needed(connection: AsyncConnection, page: Page, number: int, now: datetime) -> list[Owed]:
    """What the agenda as it is needs: which body for which case, none for a complaint about its own head."""
    seats = await agenda.read(connection, page, now, number, EVERYTHING)
    return [
        (seat.wish.case.id, seat.wish.code, body)
        for seat in seats
        if seat.wish is not None and not seat.slot.outcome and seat.wish.state in SLOTTED
        for body in seat.wish.bodies
        if body not in (seat.wish.case.about, seat.wish.case.accused) and body in page.rules.agencies
    ]


async def _answering(connection: AsyncConnection, page: Page, session: Row[Any], now: datetime) -> set[str]:
    """Whose orders head the agenda of the office that gave them: their heads are to answer for that."""
    if "" not in lists_of(page, session):
        return set()
    return {*await order_giving.heading(connection, page, now)} - {page.rules.desk, session.agency}


async def _ask(
    connection: AsyncConnection,
    page: Page,
    session: Row[Any],
    owed: Sequence[Owed],
    by: Actor,
    now: datetime,
    aside: Aside | None,
) -> None:
    """What was asked for before another session is owed before this one now; what was given stays."""
    due_at = view_due(page.calendar, await begins(connection, session), now)
    known = await views_of(connection, {id for id, _, _ in owed})

    async def ask(each: Owed) -> int:
        id, _, body = each
        view = known.get((id, body))
        if view is not None and view.session == session.number:
            return 0
        async with connection.begin_nested():
            row = {"session": session.number, "asked_at": now, "due_at": due_at, "reminded_at": None}
            done = insert(meeting_views).values(row | {"case_id": id, "agency": body})
            again = done.on_conflict_do_update(index_elements=["case_id", "agency"], set_=row)
            await connection.execute(again)
            if view is not None and view.words:
                return 0
            at = due_at.astimezone(ZoneInfo(page.calendar.timezone)).isoformat()
            told = {"agency": body, "session": session.number, "until": at}
            await add_event(connection, uuid.uuid4(), id, now, ASKED, told, by.name)
            await _write(connection, ASKED, each, session.number, due_at, now)
        return 1

    in_order = sorted(owed, key=lambda each: (each[1], each[2]))
    if aside is not None:
        await aside.each(ASKED, _by_view(in_order), ask, now)
        return
    for each in in_order:  # a person, who is told why not
        await ask(each)


def _by_view(owed: Iterable[Owed]) -> dict[tuple[uuid.UUID, str], Owed]:
    return {(each[0], each[2]): each for each in owed}


async def _remind(engine: AsyncEngine, page: Page, number: int, now: datetime, aside: Aside) -> int:
    async with engine.begin() as connection:
        await alone(connection)
        owed = await _needed(connection, page, number, now)
        known = await views_of(connection, {id for id, _, _ in owed})

        async def remind(each: Owed) -> int:
            view = known.get((each[0], each[2]))
            if view is None or view.words or view.reminded_at or view.session != number:
                return 0
            if now < reminder_at(view.asked_at, view.due_at):
                return 0
            async with connection.begin_nested():
                its = (meeting_views.c.case_id == each[0], meeting_views.c.agency == each[2])
                await connection.execute(update(meeting_views).where(*its).values(reminded_at=now))
                await _write(connection, REMINDED, each, number, view.due_at, now)
            return 1

        return await aside.each(REMINDED, _by_view(owed), remind, now)


async def _write(
    connection: AsyncConnection, kind: str, owed: Owed, number: int, due_at: datetime, now: datetime
) -> None:
    """A message to the body, by `notices.yaml`."""
    _, code, body = owed
    until = due_at.isoformat()
    payload = {"case": code, "body": body, "until": until, "session": number}
    key = f"{kind}:{number}:{code}:{body}:{uuid.uuid4()}"  # moved there and back, it is news again
    await connection.execute(insert(outbox).values(outbox_row(key, kind, now, payload)))
