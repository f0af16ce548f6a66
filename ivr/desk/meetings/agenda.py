"""Who is heard in which slot: filled in the fair order, changed by hand on record, and what came of each.

Whoever reads it as the head of a body sees the slots that need that body, of his own sessions all, and none
about himself. What is kept from somebody, or lies in other counties than theirs, is not on their agenda.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.hearing_order import COOLING, in_blocks
from ivr.cases.meetings import LONGEST_WAIT, MOVES, SLOTTED, MeetingWay, RequestAction, RequestState
from ivr.cases.same_citizen import Acquaintances, is_same
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case import meeting_calls
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import MACHINE
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings import request_list
from ivr.desk.meetings.request_deciding import RELEASED, Deciding, deciding, held, lists_of, today
from ivr.desk.meetings.request_list import EVERYTHING, MeetingRequest
from ivr.desk.meetings.session_planning import BEGINS, EMPTY, alone, give_up_ended, planned, tell_off
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import case_events, cases, meeting_requests, meeting_sessions, meeting_slots

A, S = RequestAction, RequestState
NOTICE = timedelta(days=1)  # before her slot: with less nobody is put into a gap without being asked
AGAIN = timedelta(days=30)  # until when she hears of another slot, if she wants another day
BY_ITSELF = Actor(MACHINE, Side.MACHINE)


@dataclass(frozen=True, slots=True)
class Seat:
    """A slot. `wish` None: free. `at_the_door`: her national ID, to find her by; it is not for showing."""

    slot: Row[Any]
    wish: MeetingRequest | None
    at_the_door: str = ""


@dataclass(frozen=True, slots=True)
class LostSlot:
    """The slot of somebody who had come for it when the session was called off, and was not heard there."""

    slot: int
    starts_at: datetime
    arrived_at: datetime
    outcome: str = "sent_home"


async def read(
    connection: AsyncConnection, page: Page, now: datetime, number: int, scope: Scope
) -> list[Seat]:
    """The slots in order of time, as far as `scope` may know of them."""
    query = select(meeting_slots).where(meeting_slots.c.session == number).order_by(meeting_slots.c.slot)
    slots = (await connection.execute(query)).all()
    ids = {slot.case_id for slot in slots} - {None}
    whole = await request_list.of_ids(connection, page, now, ids)
    doors = {wish.case.id: wish.case.national_id or "" for wish in whole}
    read = whole if scope == EVERYTHING else await request_list.as_read(connection, scope, whole)
    wishes = {wish.case.id: wish for wish in read}
    seats = [
        Seat(slot, wishes.get(slot.case_id), doors.get(slot.case_id, ""))
        for slot in slots
        if slot.case_id not in doors or slot.case_id in wishes
    ]
    own = bool(scope.agency) and await _is_of(connection, number, scope.agency)
    return [seat for seat in seats if not scope.agency or _needs(seat, scope.agency, own)]


async def is_whole(
    connection: AsyncConnection, number: int, scope: Scope, *, but_apart: bool = False
) -> bool:
    """Whether nothing of its agenda is out of their sight; `but_apart`: beside what is kept from somebody."""
    has_one = select(meeting_slots.c.case_id).where(meeting_slots.c.session == number)
    of_it = has_one.union(_sent_home(number, meeting_requests.c.case_id))
    query = select(cases.c.id).where(cases.c.id.in_(of_it), ~scope.in_sight())
    if but_apart:
        query = query.outerjoin(meeting_requests, meeting_requests.c.case_id == cases.c.id)
        why = (meeting_requests.c.about, cases.c.accused, cases.c.confidential)
        query = query.where(*(column.is_(None) for column in why))
    return (await connection.execute(query.limit(1))).first() is None


async def lost_there(
    connection: AsyncConnection, page: Page, now: datetime, number: int, scope: Scope
) -> list[MeetingRequest]:
    """Who had a slot in a session that was called off, and waits for another."""
    lost = select(case_events.c.id).where(_loses_there(number)).exists()
    query = select(meeting_requests.c.case_id).where(meeting_requests.c.state == S.WAITING, lost)
    ids = (await connection.execute(query)).scalars().all()
    wishes = await request_list.of_ids(connection, page, now, ids)
    return await request_list.as_read(connection, scope, wishes)


async def sent_home(
    connection: AsyncConnection, page: Page, now: datetime, number: int, scope: Scope
) -> list[tuple[LostSlot, MeetingRequest]]:
    """Who had come when that session was called off, and was not heard there; by slot."""
    query = _sent_home(number, meeting_requests.c.case_id, case_events.c.details).order_by(case_events.c.seq)
    lost = {row.case_id: row.details for row in await connection.execute(query)}
    wishes = await request_list.of_ids(connection, page, now, lost)
    found: list[tuple[LostSlot, MeetingRequest]] = []
    for wish in await request_list.as_read(connection, scope, wishes):
        its = lost[wish.case.id]
        hour, came = (datetime.fromisoformat(its[name]) for name in ("starts_at", "arrived_at"))
        found.append((LostSlot(its["slot"], hour, came), wish))
    return sorted(found, key=lambda each: each[0].slot)


def _sent_home(number: int, *columns: Any) -> Select[Any]:
    """None where it was not called off; nor who has a slot there again, as whom a tablet heard meanwhile."""
    slot, its = meeting_slots.c, meeting_sessions.c
    off = select(its.number).where(its.number == number, its.reason != "").exists()
    again = select(slot.slot).where(slot.session == number, slot.case_id == meeting_requests.c.case_id)
    query = select(*columns).select_from(meeting_requests).join(case_events, _loses_there(number))
    return query.where(off, case_events.c.details.has_key("arrived_at"), ~again.exists())


def _loses_there(number: int) -> ColumnElement[bool]:
    """The event by which a request lost its slot in that session."""
    event = case_events.c
    there = event.details["session"].as_integer() == number
    return and_(event.case_id == meeting_requests.c.case_id, event.event == RELEASED, there)


def is_apart(case: Row[Any]) -> bool:
    """Whether it is kept from somebody who may sit there."""
    return bool(case.about or case.accused or case.confidential)


async def _is_of(connection: AsyncConnection, number: int, body: str) -> bool:
    its = (meeting_sessions.c.number == number, meeting_sessions.c.agency == body)
    return (await connection.execute(select(meeting_sessions.c.number).where(*its))).first() is not None


def _needs(seat: Seat, body: str, own: bool) -> bool:
    """`own`: the session is one of the body's own official, who sees all of it but what is about himself."""
    if seat.wish is None:
        return own
    return (own or body in seat.wish.bodies) and seat.wish.case.about != body


async def fill(books: Books, page: Page, by: Actor, number: int, now: datetime) -> list[str]:
    """Give the free slots to those who wait, in the fair order, each body's together. Codes in order of time.

    Who did not come to her last slot is passed over for a while, and who has another slot to come by another
    request: she may be placed by hand.
    """
    async with transaction(books) as connection:
        await alone(connection)
        await planned(connection, number)
        return await _give(connection, page, by, await _free(connection, number, now), now)


async def _give(
    connection: AsyncConnection, page: Page, by: Actor, free: Sequence[Row[Any]], now: datetime, but: str = ""
) -> list[str]:
    if not free:
        return []
    session = await planned(connection, free[0].session)
    next_ones: list[MeetingRequest] = []
    passed = Acquaintances(await connection.execute(select(cases).where(cases.c.code == but)))
    for wish in await request_list.next_for(connection, page, now, session):
        if len(next_ones) == len(free):
            break
        if wish.place.group == COOLING or wish.code == but or _has_one(wish, passed):
            continue
        if await _still_waits(connection, page, Instruction(wish.code, by, now=now)):
            next_ones.append(wish)
            passed.add(wish.case)
    codes = in_blocks([(wish.code, next(iter(wish.bodies), "")) for wish in next_ones])
    for slot, code in zip(free, codes, strict=False):
        async with deciding(connection, page, Instruction(code, by, now=now), A.INVITE) as one:
            await _book(one, slot)
    return codes


def _has_one(wish: MeetingRequest, passed: Acquaintances) -> bool:
    """Whether that citizen has a slot to come, or is one of those."""
    if wish.case.confidential:
        return False
    opened = [case for case in passed.of(wish.case) if not case.confidential]
    return any(other.sure for other in wish.others) or any(is_same(wish.case, case) for case in opened)


async def _still_waits(connection: AsyncConnection, page: Page, ask: Instruction) -> bool:
    """Whoever decides on her request at this moment is waited for. False where it may not be invited then."""
    try:
        return (await held(connection, page, ask)).state in MOVES[A.INVITE].sources
    except Refused:
        return False


async def place(books: Books, page: Page, ask: Instruction, number: int, slot: int) -> None:
    """Put her into that slot by hand, or move her there; who she is put ahead of is counted and on record.

    Raises Refused when the slot is taken or past, and without a reason where she is not next in the order.
    """
    async with transaction(books) as connection:
        await alone(connection)
        session = await planned(connection, number)
        free = [each for each in await _free(connection, number, ask.now) if each.slot == slot]
        if not free:
            raise Refused(f"slot {slot} of session {number} is not free")
        one = await held(connection, page, ask)
        if one.tier not in lists_of(page, session):
            raise Refused(f"request {ask.code} is not on the list of {session.agency}")
        if lists_of(page, session) & {getattr(one.stored, "about", None), one.case.accused}:
            raise Refused(f"case {ask.code} is about {session.agency}: it is kept from that body")
        action = A.MOVE if one.state in SLOTTED else A.INVITE
        ahead_of = await _ahead_of(connection, page, ask, session) if action is A.INVITE else 0
        if ahead_of and not ask.reason.strip():
            raise Refused(f"request {ask.code} is put ahead of {ahead_of} others: that needs a reason")
        async with deciding(connection, page, ask, action) as one:
            await _empty(connection, one.case.id)
            await _book(one, free[0], by_hand=ask.reason.strip(), ahead_of=ahead_of)


async def release(books: Books, page: Page, ask: Instruction, next_on: date) -> None:
    """She can't come, or is not to be heard then: she waits again, and the next in the order has her slot."""
    async with transaction(books) as connection:
        await alone(connection)
        slot = await slot_of(connection, (await held(connection, page, ask)).case.id)
        async with deciding(connection, page, ask, A.RELEASE, next_on=next_on) as one:
            await _empty(connection, one.case.id)
            await one.wait(next_on)
            if slot is not None:
                await tell_off(one, slot)
        await _fill_gap(connection, page, slot, ask)


async def another_day(connection: AsyncConnection, page: Page, ask: Instruction, next_on: date) -> None:
    """She said so on our call, and was told until when she waits; the next in the order has her slot."""
    slot = await slot_of(connection, (await held(connection, page, ask)).case.id)
    async with deciding(connection, page, ask, A.ANOTHER_DAY, next_on=next_on) as one:
        await meeting_calls.cancel(connection, one.case.id, ask.now)
        await _empty(connection, one.case.id)
        await one.wait(next_on)
    await _fill_gap(connection, page, slot, ask)


async def give_up(connection: AsyncConnection, page: Page, ask: Instruction) -> None:
    """She said on our call that she can't come: the office decides what becomes of it."""
    slot = await slot_of(connection, (await held(connection, page, ask)).case.id)
    async with deciding(connection, page, ask, A.GIVE_UP) as one:
        await meeting_calls.cancel(connection, one.case.id, ask.now)
        await _empty(connection, one.case.id)
        await one.wait_no_more()
    await _fill_gap(connection, page, slot, ask)


async def _fill_gap(connection: AsyncConnection, page: Page, slot: Row[Any] | None, ask: Instruction) -> None:
    """The waiting list fills it by itself, while there is time to call and for her to come."""
    if slot is not None and slot.starts_at > ask.now + NOTICE:
        await _give(connection, page, BY_ITSELF, [slot], ask.now, but=ask.code)


async def met(books: Books, page: Page, ask: Instruction) -> None:
    """She was heard. Her case's clock runs on, until what came of it is done."""
    await _over(books, page, ask, A.MEET, "met", met_at=ask.now)


async def missed(books: Books, page: Page, ask: Instruction, at: datetime | None = None) -> None:
    """She did not come. The office decides anew, and she stands behind others for a while.

    `at`: when that was said, if not now.
    """
    await _over(books, page, ask, A.MISS, "no_show", missed_at=at or ask.now)


async def appeared(connection: AsyncConnection, page: Page, ask: Instruction, slot: Row[Any]) -> None:
    """She is there after all: her last slot, of which somebody said that she did not come, is hers again.

    It is moved with the session to where that begins by now. Raises Refused where her request was decided on
    since.
    """
    taking_back = replace(ask, cause=uuid5(ask.cause, A.APPEAR))
    async with deciding(connection, page, taking_back, A.APPEAR) as one:
        begins = select(BEGINS).where(meeting_sessions.c.number == slot.session)
        hour = max(slot.starts_at, (await connection.execute(begins)).scalar_one())
        its = (meeting_slots.c.session == slot.session, meeting_slots.c.slot == slot.slot)
        await connection.execute(update(meeting_slots).where(*its).values(outcome="", starts_at=hour))
        one.details |= {"session": slot.session, "slot": slot.slot}
        await one.wait(today(page, hour))
        others = (meeting_slots.c.case_id == one.case.id, meeting_slots.c.outcome == "no_show")
        before = select(func.max(meeting_slots.c.starts_at)).where(*others)
        one.values["missed_at"] = (await connection.execute(before)).scalar()


async def _over(
    books: Books, page: Page, ask: Instruction, action: RequestAction, outcome: str, **noted: datetime
) -> None:
    async with transaction(books) as connection:
        await alone(connection)
        async with deciding(connection, page, ask, action) as one:
            its = (meeting_slots.c.case_id == one.case.id, meeting_slots.c.outcome == "")
            slot = (await connection.execute(select(meeting_slots).where(*its))).one()
            if today(page, slot.starts_at) > today(page, ask.now):
                raise Refused(f"the day of request {ask.code} has not come yet")
            over: dict[str, Any] = {"outcome": outcome}
            if action is A.MISS:
                over["began_at"] = None  # "in the room" was a slip
            await connection.execute(update(meeting_slots).where(*its).values(over))
            one.details |= {"session": slot.session, "slot": slot.slot}
            await one.wait_no_more()
            await meeting_calls.cancel(connection, one.case.id, ask.now)
            one.values |= noted


async def slot_of(connection: AsyncConnection, case: UUID) -> Row[Any] | None:
    """The slot she has, or had last; with the session's number."""
    query = select(meeting_slots).where(meeting_slots.c.case_id == case)
    return (await connection.execute(query.order_by(meeting_slots.c.starts_at.desc()).limit(1))).first()


async def slots_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """By case the slot that each has, or had last, with its session's official, of which body, and place."""
    its = meeting_sessions.c
    query = select(meeting_slots, its.official, its.agency, its.place).join(
        meeting_sessions, its.number == meeting_slots.c.session
    )
    query = query.where(meeting_slots.c.case_id.in_(ids)).order_by(meeting_slots.c.starts_at)
    return {row.case_id: row for row in await connection.execute(query)}


async def _free(connection: AsyncConnection, number: int, now: datetime) -> Sequence[Row[Any]]:
    """Slots that are still to come and nobody's; those whose case has ended meanwhile are given up."""
    await give_up_ended(connection, number, now)
    its = (meeting_slots.c.session == number, meeting_slots.c.outcome == "", meeting_sessions.c.ends_at > now)
    query = select(meeting_slots).join(meeting_sessions, meeting_sessions.c.number == meeting_slots.c.session)
    query = query.where(*its, meeting_slots.c.case_id.is_(None), meeting_slots.c.starts_at > now)
    return (await connection.execute(query.order_by(meeting_slots.c.slot))).all()


async def _ahead_of(connection: AsyncConnection, page: Page, ask: Instruction, session: Row[Any]) -> int:
    waiting = await request_list.next_for(connection, page, ask.now, session)
    return next((at for at, wish in enumerate(waiting) if wish.code == ask.code), 0)


async def _book(one: Deciding, slot: Row[Any], by_hand: str = "", ahead_of: int = 0) -> None:
    """The request's row must be there first: it is what the slot names."""
    ask, day = one.ask, today(one.page, slot.starts_at)
    await one.wait(day)
    await invite(one, slot)
    one.details |= {"session": slot.session, "slot": slot.slot, "at": there(one.page, slot)}
    if ahead_of:
        one.details["ahead_of"] = ahead_of
    row = {"case_id": one.case.id, "by_hand": by_hand, "ahead_of": ahead_of}
    row |= {"placed_by": ask.actor.name, "placed_at": ask.now}
    its = (meeting_slots.c.session == slot.session, meeting_slots.c.slot == slot.slot)
    await one.connection.execute(update(meeting_slots).where(*its).values(row))


def there(page: Page, slot: Row[Any]) -> str:
    """When it begins, by the province's clock."""
    at: datetime = slot.starts_at.astimezone(ZoneInfo(page.calendar.timezone))
    return at.isoformat()


async def invite(one: Deciding, slot: Row[Any], what: str = meeting_calls.INVITED) -> None:
    """She is called with day, hour and place, and asked whether she comes; an SMS tells number or address."""
    session = await planned(one.connection, slot.session)
    told = {"what": what, "session": slot.session, "slot": slot.slot}
    told |= {"starts_at": there(one.page, slot), "official": session.official, "agency": session.agency}
    told |= {"way": session.way}
    in_person = session.way == MeetingWay.IN_PERSON
    told |= {"place": session.place} if in_person else {"place": "", "link": session.link}
    now, day = today(one.page, one.ask.now), today(one.page, slot.starts_at)
    again_on = max(
        now + AGAIN, min(day + timedelta(days=1), now + LONGEST_WAIT)
    )  # ahead whenever she is told
    await one.call_her(told | {"again_on": again_on.isoformat()})


async def _empty(connection: AsyncConnection, case: Any) -> None:
    its = (meeting_slots.c.case_id == case, meeting_slots.c.outcome == "")
    await connection.execute(update(meeting_slots).where(*its).values(EMPTY))
