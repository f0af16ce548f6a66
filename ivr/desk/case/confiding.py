"""A case is made confidential: by its caller's key, or by the desk, which says about whom it is.

From then on who she is stays sealed (`ivr.desk.people.scope`), whom it is about is kept from it, and an
agency gets the words that the desk writes for it. Never taken back: what was promised to her holds.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Change, Instruction, unchanged
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
    """The columns of a case and of its parts."""

    by: str
    accused: str | None
    kept_from: list[str] | None
    told: str | None
    names: list[str] = field(default_factory=list)


async def confide(books: Books, page: Page, ask: Instruction, wanted: Secrecy = Secrecy()) -> None:
    """Make a case and its parts confidential, or say anew about whom they are. One event for each.

    One that an agency has goes to the desk where that is the body it is about, or nothing is written for
    agencies yet. Raises NoSuchCase, WrongField, and Refused to an agency and for a merged case.
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
        ids = await _ids(connection, wanted.kept_from)
        named = _Sealed(
            case.confidential or ("caller" if ask.actor.side is Side.CITIZEN else "desk"),
            wanted.accused or case.accused,
            sorted({*(case.kept_from or ()), *ids}) or None,
            wanted.told.strip() or case.told,
            sorted(set(wanted.kept_from)),
        )
        parts = select(cases).where(cases.c.part_of == case.id).order_by(cases.c.code)
        below = (await connection.execute(parts.with_for_update(key_share=True))).all()
        for each in (case, *below):
            its = named if each is case else replace(named, told=each.words or named.told)
            await _seal(connection, page, ask, each, its)


async def _seal(
    connection: AsyncConnection, page: Page, ask: Instruction, case: Row[Any], its: _Sealed
) -> None:
    values = {"confidential": its.by, "accused": its.accused, "kept_from": its.kept_from, "told": its.told}
    await connection.execute(update(cases).where(cases.c.id == case.id).values(values))
    details: dict[str, Any] = {"by": its.by, "told": bool(its.told)}
    details |= {name: value for name, value in (("agency", its.accused), ("people", its.names)) if value}
    if ask.reason.strip():
        details["reason"] = ask.reason.strip()
    cause = uuid.uuid5(ask.cause, str(case.id))
    await add_event(connection, cause, case.id, ask.now, EVENT, details, actor=ask.actor.name)
    if _must_go(page, case, its):
        quiet = replace(ask, code=case.code, reason="", seen=None, cause=cause)
        fresh = (await connection.execute(select(cases).where(cases.c.id == case.id))).one()
        to = page.away_from(its.accused or "")
        status = Status.OPENED if to == page.rules.desk else Status.REFERRED
        change = Change(connection, page, fresh, CaseAction.REFER, quiet, status)
        change.move(to, MOVED)
        await change.save()


def _must_go(page: Page, case: Row[Any], its: _Sealed) -> bool:
    """Away from the body it is about; and from one that could read nothing of it."""
    if case.status not in OPEN or case.status == Status.ANSWERED or case.member_of is not None:
        return False
    if case.agency == its.accused:
        return True
    return case.agency != page.rules.desk and not its.told and case.kind != Kind.MEETING


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
