"""The line of an official who takes calls himself: who waits, whose turn it is, and how each call ended.

The process that carries a call looks every other second, which says that it lives; what it has not looked at
for a while is gone with it. Her words are a case of their own before she stands here, so nothing hangs on it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.live_hour import HourCallState, HourOffered, HourOutcome, is_live, taken, waiting
from ivr.cases.transitions import Side
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings import hour_planning
from ivr.desk.meetings.session_planning import note, tell
from ivr.desk.refusals import Refused
from ivr.store.named_lock import alone
from ivr.store.tables import hour_calls
from ivr.voice.events import HourState, HourTold

S = HourCallState


async def join(
    engine: AsyncEngine,
    call: uuid.UUID,
    code: str,
    language: str,
    records: bool,
    now: datetime,
    offered: HourOffered | None = None,
) -> HourTold:
    """She stands in line, if an hour is open and has room: the one that she was offered, if one was."""
    async with engine.begin() as connection:
        await alone(connection, "hour calls")
        hours = await hour_planning.hours(connection, now)
        open_ones = [h for h in hours if hour_planning.is_open(h, now) and _is_his(offered, h)]
        for hour in open_ones:
            there = await of_hour(connection, hour.session)
            if len(waiting(there, now)) < hour.room:
                row = {"call_id": call, "session": hour.session, "code": code, "language": language}
                row |= {"records": records, "state": S.WAITING, "joined_at": now, "seen_at": now}
                await connection.execute(hour_calls.insert().values(row))
                await tell(connection)
                return HourTold(HourState.WAITING, len(waiting(there, now)) + 1)
    return HourTold(HourState.FULL if open_ones else HourState.CLOSED)


def _is_his(offered: HourOffered | None, hour: Row[Any]) -> bool:
    """Two heads may take calls at once; one never has two hours at once."""
    return offered is None or (offered.official, offered.agency) == (hour.official, hour.agency)


async def look(engine: AsyncEngine, call: uuid.UUID, now: datetime) -> HourTold:
    """How she stands; says as well that her call is still carried: given up meanwhile, she waits again."""
    async with engine.begin() as connection:
        seen = update(hour_calls).where(hour_calls.c.call_id == call).values(seen_at=now)
        mine = (await connection.execute(seen.returning(hour_calls))).first()
        if mine is None or (mine.state == S.OVER and mine.outcome != HourOutcome.LEFT):
            return HourTold(HourState.CLOSED)
        if mine.state in (S.RINGING, S.TALKING):
            return HourTold(HourState.TURN)
        hour = await hour_planning.hour(connection, mine.session)
        if hour is None or not hour_planning.is_open(hour, now):
            return HourTold(HourState.CLOSED)
        await _change(connection, call, (S.OVER,), state=S.WAITING, outcome="", ended_at=None)
        line = [each.call_id for each in waiting(await of_hour(connection, mine.session), now)]
        return HourTold(HourState.WAITING, 1 + line.index(call))


async def extensions(engine: AsyncEngine, call: uuid.UUID) -> list[str]:
    """Names of those that ring for her hour."""
    async with engine.connect() as connection:
        query = select(hour_calls.c.session).where(hour_calls.c.call_id == call)
        session = (await connection.execute(query)).scalar()
        hour = await hour_planning.hour(connection, session) if session is not None else None
    return list(hour.extensions) if hour is not None else []


async def answered(engine: AsyncEngine, call: uuid.UUID, now: datetime) -> None:
    """They talk."""
    await _put(engine, call, (S.RINGING,), state=S.TALKING, talked_at=now, seen_at=now)


async def unanswered(engine: AsyncEngine, call: uuid.UUID, now: datetime) -> None:
    """His telephone did not answer: she waits again, at her place."""
    await _put(engine, call, (S.RINGING, S.TALKING), state=S.WAITING, talked_at=None, seen_at=now)


async def over(engine: AsyncEngine, call: uuid.UUID, outcome: HourOutcome, now: datetime) -> None:
    """She is in no line any more. The first outcome counts; who talked was heard, also where the sweep gave
    her up, which had seen nobody talk."""
    its = hour_calls.c
    heard = outcome is HourOutcome.HEARD  # though the books were away as they began
    since = func.coalesce(its.talked_at, its.taken_at) if heard else its.talked_at
    came_of_it = case((since.is_not(None), HourOutcome.HEARD.value), else_=outcome.value)
    ended = {"outcome": came_of_it, "talked_at": since, "ended_at": now, "seen_at": now}
    async with engine.begin() as connection:
        if heard:
            given_up = update(hour_calls).where(its.call_id == call, its.outcome == HourOutcome.LEFT)
            await connection.execute(given_up.values(state=S.RINGING))
        await _change(connection, call, (S.WAITING, S.RINGING, S.TALKING), state=S.OVER, **ended)


async def take(
    books: Books, ask: Instruction, number: int, person: uuid.UUID | None = None, address: str = ""
) -> str:
    """It is the turn of who waits first: his telephone rings. Her code.

    Raises Refused when the hour is not open, nobody waits, or he is still with another one.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office runs a session")
    async with transaction(books) as connection:
        await alone(connection, "hour calls")
        hour = await hour_planning.hour(connection, number)
        if hour is None or not hour_planning.is_open(hour, ask.now):
            raise Refused(f"hour {number} is not open")
        there = await of_hour(connection, number)
        if (busy := taken(there, ask.now)) is not None:
            raise Refused(f"the official is still with {busy.code}")
        turn = {"state": S.RINGING, "taken_at": ask.now, "taken_by": ask.actor.name}
        for call in waiting(there, ask.now):
            if await _change(connection, call.call_id, (S.WAITING,), rings=call.rings + 1, **turn):
                await note(connection, ask.now, "hour_call_taken", number, person, case=call.code)
                return str(call.code)
    raise Refused(f"nobody waits in hour {number}")


async def of_hour(connection: AsyncConnection, number: int) -> Sequence[Row[Any]]:
    """Every call that stood in that line, the first in front."""
    query = select(hour_calls).where(hour_calls.c.session == number)
    return (await connection.execute(query.order_by(hour_calls.c.joined_at, hour_calls.c.call_id))).all()


async def give_up_dead(connection: AsyncConnection, now: datetime) -> None:
    """Calls whose process died: who talked was heard, the others have left."""
    query = select(hour_calls).where(hour_calls.c.state != S.OVER)
    gone = [call for call in (await connection.execute(query)).all() if not is_live(call, now)]
    for call in gone:
        outcome = HourOutcome.HEARD if call.state == S.TALKING else HourOutcome.LEFT
        ended = {"state": S.OVER, "outcome": outcome, "ended_at": call.seen_at}
        its = update(hour_calls).where(hour_calls.c.call_id == call.call_id)
        await connection.execute(its.where(hour_calls.c.seen_at == call.seen_at).values(ended))
    if gone:
        await tell(connection)


async def _put(engine: AsyncEngine, call: uuid.UUID, before: Sequence[str], **values: Any) -> None:
    async with engine.begin() as connection:
        await _change(connection, call, before, **values)


async def _change(connection: AsyncConnection, call: uuid.UUID, before: Sequence[str], **values: Any) -> bool:
    """False when it does not stand so any more. How many wait may be another number then: all are told."""
    its = hour_calls.c
    changed = update(hour_calls).where(its.call_id == call, its.state.in_(before)).values(values)
    found = (await connection.execute(changed.returning(its.call_id))).first() is not None
    if found:
        await tell(connection)
    return found
