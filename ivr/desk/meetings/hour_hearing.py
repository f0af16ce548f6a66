"""Who talked with the official on the hotline was heard by him: a meeting held by telephone, on record.

Her case is in the books a moment after her words; until then, and while the books are away, this waits.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.live_hour import HourCallState, HourOutcome
from ivr.cases.meetings import MOVES, SLOTTED, RequestAction, RequestState
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.meetings import agenda, hour_queue, session_day
from ivr.desk.meetings.request_deciding import held, today
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.meetings.session_planning import alone, planned
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from ivr.store.tables import cases, hour_calls, meeting_slots

log = logging.getLogger(__name__)

HEARD = "hour_heard"  # the event
NOTING = "hearings in an hour"  # the step
_BECOMES_A_MEETING = MOVES[RequestAction.ACCEPT].sources | SLOTTED | {RequestState.WAITING}


async def note(
    books: Books,
    page: Page,
    ask: Instruction,
    number: int,
    hearing: Hearing | None = None,
    seen: str | None = None,
) -> None:
    """That she was heard in that hour, and the minutes of it where there are any. Once, however often.

    `seen` as of `session_day.write`. Raises NoSuchCase; Refused for a case whose citizen has not talked with
    the official there, by others, and where her request can't be met as it stands.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office runs a session")
    if hearing is not None:
        session_day.check_minutes(hearing)
    async with transaction(books) as connection:
        call, case = await _noted(connection, ask, number)
        await _seat(connection, page, replace(ask, seen=None), number, call, case)
        if hearing is not None:
            slot = await session_day.slot_there(connection, number, case.id, "met")
            if slot is None:  # she was heard, but what she asked for is no meeting of his
                one = await held(connection, page, replace(ask, seen=None))
                raise Refused(f"request {ask.code} is {one.state}: {RequestAction.MEET} is not possible")
            await session_day.write(connection, ask, slot, hearing, seen)


async def keep_noting(engine: AsyncEngine, page: Page, now: datetime, aside: Aside | None = None) -> int:
    """Calls that ended without a note of his: who talked was heard all the same. How many were noted.

    One that the books can't take is put `aside`. Whose request can't be met as it stands has the deed in her
    case; a note of his is tried on her request anew.
    """
    async with engine.begin() as connection:
        await hour_queue.give_up_dead(connection, now)
        query = select(hour_calls).join(cases, cases.c.code == hour_calls.c.code)
        query = query.where(hour_calls.c.outcome == HourOutcome.HEARD, hour_calls.c.noted_at.is_(None))
        query = query.order_by(hour_calls.c.joined_at)
        calls = {call.call_id: call for call in await connection.execute(query)}

    async def noted(call: Row[Any]) -> int:
        number, cause = call.session, uuid.uuid5(call.call_id, HEARD)
        ask = Instruction(call.code, Actor(call.taken_by, Side.DESK), now=now, cause=cause)
        async with engine.begin() as connection:
            its, case = await _noted(connection, ask, number, call.call_id)
            try:
                async with connection.begin_nested():
                    await _seat(connection, page, ask, number, its, case)
            except Refused as why:  # as where her case is another body's since
                log.warning("case %s was heard in hour %d and has no slot there: %s", ask.code, number, why)
        return 1

    return await (aside or Aside()).each(NOTING, calls, noted, now)


async def _noted(
    connection: AsyncConnection, ask: Instruction, number: int, call_id: uuid.UUID | None = None
) -> tuple[Row[Any], Row[Any]]:
    """That call, else her last one, and its case, with the deed in it whatever becomes of it: heard."""
    await alone(connection)
    call = await _talked(connection, number, ask.code, call_id)
    case = await locked(connection, ask.code)
    if call.noted_at is None:
        told = {"session": number, "recorded": call.records, "at": call.since.isoformat()}
        heard = uuid.uuid5(ask.cause, HEARD)
        await add_event(connection, heard, case.id, ask.now, HEARD, told, actor=ask.actor.name)
        noted = update(hour_calls).where(hour_calls.c.call_id == call.call_id)
        await connection.execute(noted.values(noted_at=ask.now))
    return call, case


async def _talked(connection: AsyncConnection, number: int, code: str, call_id: uuid.UUID | None) -> Row[Any]:
    """With `since`: when they began. Older releases did not write it where the books were away meanwhile."""
    its = hour_calls.c
    heard = or_(its.talked_at.is_not(None), its.outcome == HourOutcome.HEARD)
    since = func.coalesce(its.talked_at, its.taken_at).label("since")
    query = select(hour_calls, since).where(its.session == number, its.code == code, heard)
    if call_id is not None:  # whose line broke may have called again in that hour about the same case
        query = query.where(its.call_id == call_id)
    found = (await connection.execute(query.order_by(its.joined_at.desc()).limit(1))).first()
    if found is None or found.state not in (HourCallState.TALKING, HourCallState.OVER):
        raise Refused(f"nobody has talked with the citizen of case {code}")
    return found


async def _seat(
    connection: AsyncConnection, page: Page, ask: Instruction, number: int, call: Row[Any], case: Row[Any]
) -> None:
    """The call is a slot of that session, and her request is met: once. Raises Refused."""
    if case.kind != Kind.MEETING or case.part_of or case.member_of:
        return  # no meeting of its own
    if await session_day.slot_there(connection, number, case.id, "met") is not None:
        return
    await planned(connection, number)
    state = (await held(connection, page, ask)).state
    if state not in _BECOMES_A_MEETING:
        return
    if state in SLOTTED:  # she needs the slot no more that she has elsewhere
        tomorrow = today(page, ask.now) + timedelta(days=1)
        why = f"heard in hour {number}"
        release = replace(ask, cause=uuid.uuid5(ask.cause, "release"), reason=why)
        await agenda.release(connection, page, release, tomorrow)
    slot = await session_day.seated(connection, page, ask, number, call.since)
    its = (meeting_slots.c.session == number, meeting_slots.c.slot == slot)
    times = {"began_at": call.since, "ended_at": call.ended_at or ask.now}
    await connection.execute(update(meeting_slots).where(*its).values(times))
    await agenda.met(connection, page, replace(ask, cause=uuid.uuid5(ask.cause, "met")))
