"""A number or a national ID that was written down wrongly in a case is put right by the desk.

From which number a call came stays as the network told it. No digit goes into the case's story, which nobody
can take away when it becomes nameless; the audit has who did it, and what it was and became, masked.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import national_id, phone
from ivr.cases.channels import NOBODYS, PHONE
from ivr.cases.search import plain_number
from ivr.cases.statuses import Status
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning
from ivr.desk.case.change import Books, Instruction, unchanged
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.people import auditing, unsealing
from ivr.desk.refusals import Refused, WrongField
from ivr.store import named_lock
from ivr.store.tables import cases, outbox

EVENT = "contact_corrected"  # in the case's story and in the audit


@dataclass(frozen=True, slots=True)
class RightContact:
    """How it is right, "" = as it is. `caller`: her own number, where no call told it.

    `person`, `address`: who says so, from where, for the audit and the seal; no person at the command line.
    """

    caller: str = ""
    callback: str = ""
    national_id: str = ""
    person: uuid.UUID | None = None
    address: str = ""


async def put_right(books: Books, page: Page, ask: Instruction, wanted: RightContact) -> None:
    """From now on she is called, known by her number and found as it is right; what waits for her goes along.

    Raises NoSuchCase, WrongField, and Refused to others than the desk, where the case is nobody's own or
    nameless, confidential and not opened to that person, or where she is being rung.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused(f"case {ask.code} can't be put right by the {ask.actor.side}, only by the desk")
    async with transaction(books) as connection:
        await named_lock.alone(connection, named_lock.OUR_CALLS)  # what she says on one of ours holds it, too
        case = await locked(connection, ask.code)
        unchanged(case, ask)
        await _refuse(connection, case, ask, wanted)
        new = dict(_new(case, page, wanted))
        if not new:
            raise Refused(f"case {ask.code} has just that already: write what is right")
        before = callback_planning.number_of(case._mapping)
        rings = before != callback_planning.number_of({**case._mapping, **new})
        if rings and await callback_planning.is_ringing(connection, case.id):
            raise Refused(f"case {ask.code} is being called about: wait until that call is over")
        changed = update(cases).where(cases.c.id == case.id).values(new).returning(*cases.c)
        row = (await connection.execute(changed)).one()
        given = sorted(new.keys() - {"caller_key"})
        details = {"given": given}
        await add_event(connection, ask.cause, case.id, ask.now, EVENT, details, actor=ask.actor.name)
        its = {"person": wanted.person, "case": case.id, "address": wanted.address}
        await auditing.note(connection, ask.now, EVENT, detail=_audited(case, row, given), **its)
        if rings:
            await _go_along(connection, row, before, ask)


async def _refuse(
    connection: AsyncConnection, case: Row[Any], ask: Instruction, wanted: RightContact
) -> None:
    if case.channel in NOBODYS or case.status == Status.MERGED:
        raise Refused(f"case {ask.code} has no number of its own: do that to the one in which hers goes on")
    if case.anonymised_at is not None:
        raise Refused(f"case {ask.code} is anonymised: nobody writes there again whose it was")
    if case.confidential and not (
        wanted.person and await unsealing.opened(connection, wanted.person, case.id, ask.now)
    ):
        raise Refused(f"case {ask.code} is confidential: another one of the few must allow it first")


def _new(case: Row[Any], page: Page, wanted: RightContact) -> Iterator[tuple[str, str]]:
    """The columns that become others. Raises WrongField."""
    for field in ("caller", "callback"):
        typed: str = getattr(wanted, field).strip()
        if not typed:
            continue
        if field == "caller" and case.channel == PHONE:
            raise WrongField(field, "the number from which a call came stays")
        if not phone.is_callable(typed, page.area_code):
            raise WrongField(field, "is no Iranian number that can be called")
        full = phone.normalise(typed, page.area_code)
        if full != getattr(case, "caller_key" if field == "caller" else field):
            yield field, full
            if field == "caller":
                yield "caller_key", full
    identity = plain_number(wanted.national_id)
    if identity and not national_id.is_valid(identity):
        raise WrongField("national_id", "is no national ID")
    if identity and identity != case.national_id:
        yield "national_id", identity


def _audited(before: Row[Any], after: Row[Any], given: list[str]) -> dict[str, Any]:
    """Of a confidential case no digit, and none of a national ID."""
    numbers = [] if before.confidential else [name for name in given if name != "national_id"]
    masked = {
        name: [phone.mask(getattr(row, name)) if getattr(row, name) else "" for row in (before, after)]
        for name in numbers
    }
    return {"given": given} | masked


async def _go_along(connection: AsyncConnection, case: Row[Any], before: str, ask: Instruction) -> None:
    """What was to be told on the number of before; anew, if it was heard there and nobody judged it.

    So it is with what ended as nobody answered there: hers has not rung.
    """
    its = outbox.c
    unsent = or_(its.delivered_at.is_(None), its.dead_at.is_not(None))
    hers = (its.payload["case"].as_string() == case.code, its.payload["to"].as_string() == before)
    ends = update(outbox).where(unsent, its.kind == "sms", *hers)
    why = {"last_error": "her number was put right since"}
    await connection.execute(ends.values(delivered_at=ask.now, dead_at=None, **why))
    await callback_planning.move(connection, case, ask.now)
    heard = case.status == Status.ANSWERED and not await callback_planning.is_to_tell(connection, case.id)
    if heard or await _ended_in_vain(connection, case):
        await callback_planning.plan(connection, case, f"answer:{ask.cause}", ask.now)


async def _ended_in_vain(connection: AsyncConnection, case: Row[Any]) -> bool:
    if case.closed_at is None or not callback_planning.still_tells(case):
        return False
    return await callback_planning.was_rung_in_vain(connection, case)
