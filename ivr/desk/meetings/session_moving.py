"""A session on another day, and one that begins late: whoever has a slot is called once with the new hour."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.meetings import MeetingWay, RequestAction
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import meeting_calls
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings import agenda, body_notices, hour_planning
from ivr.desk.meetings.request_deciding import Deciding, deciding, held, today
from ivr.desk.meetings.session_planning import (
    BEGINS,
    LONGEST,
    YET_TO_COME_IN,
    alone,
    booked,
    note,
    refuse_day_off,
    refuse_hour,
    refuse_twice,
    sits,
    tell,
    unchanged,
)
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import meeting_sessions, meeting_slots

MOST_LATE = timedelta(hours=6)


async def move(
    books: Books,
    page: Page,
    ask: Instruction,
    number: int,
    starts_at: datetime,
    place: str = "",
    even_off: bool = False,
    person: uuid.UUID | None = None,
    seen: datetime | None = None,
) -> list[str]:
    """The whole session, with everybody's slot, to another hour and `place` ("": the same). Their codes.

    `ask.code` is of no matter; `seen`: its end when they looked. Raises Refused without a reason, once
    somebody came in there, on a day off, when the official sits elsewhere then, and where it has changed.
    """
    _check(ask)
    refuse_hour(starts_at, ask.now)
    if len(place) > LONGEST:
        raise WrongField("place", f"at most {LONGEST} characters")
    refuse_day_off(page, starts_at, even_off)
    async with transaction(books) as connection:
        await alone(connection)
        session = await unchanged(connection, number, seen)
        if await sits(connection, number):
            raise Refused(f"session {number} has begun and can't be moved")
        its = meeting_sessions.c
        by = starts_at - await begins(connection, session)
        await refuse_twice(connection, session, starts_at, session.ends_at + by, but=number)
        place = (place.strip() or session.place) if session.way == MeetingWay.IN_PERSON else session.place
        values = {"starts_at": starts_at, "ends_at": its.ends_at + by, "place": place}
        await connection.execute(update(meeting_sessions).where(its.number == number).values(values))
        await tell(connection)
        told = (starts_at, place, ask.reason.strip(), ask.now)
        await body_notices.tell_moved(connection, page, session, *told)
        codes = await booked(connection, number, ask.now)
        await _shift(connection, number, by, arrived_at=None)  # nobody is there yet on the new day
        for code in codes:
            one_ask = Instruction(code, ask.actor, ask.reason, ask.now)
            async with deciding(connection, page, one_ask, RequestAction.MOVE) as one:
                await _told(one, meeting_calls.MOVED)
        was = {"was": session.starts_at.isoformat(), "becomes": starts_at.isoformat()}
        await note(connection, ask.now, "meeting_moved", number, person, ask.reason.strip(), **was)
    return codes


async def delay(
    books: Books,
    page: Page,
    ask: Instruction,
    number: int,
    minutes: int,
    person: uuid.UUID | None = None,
    seen: datetime | None = None,
) -> list[str]:
    """On its day: whoever is yet to come in is heard so much later, and is called. Their codes.

    Where nobody came in yet, or an hour of calls is yet to come, it begins so much later; else it lasts so
    much longer. Two who tell of one delay make it one: `seen` is its end when they looked. Raises Refused
    where that has changed, without a reason, on another day, for a session that would end on the next, and
    where it would last into another one of that official.
    """
    _check(ask)
    most = MOST_LATE // timedelta(minutes=1)
    if not 1 <= minutes <= most:
        raise WrongField("minutes", f"a delay has 1 to {most} minutes")
    by = timedelta(minutes=minutes)
    async with transaction(books) as connection:
        await alone(connection)
        session = await unchanged(connection, number, seen)
        day = today(page, ask.now)
        if today(page, session.starts_at) != day or today(page, session.ends_at + by) != day:
            raise Refused(f"session {number} is delayed on its day only, and within it")
        await refuse_twice(connection, session, session.ends_at, session.ends_at + by, but=number)
        later = {"ends_at": session.ends_at + by}
        hour = await hour_planning.hour(connection, number)
        begun = await sits(connection, number) if hour is None else hour.starts_at <= ask.now
        if not begun:  # who was missed was told the old hour
            first = await begins(connection, session) if hour is None else hour.starts_at
            later["starts_at"] = first + by
        changed = update(meeting_sessions).where(meeting_sessions.c.number == number)
        await connection.execute(changed.values(later))
        await tell(connection)
        codes = await booked(connection, number, ask.now)
        await _shift(connection, number, by)
        for code in codes:
            one = await held(connection, page, Instruction(code, ask.actor, ask.reason, ask.now))
            one.details["next_on"] = day.isoformat()
            await _told(one, meeting_calls.DELAYED, waits=False)
            told = {name: one.details[name] for name in ("session", "slot", "at")} | {"reason": ask.reason}
            cause = one.part_of_it("delay").cause
            await add_event(connection, cause, one.case.id, ask.now, "meeting_delayed", told, ask.actor.name)
        await note(
            connection, ask.now, "meeting_delayed", number, person, ask.reason.strip(), minutes=minutes
        )
    return codes


def _check(ask: Instruction) -> None:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office plans sessions")
    if not ask.reason.strip():
        raise Refused("a session is moved or delayed with a reason")


async def _told(one: Deciding, what: str, waits: bool = True) -> None:
    slot = await agenda.slot_of(one.connection, one.case.id)
    assert slot is not None, "who is booked has a slot"
    if waits:
        await one.wait(today(one.page, slot.starts_at))
    await agenda.invite(one, slot, what)
    one.details |= {"session": slot.session, "slot": slot.slot, "at": agenda.there(one.page, slot)}


async def begins(connection: AsyncConnection, session: Row[Any]) -> datetime:
    """With its first slot, also where it is late; delayed while it sits it has begun."""
    query = select(BEGINS).where(meeting_sessions.c.number == session.number)
    at: datetime = (await connection.execute(query)).scalar_one()
    return at


async def _shift(connection: AsyncConnection, number: int, by: timedelta, **more: Any) -> None:
    """Every slot that is still to come."""
    its = (meeting_slots.c.session == number, *YET_TO_COME_IN)
    later = update(meeting_slots).where(*its).values(starts_at=meeting_slots.c.starts_at + by, **more)
    await connection.execute(later)
