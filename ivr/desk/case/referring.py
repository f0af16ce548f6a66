"""Whose job a case is: refer, accept, return, rule. One function is one transaction and one event.

"Not ours" never closes a case. An agency may send a case onward once, or return it to the desk; after the
second return only a ruling moves it, and a ruling binds: only another ruling, or another topic, moves it on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import select

from ivr.cases.statuses import Status
from ivr.cases.transitions import CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import family, precedents
from ivr.desk.case.change import EVENTS, Books, Change, Instruction
from ivr.desk.case.discretion import refuse_onward, refuse_told_of
from ivr.desk.case.transaction import changing
from ivr.desk.refusals import Refused
from ivr.store.tables import case_events, referrals

FORCED_AT = 2  # so many returns force a ruling
ONWARD = "onward"  # the referral's reason when an agency and not the desk gave it
PAUSED, AWAITS = EVENTS[CaseAction.PAUSE], EVENTS[CaseAction.AWAIT]


async def refer(books: Books, page: Page, ask: Instruction, agency: str) -> None:
    """Give a case to an agency: by the desk, or onward by the agency that has it.

    Raises Refused as the table says; for an agency that can't be given cases, that has it already, or
    (onward) had it before; when the case, or one that waits in it, waits for a ruling, or was ruled on;
    onward also where the case is kept from some body.
    """
    async with changing(books, page, CaseAction.REFER, ask) as change:
        _assignable(page, agency)
        if ask.actor.side is Side.AGENCY:
            await refuse_onward(change)
        await refuse_told_of(change, agency)
        _told(change, agency)
        if agency == change.agency:
            raise Refused(f"case {ask.code} is with {agency} already")
        await _none_held(change, refuse_without_ruling)
        if ask.actor.side is Side.AGENCY:
            await _may_go_onward(change, agency)
            await _pause_no_more(change)
            change.move(agency, ONWARD, ONWARD)
        else:
            change.move(agency, "desk")


async def accept(books: Books, page: Page, ask: Instruction) -> None:
    """The agency takes the case up."""
    async with changing(books, page, CaseAction.ACCEPT, ask):
        pass


async def give_back(books: Books, page: Page, ask: Instruction) -> None:
    """The agency says that it is not its own: the case goes to the desk. Refused also when a ruling binds."""
    async with changing(books, page, CaseAction.RETURN, ask) as change:
        if change.agency == page.rules.desk:
            raise Refused(f"case {ask.code} is at the desk already")
        await _none_held(change, _not_bound)
        await _pause_no_more(change)
        change.move(page.rules.desk, "returned")
        change.details["returns"] = await change.returns() + 1


async def rule(books: Books, page: Page, ask: Instruction, agency: str) -> None:
    """The desk decides whose the case is. A precedent for its topic and county, which routing obeys.

    On a part, which may be an order, it is none for others.
    """
    async with changing(books, page, CaseAction.RULE, ask) as change:
        _assignable(page, agency)
        await refuse_told_of(change, agency)
        _told(change, agency)
        change.move(agency, "ruling")
        change.details["precedent"] = str(await precedents.keep(change))


async def _pause_no_more(change: Change) -> None:
    """Whoever says “not ours” waits for nothing in it; a date that the office set, like a slot's, stays."""
    its = (case_events.c.case_id == change.case.id, case_events.c.event.in_((PAUSED, AWAITS)))
    query = select(case_events.c.event).where(*its).order_by(case_events.c.seq.desc()).limit(1)
    if (await change.connection.execute(query)).scalar() != AWAITS:
        change.wait(None)


async def _none_held(change: Change, refuse: Callable[[Change], Awaitable[None]]) -> None:
    """Raises Refused where the case is held or, of a collective one, a member, which would go with it."""
    await refuse(change)
    for each in await family.open_members(change):
        try:
            await refuse(change.of(each, change.action, Status(each.status)))
        except Refused as held:
            way = "release that first, or rule on the whole"
            raise Refused(f"case {each.code}, which waits in it, is moved by a ruling alone: {way}") from held


async def refuse_without_ruling(change: Change) -> None:
    """Raises Refused where one binds the case, or its second return waits for one."""
    await _not_bound(change)
    if change.agency == change.page.rules.desk and await change.returns() >= FORCED_AT:
        raise Refused(f"case {change.ask.code} was returned twice: it takes a ruling, not another referral")


def _told(change: Change, agency: str) -> None:
    """An agency hears nothing of a confidential case: without the desk's words it would know nothing."""
    if change.case.confidential and agency != change.page.rules.desk and not change.case.told:
        raise Refused(f"case {change.ask.code} is confidential: write first what an agency may read of it")


def _assignable(page: Page, agency: str) -> None:
    if agency not in page.rules.agencies:
        raise Refused(f"there is no agency {agency}")
    if agency in page.rules.retired:
        raise Refused(f"{agency} is retired: it gets no more cases")
    if not page.rules.agencies[agency]:
        raise Refused(
            f"{agency} is outside the network: it can be named to the citizen but not be given a case"
        )


async def _may_go_onward(change: Change, agency: str) -> None:
    code, page = change.ask.code, change.page
    if agency == page.rules.desk:
        raise Refused(f"case {code} goes to the desk by returning it")
    running = await change.running()
    if running is not None and running.reason == ONWARD:
        raise Refused(f"case {code} was sent onward once: return it to the desk")
    had = select(referrals.c.id).where(referrals.c.case_id == change.case.id, referrals.c.agency == agency)
    if (await change.connection.execute(had.limit(1))).first():
        raise Refused(f"case {code} was with {agency} before: return it to the desk")


async def _not_bound(change: Change) -> None:
    if await precedents.binds(change):
        raise Refused(f"case {change.ask.code} was ruled to be {change.agency}'s: only a new ruling moves it")
