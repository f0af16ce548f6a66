"""A supervisor listens in on a call, ends it or takes it over: with a reason, and first it is on record.

To listen and to take over she gets a code that her telephone dials; Asterisk then asks us what it stands for.
So no account of ours may originate such a call, and her telephone without the panel can listen to nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, Text, cast, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people import auditing, limiting
from ivr.desk.people.limiting import Limit
from ivr.desk.people.people import Person, has_session
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.store.tables import (
    agencies,
    callback_attempts,
    callbacks,
    calls,
    cases,
    interventions,
    people,
    recordings,
)

CODE_DIGITS = 8
CODE_LIVES = timedelta(seconds=60)
WRONG_CODES = "board-codes"  # the key under which wrong ones are counted: who dials them proves no name
MOST_WRONG = Limit(10, timedelta(minutes=1))  # of a hundred million
LONGEST_REASON = 500
Json = dict[str, Any]


class Intervening(StrEnum):
    """What she does."""

    LISTEN = "listen"
    END = "end"
    TAKE = "take"


class Unentered(Refused):
    """The call began so lately that it is in no list yet (PATIENCE_SECONDS in ivr/desk/facts/apply.py)."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """On record. `unique_id`: the caller's channel; `code`: what to dial, "" where nothing is."""

    id: uuid.UUID
    action: Intervening
    unique_id: str
    code: str = ""


async def begin(
    engine: AsyncEngine,
    call: uuid.UUID,
    action: Intervening,
    person: Person,
    reason: str,
    now: datetime,
    address: str = "",
) -> Intervention:
    """Write it down.

    Raises WrongField without a reason, Refused when the call is over, Unentered, and NoSuchCase where its
    case is one of which they may not know.
    """
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise WrongField("reason", f"must be given, in at most {LONGEST_REASON} characters")
    code = "" if action is Intervening.END else _fresh_code()
    row: Json = {"id": uuid.uuid4(), "call_id": call, "action": action, "actor": person.name}
    row |= {"reason": reason, "at": now}
    if code:
        row |= {"code_hash": _hash(code), "expires_at": now + CODE_LIVES}
    its = select(calls.c.unique_id, calls.c.ended_at).where(calls.c.id == call)
    async with engine.begin() as connection:
        found = (await connection.execute(its)).first()
        if found is None:
            raise Unentered("the books have no such call yet")
        if (await connection.execute(_hidden(person, call, found.unique_id).limit(1))).first() is not None:
            raise NoSuchCase("there is no such call that they may know of")
        if found.ended_at is not None:
            raise Refused("the call is over")
        await connection.execute(insert(interventions).values(row))
        of, deed = f"call/{call}", f"call_{action}"
        await auditing.note(
            connection, now, deed, person=person.id, subject=of, reason=reason, address=address
        )
    return Intervention(row["id"], action, found.unique_id, code)


async def redeem(engine: AsyncEngine, code: str, now: datetime) -> Intervention | None:
    """What a dialled code stands for, once; None for any other, after many wrong ones, and after the call.

    So it is where its case, opened since, is one of which whoever got the code may not know, and where no
    session of theirs from then goes on.
    """
    its = interventions.c
    good = (its.code_hash == _hash(code), its.used_at.is_(None), its.expires_at > now)
    of = (agencies.c.name.label("agency_name"), its.call_id, calls.c.unique_id)
    whose = select(people, *of).outerjoin(agencies).join(interventions, its.actor == people.c.name)
    whose = whose.join(calls, calls.c.id == its.call_id).where(*good, has_session(its.actor, now, its.at))
    used = (
        update(interventions)
        .where(*good, calls.c.id == its.call_id, calls.c.ended_at.is_(None))
        .values(used_at=now)
        .returning(its.id, its.action, calls.c.unique_id)
    )
    async with engine.begin() as connection:
        if await limiting.spent(connection, WRONG_CODES, MOST_WRONG, now):
            return None
        actor, row = (await connection.execute(whose)).first(), None
        if actor is not None:
            unseen = _hidden(Person.of(actor), actor.call_id, actor.unique_id)
            row = (await connection.execute(used.where(~unseen.exists()))).first()
        if row is None:
            await limiting.count(connection, WRONG_CODES, MOST_WRONG, now)
    return None if row is None else Intervention(row.id, Intervening(row.action), row.unique_id)


async def over(engine: AsyncEngine, intervention: uuid.UUID, now: datetime) -> None:
    """The listening, or the conversation, has ended."""
    async with engine.begin() as connection:
        ended = update(interventions).where(interventions.c.id == intervention).values(over_at=now)
        await connection.execute(ended)


async def of_calls(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Who intervened in these calls, in order."""
    its = interventions.c
    query = select(its.call_id, its.action, its.actor, its.reason, its.at, its.used_at, its.over_at)
    return [*(await connection.execute(query.where(its.call_id.in_(ids)).order_by(its.at)))]


def came_about(row: Row[Any]) -> bool:
    """Whether it was more than wanted: the call was ended, or her telephone dialled its code."""
    return (row.over_at if row.action == Intervening.END else row.used_at) is not None


async def placed_for(connection: AsyncConnection, case: uuid.UUID) -> list[uuid.UUID]:
    """Our calls about a case that somebody answered."""
    attempt = callback_attempts.c
    ours = select(calls.c.id).join(callback_attempts, calls.c.unique_id == cast(attempt.id, Text))
    ours = ours.join(callbacks, callbacks.c.id == attempt.callback_id).where(callbacks.c.case_id == case)
    return [*(await connection.execute(ours)).scalars()]


def _hidden(person: Person, call: uuid.UUID, unique_id: str) -> Select[Any]:
    """Of which they may not know, of those it opened, that got words in it, or for which we placed it."""
    opened = cases.alias()
    its = [select(opened.c.id).where(opened.c.call_id == call)]
    its += [select(recordings.c.case_id).where(recordings.c.call_id == call)]
    with suppress(ValueError):  # a channel of ours is named after its attempt (`loops.dialling`)
        attempt = callback_attempts.c.id == uuid.UUID(unique_id)
        its += [select(callbacks.c.case_id).join(callback_attempts).where(attempt)]
    return select(cases.c.id).where(cases.c.id.in_(union(*its)), ~person.scope.in_sight())


def _fresh_code() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))


def _hash(code: str) -> bytes:
    return hashlib.sha256(f"intervention:{code}".encode("utf-8", "replace")).digest()
