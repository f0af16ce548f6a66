"""Sessions: planned with their slots, cancelled with everybody's next date, listed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, case, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.meetings import (
    FARTHEST,
    MeetingWay,
    Official,
    RequestAction,
    RequestState,
    SessionState,
    slot_times,
)
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case import meeting_calls
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings import body_notices
from ivr.desk.meetings.request_deciding import Deciding, deciding, today
from ivr.desk.people import auditing
from ivr.desk.refusals import Refused, WrongField
from ivr.store import named_lock
from ivr.store.tables import (
    cases,
    live_hours,
    meeting_invitations,
    meeting_requests,
    meeting_sessions,
    meeting_slots,
)

CHANNEL = "ivr_hours"  # NOTIFY: an hour or its line has changed
CANCELLED = "meeting_cancelled"  # in the audit
LONGEST = 300  # characters of a place or a link

# A session begins with its first slot. Once somebody came in it has begun, whatever is delayed then: at its
# hour, or sooner where that was told too late. Who was missed before is moved with nothing.
_ITS_SLOT = meeting_slots.c.session == meeting_sessions.c.number
_STANDS = meeting_slots.c.outcome != "no_show"
_FIRST = select(meeting_slots.c.starts_at).where(_ITS_SLOT, _STANDS).order_by(meeting_slots.c.slot).limit(1)
FIRST_SLOT = func.coalesce(_FIRST.scalar_subquery(), meeting_sessions.c.starts_at)
_CAME_IN = (meeting_slots.c.outcome == "met") | meeting_slots.c.began_at.is_not(None)
_SITS = select(meeting_slots.c.slot).where(_ITS_SLOT, _CAME_IN).exists()
_FIRST_IN = select(func.min(meeting_slots.c.began_at)).where(_ITS_SLOT).scalar_subquery()
BEGINS = case((_SITS, func.least(meeting_sessions.c.starts_at, _FIRST_IN)), else_=FIRST_SLOT)
YET_TO_COME_IN = (meeting_slots.c.outcome == "", meeting_slots.c.began_at.is_(None))


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """A session as somebody plans it. `minutes`: of each slot. `even_off`: on a day off too."""

    official: Official
    agency: str
    starts_at: datetime
    slots: int
    minutes: int = 10
    way: MeetingWay = MeetingWay.IN_PERSON
    place: str = ""
    link: str = ""
    even_off: bool = False


@dataclass(frozen=True, slots=True)
class CalledOff:
    """`codes`: who waits again. `ended`: it had begun, and took place until now; `calls`: an hour of them."""

    codes: list[str]
    ended: bool
    calls: bool = False


async def plan(
    books: Books,
    page: Page,
    by: Actor,
    wanted: PlannedSession,
    now: datetime,
    person: uuid.UUID | None = None,
) -> int:
    """Its number. Raises WrongField, or Refused on a day off and when the official sits elsewhere then."""
    times = slot_times(wanted.starts_at, wanted.minutes, wanted.slots)
    ends_at = times[-1] + timedelta(minutes=wanted.minutes)
    _check(page, by, wanted, now)
    async with transaction(books) as connection:
        await alone(connection)
        await refuse_twice(connection, wanted, wanted.starts_at, ends_at)
        row = {"official": wanted.official, "agency": wanted.agency, "starts_at": wanted.starts_at}
        row |= {"ends_at": ends_at, "way": wanted.way, "place": wanted.place.strip()}
        row |= {
            "link": wanted.link.strip(),
            "state": SessionState.PLANNED,
            "made_by": by.name,
            "made_at": now,
        }
        done = meeting_sessions.insert().values(row).returning(meeting_sessions.c.number)
        number = int((await connection.execute(done)).scalar_one())
        slots = [{"session": number, "slot": at, "starts_at": time} for at, time in enumerate(times, 1)]
        await connection.execute(meeting_slots.insert(), slots)
        await note(connection, now, "meeting_planned", number, person)
    return number


async def cancel(
    books: Books,
    page: Page,
    ask: Instruction,
    number: int,
    next_on: date,
    person: uuid.UUID | None = None,
    seen: datetime | None = None,
) -> CalledOff:
    """It does not take place; whoever had a slot waits again, until `next_on`.

    Once somebody came in it ends now, for those who are still to come in; so does an hour of calls that has
    begun: whom he talks with he has heard. `ask.code` is of no matter.
    `seen`: its end when they looked. Raises Refused where that has changed, without a reason, and for a
    session that is over or cancelled.
    """
    if not ask.reason.strip():
        raise Refused("a session is cancelled with a reason")
    async with transaction(books) as connection:
        await alone(connection)
        session = await unchanged(connection, number, seen)
        if session.ends_at <= ask.now:
            raise Refused(f"session {number} is over")
        calls = session.starts_at <= ask.now and await end_calls(connection, number, ask)
        ended = calls or await sits(connection, number)
        begins = select(BEGINS).where(meeting_sessions.c.number == number)
        began = min((await connection.execute(begins)).scalar_one(), session.starts_at, ask.now)
        codes = await booked(connection, number, ask.now)
        for code in codes:
            await lose(connection, page, Instruction(code, ask.actor, ask.reason, ask.now), number, next_on)
        await body_notices.tell_off(connection, page, session, ask.reason.strip(), ask.now, ended)
        end: dict[str, Any] = {"reason": ask.reason.strip()}
        if ended:
            end |= {"starts_at": began, "ends_at": ask.now}
        else:
            end["state"] = SessionState.CANCELLED
        await connection.execute(
            update(meeting_sessions).where(meeting_sessions.c.number == number).values(end)
        )
        await tell(connection)
        deed = "hour_closed" if calls else "meeting_ended" if ended else CANCELLED
        await note(connection, ask.now, deed, number, person, ask.reason.strip())
    return CalledOff(codes, ended, calls)


async def lose(connection: AsyncConnection, page: Page, ask: Instruction, number: int, next_on: date) -> None:
    """Her slot there, for the session is called off: she waits again, and hears it.

    That she had come for it stands in her story (`agenda.sent_home`).
    """
    async with deciding(connection, page, ask, RequestAction.RELEASE, next_on=next_on) as one:
        one.details["session"] = number
        await one.wait(next_on)
        its = (meeting_slots.c.session == number, meeting_slots.c.case_id == one.case.id)
        hers = (*its, meeting_slots.c.outcome == "")
        slot = (await connection.execute(select(meeting_slots).where(*hers))).one()
        if slot.arrived_at is not None:
            times = {"starts_at": slot.starts_at, "arrived_at": slot.arrived_at}
            one.details |= {"slot": slot.slot} | {name: at.isoformat() for name, at in times.items()}
        await tell_off(one, slot)
        await connection.execute(update(meeting_slots).where(*hers).values(EMPTY))


async def sits(connection: AsyncConnection, number: int) -> bool:
    """Whether somebody was heard there, or is in the room."""
    query = select(meeting_slots.c.slot).where(meeting_slots.c.session == number, _CAME_IN).limit(1)
    return (await connection.execute(query)).first() is not None


async def end_calls(connection: AsyncConnection, number: int, ask: Instruction) -> bool:
    """No further call is taken in that hour. False: it is no hour of calls."""
    its = update(live_hours).where(live_hours.c.session == number)
    return bool((await connection.execute(its.values(closed_at=ask.now, closed_by=ask.actor.name))).rowcount)


EMPTY: dict[str, Any] = {"case_id": None, "by_hand": "", "ahead_of": 0, "placed_by": "", "placed_at": None}
EMPTY |= dict.fromkeys(("arrived_at", "began_at", "ended_at"))


async def booked(connection: AsyncConnection, number: int, now: datetime) -> list[str]:
    """Codes of those who have a slot there and are yet to come in; whose case has ended has none any more."""
    await give_up_ended(connection, number, now)
    query = select(cases.c.code).join(meeting_slots, meeting_slots.c.case_id == cases.c.id)
    query = query.where(meeting_slots.c.session == number, *YET_TO_COME_IN)
    return list((await connection.execute(query.order_by(meeting_slots.c.slot))).scalars())


async def give_up_ended(connection: AsyncConnection, number: int, now: datetime) -> None:
    """The slots of those whose case has ended meanwhile are free; opened again, it is decided on anew.

    Who may know of a slot would come for it: she is told that it is off, unless she withdrew.
    """
    here = (meeting_slots.c.session == number, meeting_slots.c.outcome == "")
    query = select(cases).join(meeting_slots, meeting_slots.c.case_id == cases.c.id)
    query = query.where(*here, cases.c.closed_at.is_not(None)).order_by(meeting_slots.c.slot)
    over = (await connection.execute(query.with_for_update(of=cases, key_share=True))).all()
    ids = [one.id for one in over]
    its = meeting_slots.c.case_id.in_(ids)
    await connection.execute(update(meeting_slots).where(*here, its).values(EMPTY))
    anew = update(meeting_requests).where(meeting_requests.c.case_id.in_(ids))
    await connection.execute(anew.values(state=RequestState.UNDER_REVIEW, next_on=None))
    for one in over:
        if one.status != Status.WITHDRAWN:
            await meeting_calls.decline(connection, one, now)


async def tell_off(one: Deciding, slot: Row[Any]) -> None:
    """That slot is hers no more: who may have heard of it hears that it is off, as long as she might come."""
    invited = await meeting_calls.was_invited(one.connection, one.case.id, slot.session)
    off = {"what": meeting_calls.OFF, "was_at": slot.starts_at.isoformat()}
    await one.call_her(off if invited else {"what": meeting_calls.WAITING})


async def tell(connection: AsyncConnection) -> None:
    """The session may be an hour in which calls are taken: whoever carries calls rereads what they offer."""
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def alone(connection: AsyncConnection) -> None:
    """From here to the end of the transaction nobody else changes an agenda.

    That nobody is booked twice is the index's to see to, whoever comes.
    """
    await named_lock.alone(connection, named_lock.OUR_CALLS)


async def planned(connection: AsyncConnection, number: int) -> Row[Any]:
    """Raises Refused when there is no such session, or it is cancelled."""
    query = select(meeting_sessions).where(meeting_sessions.c.number == number)
    session = (await connection.execute(query)).first()
    if session is None:
        raise Refused(f"there is no session {number}")
    if session.state != SessionState.PLANNED:
        raise Refused(f"session {number} is {session.state}")
    return session


async def unchanged(connection: AsyncConnection, number: int, seen: datetime | None) -> Row[Any]:
    """As `planned`; Refused also where it ends otherwise than when they looked (None: whenever)."""
    session = await planned(connection, number)
    if seen is not None and session.ends_at != seen:
        raise Refused(f"session {number} has changed since you looked")
    return session


async def sittings(connection: AsyncConnection, since: datetime, body: str = "") -> list[Row[Any]]:
    """Sessions from then on, with `slots` and `booked`; with `body` its own, and those it is to attend."""
    query = _counted().where(meeting_sessions.c.ends_at >= since)
    if body:
        its = meeting_sessions.c
        invited = select(meeting_invitations.c.session).where(meeting_invitations.c.agency == body)
        attends = its.number.in_(attended_by(body)) | its.number.in_(invited)
        query = query.where((its.agency == body) | attends)
    return list((await connection.execute(query)).all())


async def sitting(connection: AsyncConnection, number: int) -> Row[Any] | None:
    query = _counted().where(meeting_sessions.c.number == number)
    found: Row[Any] | None = (await connection.execute(query)).first()
    return found


def attended_by(body: str) -> Select[Any]:
    """Numbers of the sessions where a request needs that body and is none about its head."""
    asked = meeting_requests.c
    its = select(meeting_slots.c.session).join(meeting_requests, asked.case_id == meeting_slots.c.case_id)
    its = its.join(cases, cases.c.id == asked.case_id)
    about = [func.coalesce(column, "") != body for column in (asked.about, cases.c.accused)]
    return its.where(asked.bodies.contains([body]), *about)


def _counted() -> Select[Any]:
    of = meeting_slots.c.session == meeting_sessions.c.number
    slots = func.count(meeting_slots.c.slot)  # none of an hour in which nobody's call was taken yet
    counts = (slots.label("slots"), func.count(meeting_slots.c.case_id).label("booked"))
    query = select(meeting_sessions, *counts).outerjoin(meeting_slots, of)
    query = query.group_by(meeting_sessions.c.number)
    return query.order_by(meeting_sessions.c.starts_at, meeting_sessions.c.number)


def _check(page: Page, by: Actor, wanted: PlannedSession, now: datetime) -> None:
    if by.side is not Side.DESK:
        raise Refused("only the office plans sessions")
    if wanted.agency not in page.rules.agencies:
        raise WrongField("agency", f"there is no agency {wanted.agency[:40]}")
    refuse_hour(wanted.starts_at, now)
    if wanted.way is not MeetingWay.IN_PERSON and not wanted.link.strip():
        raise WrongField("link", "a meeting by telephone or video needs a number or an address")
    if wanted.way is MeetingWay.IN_PERSON and not wanted.place.strip():
        raise WrongField("place", "she must be told where to come")
    if max(len(wanted.place), len(wanted.link)) > LONGEST:
        raise WrongField("place", f"at most {LONGEST} characters")
    refuse_day_off(page, wanted.starts_at, wanted.even_off)


def refuse_hour(starts_at: datetime, now: datetime) -> None:
    """Raises WrongField; typed with the year of another calendar it would begin in centuries."""
    if not now < starts_at <= now + FARTHEST:
        raise WrongField("starts_at", f"a session begins later than now, within {FARTHEST.days} days")


def refuse_day_off(page: Page, at: datetime, even_off: bool) -> None:
    """Raises Refused."""
    if not even_off and not page.calendar.is_working(today(page, at)):
        raise Refused(f"{today(page, at)} is a day off")


async def refuse_twice(
    connection: AsyncConnection, wanted: Any, starts_at: datetime, ends_at: datetime, but: int = 0
) -> None:
    """Raises Refused when the official sits elsewhere then. `but`: the session that is being moved."""
    its = meeting_sessions.c
    same = (its.official == wanted.official, its.agency == wanted.agency, its.state == SessionState.PLANNED)
    at_once = (ends_at > BEGINS, its.ends_at > starts_at, its.number != but)
    query = select(its.number).where(*same, *at_once).limit(1)
    if (found := (await connection.execute(query)).scalar()) is not None:
        raise Refused(f"the {wanted.official} of {wanted.agency} sits in session {found} then")


async def note(
    connection: AsyncConnection,
    now: datetime,
    action: str,
    number: int,
    person: uuid.UUID | None,
    reason: str = "",
    **detail: Any,
) -> None:
    """Into the audit."""
    subject = subject_of(number)
    await auditing.note(
        connection, now, action, person=person, subject=subject, reason=reason, detail=detail or None
    )


def subject_of(number: int) -> str:
    """A session, in the audit."""
    return f"meeting_session/{number}"
