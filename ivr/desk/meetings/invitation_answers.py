"""What she answered on our call about her meeting. The waiting list fills the gap by itself."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.callback import MEETING_ANSWERS, Outcome
from ivr.cases.meetings import SLOTTED, RequestAction, RequestState
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case import meeting_calls
from ivr.desk.case.callback_planning import MEETING, REMINDER
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.meetings import agenda
from ivr.desk.meetings.request_deciding import deciding, held
from ivr.desk.meetings.session_planning import alone
from ivr.store.tables import callback_attempts, callbacks, cases

SHE = Actor(CITIZEN, Side.CITIZEN)


async def heard(connection: AsyncConnection, page: Page, attempt: uuid.UUID, now: datetime) -> None:
    """Act on it, where the slot she was told of is still hers. Applying it again changes nothing."""
    call = await _call(connection, attempt)
    if call is None:
        return
    await alone(connection)
    slot = await agenda.slot_of(connection, call.case_id)
    told = (call.notice.get("session"), call.notice.get("slot"))
    if slot is None or slot.outcome or (slot.session, slot.slot) != told:
        return
    ask = Instruction(call.code, SHE, now=now, cause=uuid.uuid5(attempt, "meeting"))
    state = (await held(connection, page, ask)).state
    last = call.notice["what"] in (REMINDER, meeting_calls.DELAYED)
    if last or meeting_calls.is_told_once(call.notice, now):  # after the others a reminder is yet to come
        await meeting_calls.cancel(connection, call.case_id, now)
    match Outcome(call.last_outcome):
        case Outcome.COMES if state is RequestState.INVITED:
            async with deciding(connection, page, ask, RequestAction.CONFIRM):
                pass
        case Outcome.CANT_COME if state in SLOTTED:
            await agenda.give_up(connection, page, ask)
        case Outcome.ANOTHER_DAY if state in SLOTTED:
            await agenda.another_day(connection, page, ask, date.fromisoformat(call.notice["again_on"]))


async def _call(connection: AsyncConnection, attempt: uuid.UUID) -> Row[Any] | None:
    """The call-back of that attempt, if it was about a slot and she pressed a key."""
    query: Select[Any] = select(
        callbacks.c.case_id, callbacks.c.notice, callbacks.c.last_outcome, cases.c.code
    )
    query = query.join(callback_attempts, callback_attempts.c.callback_id == callbacks.c.id)
    query = query.join(cases, cases.c.id == callbacks.c.case_id)
    about = (callbacks.c.purpose == MEETING, callbacks.c.last_outcome.in_(MEETING_ANSWERS))
    found: Row[Any] | None = (
        await connection.execute(query.where(callback_attempts.c.id == attempt, *about))
    ).first()
    return found
