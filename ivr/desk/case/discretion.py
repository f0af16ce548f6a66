"""A complaint about the head of a body is never shown to that body; some cases go on by themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.channels import COLLECTIVE
from ivr.cases.meetings import AWAITED, DATED, RequestState, is_anew, standing
from ivr.cases.statuses import Status
from ivr.desk.case import duplicates, meeting_calls
from ivr.desk.case.change import Change
from ivr.desk.refusals import Refused
from ivr.store.tables import cases, meeting_requests, meeting_slots


async def refuse_told_of(change: Change, *agencies: str) -> None:
    """Raises Refused where the case, its whole, a member or a duplicate is about one of these bodies."""
    if (accused := change.case.accused) and accused in agencies:
        raise Refused(f"case {change.ask.code} is about {accused}: it is kept from that body")
    heads = await _about_heads(change)
    for found in agencies:
        if found in heads:
            raise Refused(f"case {change.ask.code} is about the head of {found}: that body is not shown it")


async def refuse_onward(change: Change) -> None:
    """Raises Refused where it is kept from some body: who may not send it to that one alone learns which."""
    if change.case.confidential or await _about_heads(change):
        raise Refused(f"case {change.ask.code} is not sent onward: return it to the desk")


async def _about_heads(change: Change) -> set[str]:
    """Of which bodies the heads are that the case, its whole, a member or a duplicate is about."""
    its = (change.case.id, change.case.part_of or change.case.id)
    kin = select(cases.c.id).where(or_(cases.c.id.in_(its), cases.c.member_of == change.case.id))
    ids = set((await change.connection.execute(kin)).scalars())
    ids |= await duplicates.below(change.connection, ids)
    about = meeting_requests.c.about
    query = select(about).where(meeting_requests.c.case_id.in_(ids), about.is_not(None))
    return set((await change.connection.execute(query)).scalars())


async def refuse_awaited(change: Change) -> None:
    """Raises Refused where she was told a day of her meeting: it would be lost, and nobody tells her."""
    its = (meeting_requests.c.case_id == change.case.id, meeting_requests.c.state.in_(DATED))
    if (await change.connection.execute(select(meeting_requests.c.state).where(*its))).first() is not None:
        raise Refused(f"case {change.ask.code} is accepted for a meeting: decide on that first")


async def refuse_slotted(change: Change) -> None:
    """Raises Refused where she was told a slot that is still to come: she would come for nothing.

    So she would where it is off and our call has yet to tell her.
    """
    its = meeting_slots.c
    hers = (its.case_id == change.case.id, its.outcome == "", its.starts_at > change.ask.now)
    if (await change.connection.execute(select(its.slot).where(*hers))).first() is not None:
        raise Refused(f"case {change.ask.code} is accepted for a meeting: decide on that first")
    if await meeting_calls.is_to_tell_off(change.connection, change.case.id, change.ask.now):
        raise Refused(f"case {change.ask.code} waits for our call that her slot is off: end it after that")


async def is_awaited(connection: AsyncConnection, case: Row[Any]) -> bool:
    """Whether she was told of a slot, of a day by which she hears, or that her request is looked at again.

    `case`: answered, or over.
    """
    query = select(meeting_requests).where(meeting_requests.c.case_id == case.id)
    noted = (await connection.execute(query)).first()
    if noted is None:
        return False
    anew = is_anew(noted.decided_at, case.answered_at)
    return standing(RequestState(noted.state), Status(case.status), at_the_office=False, anew=anew) in AWAITED


def refuse_together(*found: Row[Any]) -> None:
    """Raises Refused where one of these is confidential: together with others it would tell whose it is."""
    for case in found:
        if case.confidential:
            raise Refused(f"case {case.code} is confidential: it goes on by itself")


def refuse_collective(case: Row[Any]) -> None:
    """Raises Refused for a collective case: what tells whose it is stands in its members."""
    if case.channel == COLLECTIVE:
        raise Refused(f"case {case.code} is a collective one: make its members confidential, each by itself")
