"""Whose a case is among the people of the body that has it. The body stays responsible."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Text, and_, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.alphabet import persian_order
from ivr.cases.roles import OF_AN_AGENCY, Role
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Instruction, unchanged
from ivr.desk.case.event_log import Told, add_event, tell_all
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from ivr.store.cases import ASSIGNED
from ivr.store.tables import cases, people

BATCH = 200
EVENT = "handed"
_HANDS = tuple(str(role) for role in (*OF_AN_AGENCY, Role.SUPERVISOR, Role.OPERATOR))


async def hand(books: Books, page: Page, ask: Instruction, person: uuid.UUID | None) -> None:
    """Put a case into somebody's hands; None: into nobody's. One event.

    Raises NoSuchCase, or Refused: for a case that has ended, is with another body than the asker's or the
    person's, is out of the person's sight, or theirs already.
    """
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        unchanged(case, ask)
        _refuse(case, ask)
        name = "" if person is None else await _name(connection, page, case, person)
        if case.person_id == person:
            raise Refused(f"case {ask.code} is in these hands already")
        await connection.execute(update(cases).where(cases.c.id == case.id).values(person_id=person))
        details = {"person": str(person) if person else None, "name": name}
        if ask.reason.strip():
            details["reason"] = ask.reason.strip()
        await add_event(connection, ask.cause, case.id, ask.now, EVENT, details, actor=ask.actor.name)


async def let_go(
    engine: AsyncEngine, page: Page, now: datetime, batch: int = BATCH, aside: Aside | None = None
) -> int:
    """Open cases in the hands of somebody who can't work on them any more are nobody's. How many.

    Any worker may, and be interrupted anywhere.
    """
    aside = aside or Aside()

    async def free(connection: AsyncConnection, found: Sequence[Row[Any]]) -> int:
        await tell_all(connection, [_nobodys(case) for case in found], now)
        return len(found)

    return await aside.batches("hands", engine, out_of_hands(page.rules.desk, batch), free, now, batch)


def out_of_hands(desk: str, batch: int) -> Select[Any]:
    """Open cases, locked, of somebody who is gone, has another role or body, or does not see them."""
    body = func.coalesce(people.c.agency, desk)
    elsewhere = and_(
        func.jsonb_array_length(people.c.areas) > 0,
        cases.c.county.is_not(None),
        ~people.c.areas.has_key(cases.c.county),
    )
    is_gone = or_(people.c.locked_at.is_not(None), people.c.role.not_in(_HANDS), body != cases.c.agency)
    is_kept = or_(cases.c.accused == body, cases.c.kept_from.has_key(cast(people.c.id, Text)))
    query = select(cases).join(people, people.c.id == cases.c.person_id)
    query = query.where(ASSIGNED, or_(is_gone, elsewhere, is_kept)).limit(batch)
    return query.with_for_update(of=cases, skip_locked=True, key_share=True)


def _nobodys(case: Row[Any]) -> Told:
    cause = uuid.uuid5(case.id, f"{EVENT}:{case.last_seq + 1}")
    return Told(case.id, cause, EVENT, {"person": None, "name": ""}, {"person_id": None})


async def colleagues(connection: AsyncConnection, page: Page, body: str) -> Sequence[Any]:
    """Who can be given a case of that body: id and full name, in Persian alphabetical order."""
    query = select(people.c.id, people.c.full_name).where(
        people.c.role.in_(_HANDS), people.c.locked_at.is_(None)
    )
    of_body = func.coalesce(people.c.agency, page.rules.desk) == body
    found = (await connection.execute(query.where(of_body))).all()
    return sorted(found, key=lambda row: persian_order(row.full_name))


def _refuse(case: Row[Any], ask: Instruction) -> None:
    if ask.actor.side is Side.CITIZEN:
        raise Refused(f"case {ask.code} can't be handed over by the citizen, only by the desk or agency")
    if ask.actor.side is Side.AGENCY and ask.actor.agency != case.agency:
        raise Refused(
            f"case {ask.code} is with {case.agency}, so {ask.actor.agency} can't have it handed over"
        )
    if case.closed_at is not None:
        raise Refused(f"case {ask.code} has ended: nobody works on it any more")
    if ask.seen is not None and case.last_seq != ask.seen:
        raise Refused(f"case {ask.code} has changed since you looked: it is {case.status} now")


async def _name(connection: AsyncConnection, page: Page, case: Row[Any], person: uuid.UUID) -> str:
    one = (await connection.execute(select(people).where(people.c.id == person))).first()
    if one is None or one.locked_at is not None or one.role not in _HANDS:
        raise Refused("there is no such person to hand a case to")
    if (one.agency or page.rules.desk) != case.agency:
        raise Refused(f"case {case.code} is with {case.agency}, and {one.name} is not of it")
    elsewhere = one.areas and case.county is not None and case.county not in one.areas
    if elsewhere or str(one.id) in (case.kept_from or ()):  # it would lie where nobody looks
        raise Refused(f"case {case.code} is out of the sight of {one.name}")
    return str(one.full_name)
