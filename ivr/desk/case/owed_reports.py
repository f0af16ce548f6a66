"""Where a report that the office asked for is owed once its case is merged or split, or a part ends.

The row goes on, and whoever owes it from then on is asked as the first body was.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.transitions import CaseAction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import outbox_row
from ivr.store.tables import case_events, case_reports, cases, outbox

if TYPE_CHECKING:
    from ivr.desk.case.change import Change

ASKED = "report_asked"  # the event
A = CaseAction
MOVED_BY = frozenset({A.MERGE, A.SPLIT, A.WITHDRAW, A.ADVISE, A.REOPEN})


async def go_on(change: Change) -> None:
    """What is owed on the whole or on the case that ended goes to an open part, else to the whole.

    To the body that was asked, else another, the desk last; where none is owed yet. It stays without such a
    one, on a part that ends as advised if none is open, and where that part itself was asked, about its task.
    """
    case, connection = change.case, change.connection
    whole = change.values.get("merged_into") or case.part_of or case.id
    owed = await _owed(change, case.id, whole)
    if not owed:
        return
    kin = select(cases).where(or_(cases.c.id == whole, cases.c.part_of == whole)).order_by(cases.c.code)
    kept = {each.id: each for each in await connection.execute(kin.with_for_update(key_share=True))}
    parts = {id: each for id, each in kept.items() if each.part_of and each.closed_at is None}
    if change.action is A.ADVISE and not parts:
        return
    heirs, desk = parts or {whole: kept[whole]}, change.page.rules.desk
    there = await _owed(change, *heirs)
    free = {id: each for id, each in heirs.items() if id not in there}
    for at, report in owed.items():
        if not free or at in parts or (case.part_of and report.asked_on == at == case.id):
            continue
        body = report.details["agency"]
        heir = min(free.values(), key=lambda each: (each.agency == desk, each.agency != body))
        del free[heir.id]
        await _asked_anew(change, report, heir)


async def _owed(change: Change, *ids: uuid.UUID) -> dict[uuid.UUID, Row[Any]]:
    """By case, with the details of the event that asked, and the case that it was asked on."""
    its, asked = case_reports.c, case_events.c
    query = select(case_reports, asked.details, asked.case_id.label("asked_on")).where(asked.id == its.id)
    query = query.where(its.case_id.in_(ids), its.given_at.is_(None)).order_by(its.asked_at)
    return {report.case_id: report for report in await change.connection.execute(query)}


async def _asked_anew(change: Change, report: Row[Any], heir: Row[Any]) -> None:
    """The question goes along, but to no other body than was asked of a confidential case, nor of a merged
    one to a part's: that case may be about its head."""
    kept = heir.confidential or (heir.part_of and report.asked_on != heir.part_of)
    sealed = kept and heir.agency != report.details["agency"]
    reason = "" if sealed else report.details.get("reason", "")
    cause, now = uuid.uuid5(report.id, f"{heir.id}:{change.ask.cause}"), change.ask.now
    moved = update(case_reports).where(case_reports.c.id == report.id).values(case_id=heir.id)
    await change.connection.execute(moved)
    told = {"due_on": report.due_on.isoformat()} | ({"reason": reason} if reason else {})
    tells = heir.agency != change.page.rules.desk
    await tell(change.connection, heir, ASKED, cause, now, report.asked_by, told, letter=tells)


async def tell(
    connection: AsyncConnection,
    case: Row[Any],
    event: str,
    cause: uuid.UUID,
    now: datetime,
    actor: str,
    told: dict[str, Any],
    *,
    letter: bool = True,
) -> None:
    """In the case's story, and by mail to its body where an address of it is known (`notices.yaml`).

    `told`: the event's details; `reason` and `due_on` stand in the mail, too.
    """
    await add_event(connection, cause, case.id, now, event, told | {"agency": case.agency}, actor=actor)
    if not letter:
        return
    its = {"case": case.code, "level": case.level, "reason": told.get("reason", "")}
    if "due_on" in told:
        its["until"] = f"{told['due_on']}T12:00:00+00:00"
    row = outbox_row(f"case_{event}:{cause}", f"case_{event}", now, its)
    await connection.execute(outbox.insert(), [row])
