"""The day of a session: who has come, who is in the room, what was said and decided; who came without a slot.

What a browser sends has a key, and is done once however often it comes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.kinds import Kind
from ivr.cases.meetings import RequestAction, RequestState, SessionState
from ivr.cases.presence import Presence, is_hers, presence
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import meeting_calls
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings import agenda, body_notices
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.request_deciding import RELEASED, deciding, held, today
from ivr.desk.meetings.session_planning import CANCELLED, alone, lose, note, planned, subject_of
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import (
    audit,
    case_events,
    meeting_deeds,
    meeting_minutes,
    meeting_sessions,
    meeting_slots,
)

LONGEST_MINUTES, MOST_PEOPLE = 3000, 20
MINUTES = "meeting_minutes"  # the event
_SLIP = timedelta(minutes=1)  # two deeds so near may have taken longer on their way than lay between them


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is written down of one. `people`: who came with her, herself too."""

    said: str = ""
    decided: str = ""
    people: int = 1


async def first_time(
    connection: AsyncConnection, key: uuid.UUID, ask: Instruction, number: int, deed: str, at: datetime
) -> bool:
    """False: what has this key was done already. In the transaction of the deed itself."""
    row = {"key": key, "session": number, "deed": deed, "done_by": ask.actor.name, "done_at": at}
    done = insert(meeting_deeds).values(row | {"sent_at": ask.now}).on_conflict_do_nothing()
    return bool((await connection.execute(done)).rowcount)


def find(seats: list[Seat], typed: str, first: Presence | None = None) -> Seat | None:
    """Who stands at the door, by code or national ID, among those who have a slot.

    Who asked for two comes for one that stands as `first` says, else for one that is open, or missed.
    """
    hers = [
        seat for seat in seats if seat.wish is not None and is_hers(typed, seat.wish.code, seat.at_the_door)
    ]

    def last(seat: Seat) -> tuple[bool, ...]:
        return presence(seat.slot) is not first, seat.slot.outcome == "met", seat.slot.outcome != ""

    return min(hers, key=last, default=None)


async def arrive(books: Books, page: Page, ask: Instruction, number: int, at: datetime) -> None:
    """She is there, and waits; also of whom it was said before that she did not come.

    Where the session was called off meanwhile, she has lost her slot with the others; so it is in `step_out`.
    """
    async with transaction(books) as connection:
        slot = await _slot(connection, page, ask, number, came=at)
        there = func.coalesce(meeting_slots.c.arrived_at, at)
        await connection.execute(update(meeting_slots).where(*_its(slot)).values(arrived_at=there))
        if slot.began_at is None:
            await _lose_ended(connection, page, ask, slot)


async def begin(books: Books, page: Page, ask: Instruction, number: int, at: datetime) -> None:
    """She comes in. Several may be inside: there may be several tables."""
    async with transaction(books) as connection:
        slot = await _inside(connection, page, ask, number, at)
        times = {"arrived_at": func.coalesce(meeting_slots.c.arrived_at, at), "began_at": at}
        await connection.execute(update(meeting_slots).where(*_its(slot)).values(times))


async def step_out(books: Books, page: Page, ask: Instruction, number: int, at: datetime) -> None:
    """It was not her, or not yet: she waits again. Raises Refused where she came in later than that."""
    async with transaction(books) as connection:
        slot = await _slot(connection, page, ask, number)
        _refuse_later(ask, at, slot.began_at)
        await connection.execute(update(meeting_slots).where(*_its(slot)).values(began_at=None))
        await _lose_ended(connection, page, ask, slot)


async def heard(
    books: Books, page: Page, ask: Instruction, number: int, at: datetime, hearing: Hearing
) -> None:
    """She was heard, and what was said and decided."""
    check_minutes(hearing)
    async with transaction(books) as connection:
        slot = await _inside(connection, page, ask, number, at)
        times = {"began_at": func.coalesce(meeting_slots.c.began_at, at), "ended_at": at}
        await connection.execute(update(meeting_slots).where(*_its(slot)).values(times))
        await agenda.met(connection, page, ask)
        await write(connection, ask, slot, hearing)


async def missed(books: Books, page: Page, ask: Instruction, number: int, at: datetime) -> None:
    """She did not come, or went before she was called in.

    Raises Refused where she came later than that: a tablet without network may tell of it when she is there.
    """
    async with transaction(books) as connection:
        slot = await _slot(connection, page, ask, number)
        _refuse_later(ask, at, slot.arrived_at, slot.began_at)
        await agenda.missed(connection, page, ask, at)


async def amend(
    books: Books, page: Page, ask: Instruction, number: int, hearing: Hearing, seen: str | None = None
) -> None:
    """Minutes written again, after she was heard; the case's story keeps what was decided before.

    `seen` as of `write`. What they wrote themselves since they replace: a tablet keeps one after the other.
    """
    check_minutes(hearing)
    async with transaction(books) as connection:
        _may(ask)
        case = (await held(connection, page, ask)).case
        slot = await slot_there(connection, number, case.id, "met")
        if slot is None:
            raise Refused(f"request {ask.code} was not heard in session {number}")
        await write(connection, ask, slot, hearing, seen, but_by=ask.actor.name)


async def walk_in(
    books: Books, page: Page, ask: Instruction, number: int, at: datetime, wanted: Wanted
) -> tuple[str, int]:
    """Somebody without a slot: her request is registered and accepted, and she waits with a number.

    Code and number. Raises WrongField as registering does.
    """
    _may(ask)
    async with transaction(books) as connection:
        await alone(connection)
        session = await planned(connection, number)
        _refuse_before(page, session, ask)
        wanted = replace(wanted, kind=Kind.MEETING, by=ask.actor.name)
        code = (await register(connection, page, wanted, ask.now)).code
        slot = await seated(connection, page, replace(ask, code=code, seen=None), number, at)
    return code, slot


async def seated(connection: AsyncConnection, page: Page, ask: Instruction, number: int, at: datetime) -> int:
    """A request that is still to be decided on, or waits, gets a further slot there, now. Its number.

    Whoever calls this holds the agendas (`alone`). Raises Refused.
    """
    tomorrow = today(page, ask.now) + timedelta(days=1)
    if (await held(connection, page, ask)).state is not RequestState.WAITING:
        accepting = replace(ask, cause=uuid.uuid5(ask.cause, "accept"))
        async with deciding(connection, page, accepting, RequestAction.ACCEPT, next_on=tomorrow) as one:
            await one.call_home()
    last = select(func.max(meeting_slots.c.slot)).where(meeting_slots.c.session == number)
    slot = int((await connection.execute(last)).scalar_one() or 0) + 1
    booking = replace(ask, cause=uuid.uuid5(ask.cause, "invite"))
    there = at.astimezone(ZoneInfo(page.calendar.timezone))
    async with deciding(connection, page, booking, RequestAction.INVITE) as one:
        one.details |= {"session": number, "slot": slot, "at": there.isoformat()}
    row = {"session": number, "slot": slot, "starts_at": at, "case_id": one.case.id, "arrived_at": at}
    row |= {"placed_by": ask.actor.name, "placed_at": ask.now}
    await connection.execute(meeting_slots.insert().values(row))
    return slot


async def minutes_of(connection: AsyncConnection, number: int) -> dict[uuid.UUID, Row[Any]]:
    """By case."""
    found = await connection.execute(select(meeting_minutes).where(meeting_minutes.c.session == number))
    return {row.case_id: row for row in found}


def check_minutes(hearing: Hearing) -> None:
    for field in ("said", "decided"):
        if len(getattr(hearing, field)) > LONGEST_MINUTES:
            raise WrongField(field, f"at most {LONGEST_MINUTES} characters")
    if not 1 <= hearing.people <= MOST_PEOPLE:
        raise WrongField("people", f"1 to {MOST_PEOPLE}")


def _may(ask: Instruction) -> None:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office runs a session")


async def _inside(
    connection: AsyncConnection, page: Page, ask: Instruction, number: int, at: datetime
) -> Row[Any]:
    """As `_slot`, of whoever came in: hers was given away where the session ended before anybody knew."""
    await alone(connection)
    one = await held(connection, page, ask)
    waits = one.state is RequestState.WAITING
    lost = waits and await _lost_there(connection, one.case.id, number) is not None
    if lost or await _missed_there(connection, one.case.id, number) is not None:
        await _sat(connection, page, ask, number, at)
    if lost:
        await seated(connection, page, ask, number, at)
        await meeting_calls.cancel(connection, one.case.id, ask.now)
    return await _slot(connection, page, ask, number, came=ask.now)


async def _lose_ended(connection: AsyncConnection, page: Page, ask: Instruction, slot: Row[Any]) -> None:
    """Hers, who waits, where the session was called off meanwhile; one that only lasts longer goes on.

    Bodies that were to come for her hear it, too, once: they were told nothing as long as she was inside.
    """
    session = await planned(connection, slot.session)
    if not session.reason or session.ends_at > ask.now:
        return
    tomorrow = today(page, ask.now) + timedelta(days=1)
    before = await _lost_there(connection, slot.case_id, slot.session)
    why = replace(ask, reason=session.reason)
    await lose(connection, page, why, slot.session, max(before or tomorrow, tomorrow))
    if slot.began_at is not None and before is None:
        told = (session.reason, ask.now, True, slot.case_id)
        await body_notices.tell_off(connection, page, session, *told)


async def _lost_there(connection: AsyncConnection, case: uuid.UUID, number: int) -> date | None:
    """Until when she waits, where the slot that she lost last is of that session, which was called off."""
    its = (case_events.c.case_id == case, case_events.c.event == RELEASED)
    query = select(case_events.c.details).where(*its).order_by(case_events.c.seq.desc()).limit(1)
    last = (await connection.execute(query)).scalar() or {}
    return date.fromisoformat(last["next_on"]) if last.get("session") == number else None


async def _missed_there(connection: AsyncConnection, case: uuid.UUID, number: int) -> Row[Any] | None:
    """Her last slot, where it is one of that session of which it was said that she did not come."""
    last = await agenda.slot_of(connection, case)
    return last if last is not None and (last.session, last.outcome) == (number, "no_show") else None


async def _sat(connection: AsyncConnection, page: Page, ask: Instruction, number: int, at: datetime) -> None:
    """Cancelled, for nobody here knew that somebody was in the room on its day, it took place until then."""
    its = (meeting_sessions.c.number == number, meeting_sessions.c.state == SessionState.CANCELLED)
    query = select(meeting_sessions, audit.c.at.label("off")).where(*its, audit.c.action == CANCELLED)
    query = query.join(audit, audit.c.subject == subject_of(number))
    session = (await connection.execute(query)).first()
    if session is not None and at < session.off and today(page, at) == today(page, session.starts_at):
        off = session.off
        ends = {"state": SessionState.PLANNED, "starts_at": min(session.starts_at, at), "ends_at": off}
        await connection.execute(update(meeting_sessions).where(*its).values(ends))
        await note(connection, ask.now, "meeting_ended", number, None, session.reason)


async def _slot(
    connection: AsyncConnection, page: Page, ask: Instruction, number: int, came: datetime | None = None
) -> Row[Any]:
    """Hers there, that is still to come; whoever `came` has also one of which it was said that she did not.

    That was not said long after she came: she may have gone. Nobody else changes an agenda from here on.
    Raises Refused.
    """
    _may(ask)
    await alone(connection)
    session = await planned(connection, number)
    _refuse_before(page, session, ask)
    one = await held(connection, page, ask)
    slot = await slot_there(connection, number, one.case.id, "")
    if slot is None and came is not None:
        last = await _missed_there(connection, one.case.id, number)
        said = one.stored.missed_at if one.stored is not None else None
        gone = said is not None and said > came + _SLIP
        if last is not None and not gone:
            await agenda.appeared(connection, page, ask, last)
            slot = last
    if slot is None:
        raise Refused(f"request {ask.code} waits for no hearing in session {number}")
    return slot


async def slot_there(
    connection: AsyncConnection, number: int, case: uuid.UUID, outcome: str
) -> Row[Any] | None:
    """Hers in that session with that outcome, "" for one that is still to come."""
    its = (meeting_slots.c.session == number, meeting_slots.c.case_id == case)
    query = select(meeting_slots).where(*its, meeting_slots.c.outcome == outcome)
    return (await connection.execute(query)).first()


def _refuse_before(page: Page, session: Row[Any], ask: Instruction) -> None:
    if today(page, session.starts_at) > today(page, ask.now):
        raise Refused(f"the day of session {session.number} has not come yet")


def _refuse_later(ask: Instruction, at: datetime, *came: datetime | None) -> None:
    if any(each is not None and each > at for each in came):
        raise Refused(f"request {ask.code} came later than that")


def _its(slot: Row[Any]) -> tuple[Any, Any]:
    return meeting_slots.c.session == slot.session, meeting_slots.c.slot == slot.slot


async def write(
    connection: AsyncConnection,
    ask: Instruction,
    slot: Row[Any],
    hearing: Hearing,
    seen: str | None = None,
    but_by: str = "",
) -> None:
    """The minutes of whom that slot is, whose case is locked; what was decided into its story.

    `seen`: when those were written that they looked at, "" for none; None: whatever stands there. Raises
    Refused where somebody, other than `but_by`, has written something else since.
    """
    said, decided = hearing.said.strip(), hearing.decided.strip()
    row = {"said": said, "decided": decided, "people": hearing.people}
    if seen is not None:
        there = (await minutes_of(connection, slot.session)).get(slot.case_id)
        if there is not None and all(getattr(there, name) == text for name, text in row.items()):
            return  # sent again, as whose first answer was lost
        if there is not None and there.written_by != but_by and there.written_at.isoformat() != seen:
            raise Refused(f"minutes of request {ask.code} were written since you looked")
    row |= {"written_by": ask.actor.name, "written_at": ask.now}
    done = insert(meeting_minutes).values(row | {"session": slot.session, "case_id": slot.case_id})
    await connection.execute(done.on_conflict_do_update(index_elements=["session", "case_id"], set_=row))
    if decided:  # what she said stays out of the chain, which forgets nothing
        told = {"session": slot.session, "text": decided}
        cause = uuid.uuid5(ask.cause, MINUTES)
        await add_event(connection, cause, slot.case_id, ask.now, MINUTES, told, ask.actor.name)
