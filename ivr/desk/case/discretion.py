"""A complaint about the head of a body is never shown to that body; a confidential case goes on by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from ivr.desk.case.change import Change
from ivr.desk.refusals import Refused
from ivr.store.tables import meeting_requests


async def refuse_told_of(change: Change, *agencies: str) -> None:
    """Raises Refused where the case, or the whole that it is a part of, is about one of these bodies."""
    if (accused := change.case.accused) and accused in agencies:
        raise Refused(f"case {change.ask.code} is about {accused}: it is kept from that body")
    here = meeting_requests.c.case_id.in_((change.case.id, change.case.part_of or change.case.id))
    query = select(meeting_requests.c.about).where(here, meeting_requests.c.about.in_(agencies))
    if (found := (await change.connection.execute(query.limit(1))).scalar()) is not None:
        raise Refused(f"case {change.ask.code} is about the head of {found}: that body is not shown it")


def refuse_together(*found: Row[Any]) -> None:
    """Raises Refused where one of these is confidential: together with others it would tell whose it is."""
    for case in found:
        if case.confidential:
            raise Refused(f"case {case.code} is confidential: it goes on by itself")
