"""A complaint about the head of a body is never shown to that body."""

from __future__ import annotations

from sqlalchemy import select

from ivr.desk.case.change import Change
from ivr.desk.refusals import Refused
from ivr.store.tables import meeting_requests


async def refuse_told_of(change: Change, *agencies: str) -> None:
    """Raises Refused where the case, or the whole that it is a part of, is about the head of one of these."""
    here = meeting_requests.c.case_id.in_((change.case.id, change.case.part_of or change.case.id))
    query = select(meeting_requests.c.about).where(here, meeting_requests.c.about.in_(agencies))
    if (found := (await change.connection.execute(query.limit(1))).scalar()) is not None:
        raise Refused(f"case {change.ask.code} is about the head of {found}: that body is not shown it")
