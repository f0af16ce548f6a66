"""Legal holds: cases of which retention takes nothing, by whom and why. Each is told in the case's story."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, any_, or_, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Side
from ivr.desk.case.change import Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked
from ivr.desk.refusals import Refused
from ivr.store.tables import cases, legal_holds

WITHIN_ANOTHER = or_(cases.c.part_of.is_not(None), cases.c.merged_into.is_not(None))  # few are
_TOLD = ("id", "closed_at", "part_of", "merged_into", "member_of")  # of what it is within


def above() -> CTE:
    """What a case is a part of, or was merged into, which may have been merged itself."""
    kin, further = cases.alias("kin"), cases.alias("further")
    its, more = ([each.c[name] for name in _TOLD] for each in (kin, further))
    first = select(*its).where(kin.c.id == any_(array([cases.c.part_of, cases.c.merged_into])))
    found = first.correlate(cases).cte("above", recursive=True, nesting=True)
    again = select(*more).where(further.c.id == any_(array([found.c.part_of, found.c.merged_into])))
    return found.union(again)


def is_held() -> ColumnElement[bool]:
    """A case is, or one that it is within, or the collective case of either: its words are its members'."""
    wider, in_force = above(), select(legal_holds.c.id).where(legal_holds.c.ended_at.is_(None))
    its_own = in_force.where(legal_holds.c.case_id == cases.c.id).exists()
    whole_s = in_force.where(legal_holds.c.case_id == cases.c.member_of).exists()
    theirs = in_force.where(legal_holds.c.case_id == any_(array([wider.c.id, wider.c.member_of]))).exists()
    further = select(wider.c.id).where(theirs).exists()
    return or_(its_own, whole_s, and_(WITHIN_ANOTHER, further))


def holds_what_is_of(case: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the case with that id is held: of it no file goes, though retention had decided so before."""
    return select(cases.c.id).where(cases.c.id == case, is_held()).exists()


async def hold(engine: AsyncEngine, ask: Instruction) -> None:
    """Refused without a reason, by anyone but the desk, and when the case is held already."""
    _check(ask)
    async with engine.begin() as connection:
        case = await locked(connection, ask.code)
        in_force = (legal_holds.c.case_id == case.id, legal_holds.c.ended_at.is_(None))
        if (await connection.execute(select(legal_holds.c.id).where(*in_force))).first():
            raise Refused(f"case {ask.code} is held already")
        row = {"id": uuid.uuid4(), "case_id": case.id, "held_by": ask.actor.name, "held_at": ask.now}
        await connection.execute(legal_holds.insert().values(row | {"reason": ask.reason.strip()}))
        said = {"reason": ask.reason.strip()}
        await add_event(connection, ask.cause, case.id, ask.now, "held", said, ask.actor.name)


async def end(engine: AsyncEngine, ask: Instruction) -> None:
    """From now on the rules hold again. Refused without a reason, and when there is no hold."""
    _check(ask)
    async with engine.begin() as connection:
        case = await locked(connection, ask.code)
        in_force = (legal_holds.c.case_id == case.id, legal_holds.c.ended_at.is_(None))
        over = update(legal_holds).where(*in_force).values(ended_at=ask.now, ended_by=ask.actor.name)
        if not (await connection.execute(over)).rowcount:
            raise Refused(f"case {ask.code} is not held")
        said = {"reason": ask.reason.strip()}
        await add_event(connection, ask.cause, case.id, ask.now, "hold_ended", said, ask.actor.name)


async def listed(engine: AsyncEngine, everything: bool = False) -> list[dict[str, Any]]:
    """Newest first; those that ended too with `everything`."""
    query = select(legal_holds, cases.c.code).join(cases, cases.c.id == legal_holds.c.case_id)
    if not everything:
        query = query.where(legal_holds.c.ended_at.is_(None))
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(legal_holds.c.held_at.desc()))).all()
    names = ("held_by", "reason", "ended_by")
    return [
        {"case": row.code, "held_at": row.held_at.isoformat()}
        | {name: getattr(row, name) for name in names}
        | {"ended_at": row.ended_at and row.ended_at.isoformat()}
        for row in rows
    ]


def _check(ask: Instruction) -> None:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the desk holds a case, or ends that")
    if not ask.reason.strip():
        raise Refused("a hold, and its end, need a reason")
