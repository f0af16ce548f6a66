"""A case is made confidential: by its caller's key, or by the desk, which says about whom it is.

From then on who she is stays sealed (`ivr.desk.people.scope`), whom it is about is kept from it, and an
agency gets the words that the desk writes for it. Never taken back: what was promised to her holds.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Change, Instruction, must_go, unchanged
from ivr.desk.case.discretion import refuse_collective
from ivr.desk.case.duplicates import went_on_in
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import MOVED
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import cases, people

EVENT = "confided"
LONGEST = 2_000  # characters of what an agency may read


@dataclass(frozen=True, slots=True)
class Secrecy:
    """`accused`: the body it is about; `kept_from`: people, by name; `told`: what an agency may read."""

    accused: str = ""
    kept_from: Sequence[str] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The columns of a case, of its parts and of its duplicates."""

    by: str
    accused: str | None
    kept_from: list[str] | None
    told: str | None
    names: list[str] = field(default_factory=list)


async def confide(books: Books, page: Page, ask: Instruction, wanted: Secrecy = Secrecy()) -> None:
    """Make a case confidential, with its parts and duplicates, or say anew about whom it is. One event each.

    One that an agency has goes to the desk where that is the body it is about, or nothing is written for
    agencies yet; a member leaves its collective case first. Raises NoSuchCase, WrongField, and Refused to an
    agency and for a merged or a collective case.
    """
    if ask.actor.side is Side.AGENCY:
        raise Refused(
            f"case {ask.code} can't be made confidential by the agency, only by the desk or citizen"
        )
    _check(page, ask, wanted)
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        unchanged(case, ask)
        if case.part_of is not None or case.status == Status.MERGED:
            raise Refused(f"case {ask.code} is not made confidential by itself: do that to the whole")
        refuse_collective(case)
        ids = await _ids(connection, wanted.kept_from)
        named = _Sealed(
            case.confidential or ("caller" if ask.actor.side is Side.CITIZEN else "desk"),
            wanted.accused or case.accused,
            sorted({*(case.kept_from or ()), *ids}) or None,
            wanted.told.strip() or case.told,
            sorted(set(wanted.kept_from)),
        )
        its_own = named.accused == page.rules.desk and case.kind != Kind.MEETING
        if ask.actor.side is Side.DESK and its_own and not named.told:
            raise Refused(f"case {ask.code} is confidential: write first what an agency may read of it")
        await _seal(connection, page, ask, case, named)
        await _seal_below(connection, page, ask, case.id, named)


async def confide_below(change: Change, by: str) -> None:
    """The parts and duplicates of a case that another change makes confidential."""
    its = _Sealed(by, None, None, None)
    await _seal_below(change.connection, change.page, change.ask, change.case.id, its)


async def _seal_below(
    connection: AsyncConnection, page: Page, ask: Instruction, above: uuid.UUID, named: _Sealed
) -> None:
    for each in await _below(connection, above):
        its = replace(named, told=each.words or named.told) if each.part_of else named
        await _seal(connection, page, ask, each, its)


async def _below(connection: AsyncConnection, above: uuid.UUID) -> list[Row[Any]]:
    """Its parts, the duplicates that went on in it, and what is below those; locked."""
    is_below = or_(cases.c.part_of == above, went_on_in(above))
    query = select(cases).where(is_below).order_by(cases.c.code).with_for_update(key_share=True)
    found = (await connection.execute(query)).all()
    return [each for one in found for each in (one, *await _below(connection, one.id))]


async def _seal(
    connection: AsyncConnection, page: Page, ask: Instruction, case: Row[Any], its: _Sealed
) -> None:
    values = {"confidential": its.by, "accused": its.accused, "kept_from": its.kept_from, "told": its.told}
    values |= {"member_of": None, "person_id": case.person_id}
    if its.accused == page.rules.desk:
        values["draft"] = None  # nobody of the desk sees it any more: it would wait for ever
    if str(case.person_id) in (its.kept_from or ()):  # else it would lie where nobody looks
        values["person_id"] = None
    seal = update(cases).where(cases.c.id == case.id).values(values).returning(*cases.c)
    sealed = (await connection.execute(seal)).one()
    details: dict[str, Any] = {"by": its.by, "told": bool(its.told)}
    details |= {name: value for name, value in (("agency", its.accused), ("people", its.names)) if value}
    if case.member_of:
        details["left_collective"] = True
    if ask.reason.strip():
        details["reason"] = ask.reason.strip()
    cause = uuid.uuid5(ask.cause, str(case.id))
    await add_event(connection, cause, case.id, ask.now, EVENT, details, actor=ask.actor.name)
    if _must_go(page, sealed):
        quiet = replace(ask, code=case.code, reason="", seen=None, cause=cause)
        to = page.away_from(its.accused or "")
        status = Status.OPENED if to == page.rules.desk else Status.REFERRED
        change = Change(connection, page, sealed, CaseAction.REFER, quiet, status)
        change.move(to, MOVED)
        await change.save()


def _must_go(page: Page, case: Row[Any]) -> bool:
    """What is answered, or over, goes nowhere before it is opened again or handed back."""
    return case.status in OPEN - {Status.ANSWERED} and must_go(page, case)


def _check(page: Page, ask: Instruction, wanted: Secrecy) -> None:
    if ask.actor.side is Side.DESK and not ask.reason.strip():
        raise WrongField("reason", "why is it confidential?")
    if wanted.accused and wanted.accused not in page.rules.agencies:
        raise WrongField("accused", f"there is no agency {wanted.accused}")
    if len(wanted.told) > LONGEST:
        raise WrongField("told", f"has at most {LONGEST} characters")


async def _ids(connection: AsyncConnection, names: Sequence[str]) -> set[str]:
    """Raises WrongField for somebody unknown."""
    query = select(people.c.name, people.c.id).where(people.c.name.in_(names))
    found = {row.name: str(row.id) for row in await connection.execute(query)}
    for name in names:
        if name not in found:
            raise WrongField("kept_from", f"there is nobody called {name[:40]}")
    return set(found.values())
