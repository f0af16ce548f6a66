"""Whether what a citizen is told in writing is so: asked as her letter is written, and again when it is late.

A letter may wait for hours (its gateway was down), or until somebody has it sent again weeks later. Then it
would tell her an hour that is not hers any more, after the one that told her the new one; or a body of a case
that was taken from it since; or who may know no names of an order whose case became confidential.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import Status
from ivr.cases.zone import ZONE
from ivr.desk.case import meeting_calls
from ivr.desk.case.callback_planning import TOLD_OF
from ivr.desk.case.order_calls import kept_from_nobody
from ivr.desk.people.scope import Scope
from ivr.store.tables import cases, meeting_orders, meeting_requests

ABOUT = "about"  # in a letter's payload: the event that it tells of, where there is something to be asked
_AT = "at"  # … and when that was
HAD_BY, BODY = "had_by", "body"  # in one that is not hers: the body whose the case was, or that was asked
NAMELESS = "nameless"  # … or of an order, to who may know of none that is kept apart: the event
KEPT = (ABOUT, HAD_BY, BODY, NAMELESS)
_OF_A_SLOT = ("session", "slot", "starts_at", "place", "was_at", "again_on")
OF_AN_ANSWER = frozenset({"case_answered", "case_advised", "case_closed"})
WITHDRAWN = "case_withdrawn"
UNDONE_BY_REOPENING = OF_AN_ANSWER | {WITHDRAWN}


def kept(kind: str, told: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What a letter to her keeps of its event, so that this can be asked again."""
    its = {name: told[name] for name in _OF_A_SLOT if name in told}
    if kind not in UNDONE_BY_REOPENING and "slot" not in its and "was_at" not in its:
        return {}
    return {ABOUT: kind, _AT: at.isoformat(), **its}


def kept_of_body(case: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a letter that is not hers keeps, so that this can be asked again."""
    return {BODY: told[BODY]} if told.get(BODY) else {HAD_BY: case.agency}


async def still_theirs(connection: AsyncConnection, told: Mapping[str, Any]) -> bool:
    """Whether the body of a letter has the case yet, or where it was only asked, may know of it."""
    seen = Scope(told[HAD_BY]).cases() if HAD_BY in told else Scope(told[BODY]).not_kept()
    query = select(cases.c.id).where(cases.c.code == told["case"], seen)
    return (await connection.execute(query)).first() is not None


async def still_so(connection: AsyncConnection, told: Mapping[str, Any], now: datetime) -> bool:
    """Of what a letter keeps."""
    if NAMELESS in told:
        return await _is_kept_from_nobody(connection, told)
    if ABOUT not in told:
        return await still_theirs(connection, told)
    if told[ABOUT] in UNDONE_BY_REOPENING:
        return await _stands(connection, told)
    if "again_on" in told and not meeting_calls.still_true(told, now, now.astimezone(ZONE).date()):
        return False
    return await meeting_calls.still_hers(connection, told, now)


async def _is_kept_from_nobody(connection: AsyncConnection, told: Mapping[str, Any]) -> bool:
    """Whether who may know no names may know of that order yet, as `order_news` asks first."""
    order, whole = meeting_orders.c, cases.alias("whole")
    query = select(order.case_id).join(cases, cases.c.id == order.case_id)
    query = query.join(whole, whole.c.id == order.of_case)
    query = query.outerjoin(meeting_requests, meeting_requests.c.case_id == whole.c.id)
    query = query.where(cases.c.code == told["case"], *kept_from_nobody(whole))
    return (await connection.execute(query)).first() is not None


async def _stands(connection: AsyncConnection, told: Mapping[str, Any]) -> bool:
    query = select(cases.c.status, cases.c.answered_at).where(cases.c.code == told["case"])
    case = (await connection.execute(query)).first()
    return case is not None and stands(case, told[ABOUT], datetime.fromisoformat(told[_AT]))


def stands(case: Any, kind: str, at: datetime) -> bool:
    """Whether her case was not opened again since, nor answered otherwise, of which another letter tells.

    Also where it was closed since nobody could reach her: she is still to read it.
    """
    if kind == WITHDRAWN:
        return bool(case.status == Status.WITHDRAWN)
    return case.status in TOLD_OF and bool(case.answered_at is None or case.answered_at <= at)
