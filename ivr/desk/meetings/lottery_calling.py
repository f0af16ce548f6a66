"""An official rings the citizen of a drawn case: his telephone dials a code, holds the line, and she is rung.

No extension is ever dialled for him: who holds the line is who dialled a code that a signed-in person of the
office was given a minute ago, from a telephone that may (`phones`).
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Side
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import LOTTERY
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import lottery_drawing
from ivr.desk.people import auditing, limiting
from ivr.desk.people.limiting import Limit
from ivr.desk.people.people import has_session
from ivr.desk.refusals import Refused
from ivr.store.tables import callbacks, cases, lottery_calls

CODE_DIGITS = 8
CODE_LIVES = timedelta(seconds=60)
HELD = timedelta(seconds=60)  # how long he waits until her telephone is rung
MOST_WRONG = Limit(10, timedelta(minutes=1))
WRONG_CODES = "board-codes"  # counted with those of the live board: they are dialled alike
GOING_ON = ("waiting", "calling")


@dataclass(frozen=True, slots=True)
class HeldLine:
    """He holds the line, and she is about to be rung. `callback`: our call to her."""

    callback: uuid.UUID


async def ring(engine: AsyncEngine, ask: Instruction, person: uuid.UUID | None, address: str = "") -> str:
    """The code that his telephone is to dial within a minute; on record first.

    Raises Refused for a case that waits for no result, and where nobody is called from here.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused("only the governor's office does that")
    code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
    async with engine.begin() as connection:
        running = await lottery_drawing.current(connection)
        found = await lottery_drawing.read(connection, running)
        one = next((each for each in found if each.case.code == ask.code and not each.case.result), None)
        if one is None:
            raise Refused(f"case {ask.code} waits for no result of a lottery")
        if one.case.confidential is not None:
            raise Refused(f"case {ask.code} is confidential now: nobody is rung about it here")
        if not await callback_planning.calls_back(connection):
            raise Refused("nobody is called from here")
        row = {"id": uuid.uuid4(), "case_id": one.case.id, "asked_by": ask.actor.name, "at": ask.now}
        row |= {"code_hash": _hash(code), "expires_at": ask.now + CODE_LIVES}
        await connection.execute(lottery_calls.insert().values(row))
        await auditing.note(
            connection, ask.now, "lottery_rung", person=person, case=one.case.id, address=address
        )
    return code


async def redeem(
    engine: AsyncEngine, code: str, line: str, phone: str, phones: Collection[str], now: datetime
) -> HeldLine | None:
    """His telephone has dialled it and holds the line: she is to be rung now. None: it stands for nothing,
    as it does where no session of his from then goes on.

    `line`: the channel's unique id; `phone`: its endpoint, which must be among `phones`.
    """
    its = lottery_calls.c
    async with engine.begin() as connection:
        if phone not in phones or await limiting.spent(connection, WRONG_CODES, MOST_WRONG, now):
            return None
        good = (its.code_hash == _hash(code), its.used_at.is_(None), its.expires_at > now)
        still = has_session(its.asked_by, now, its.at)
        used = update(lottery_calls).where(*good, still).values(used_at=now).returning(its.id, its.case_id)
        row = (await connection.execute(used)).first()
        if row is None:
            return None
        case = (await connection.execute(select(cases).where(cases.c.id == row.case_id))).one()
        key, notice = f"lottery:{row.id}", {"line": line, "until": (now + HELD).isoformat()}
        await callback_planning.plan_news(connection, case, key, now, notice, LOTTERY)
        callback = uuid.uuid5(case.id, key)
        await connection.execute(update(lottery_calls).where(its.id == row.id).values(callback_id=callback))
    return HeldLine(callback)


async def goes_on(engine: AsyncEngine, callback: uuid.UUID, now: datetime) -> bool:
    """Whether she is still to be rung, or is on the telephone; who could not be rung by now is not rung."""
    query = select(callbacks.c.state, callbacks.c.created_at).where(callbacks.c.id == callback)
    async with engine.begin() as connection:
        her_call = (await connection.execute(query)).one()
        in_vain = now >= her_call.created_at + HELD
        if in_vain and await callback_planning.call_off(connection, callback, now):
            return False
        return her_call.state in GOING_ON


def _hash(code: str) -> str:
    return hashlib.sha256(f"lottery:{code}".encode("utf-8", "replace")).hexdigest()
