"""What a citizen is to be told by telephone, and on which number. When she is rung: `ivr.desk.callbacks`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.store.tables import callbacks, cases

ANSWER, STATUS = "answer", "status"  # purposes: an answer to be confirmed; how the case stands
PHONE = "phone"
NOBODYS = frozenset({"part", "collective"})  # channels of cases about which nobody waits to be called


async def plan(connection: AsyncConnection, case: Row[Any], key: str, now: datetime) -> None:
    """Have the citizen called about the answer to her case. What else she waits to be told, it tells too."""
    if case.channel in NOBODYS:
        return
    number = await _number_of(connection, case)
    waiting = (callbacks.c.case_id == case.id, callbacks.c.state == "waiting", callbacks.c.key != key)
    told = or_(callbacks.c.purpose == ANSWER, callbacks.c.number == number)
    await connection.execute(update(callbacks).where(*waiting, told).values(state="cancelled", ended_at=now))
    await _add(connection, case, key, now, ANSWER, number, case.language)


async def wish(
    connection: AsyncConnection, code: str, number: str, language: str, key: str, now: datetime
) -> bool:
    """Whoever asked for a case while the books were away is called about it, as she was promised.

    Her call is the proof that the number called. False when there is no such case.
    """
    case = (await connection.execute(select(cases).where(cases.c.code == code))).first()
    if case is None:
        return False
    same = (callbacks.c.case_id == case.id, callbacks.c.number == number)
    coming = select(callbacks.c.id).where(*same, callbacks.c.state.in_(("waiting", "calling")))
    if (await connection.execute(coming.limit(1))).first() is None:
        await _add(connection, case, key, now, STATUS, number, language or case.language)
    return True


async def _add(
    connection: AsyncConnection,
    case: Row[Any],
    key: str,
    now: datetime,
    purpose: str,
    number: str,
    language: str,
) -> None:
    row = {
        "id": uuid.uuid5(case.id, key),
        "key": key,
        "case_id": case.id,
        "purpose": purpose,
        "number": number,
        "language": language,
        "state": "waiting" if number else "unreachable",
        "created_at": now,
        "next_at": now,
        "ended_at": None if number else now,
    }
    await connection.execute(insert(callbacks).values(row).on_conflict_do_nothing())


async def _number_of(connection: AsyncConnection, case: Row[Any]) -> str:
    """Only a number that has called 111 is called back, and only a citizen's Iranian one; "" = none."""
    for number in (case.callback, case.caller_key):
        if number and phone.is_callable(number) and await has_called(connection, number):
            return phone.normalise(number)
    return ""


async def has_called(connection: AsyncConnection, number: str) -> bool:
    query = select(cases.c.id).where(
        cases.c.caller_key == phone.normalise(number), cases.c.caller_key != "", cases.c.channel == PHONE
    )
    return (await connection.execute(query.limit(1))).first() is not None
