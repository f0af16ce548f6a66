"""What she says of her case after her words, in the same call, from the journal into the books."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, and_, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.kinds import Kind
from ivr.cases.routing import Reason, RoutingDecision
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning, contact
from ivr.desk.case.change import CITIZEN, Change, Instruction
from ivr.desk.case.duplicates import where_hers_goes_on
from ivr.desk.case.event_log import MACHINE, add_event
from ivr.desk.case.joining import reserve
from ivr.desk.case.pausing import opened_as
from ivr.desk.case.rows import TOPIC, wishes_to_meet
from ivr.desk.case.transaction import changing
from ivr.desk.refusals import Refused
from ivr.store.facts import CaseRefinedFact
from ivr.store.tables import case_events, cases

log = logging.getLogger(__name__)

CHANGED = "topic_changed"
NOTED = "topic_noted"
REACHED = "contact_given"
TAKEN_BACK = "taken_back"  # in that event: what she had given there before it turned out to be another's case
RESUMED = timedelta(hours=2)  # a call may be taken up for an hour, and lasts less than one
_OPENING = 2  # so many events a case is opened with
# What happens to a case without anybody's having judged whose it is …
_UNJUDGED = (
    *("words_added", "words_replaced", "code_promised", "transcribed", "retimed", "confided"),
    contact.EVENT,
)
# … and what came of her own words, with who did it.
_HERS = ((CHANGED, CITIZEN), (NOTED, CITIZEN), (REACHED, CITIZEN), ("referred", MACHINE))


async def refine(connection: AsyncConnection, page: Page, fact: CaseRefinedFact) -> None:
    """Topic and county as she says; the body by the book, the deadline never later than it was.

    Applying a fact again changes nothing. Where somebody has decided about the case meanwhile, what she said
    is in its story and no more. A case that is not in the books is left to whoever finds its words.
    """
    case = await _locked(connection, page, fact)
    if case is None:
        log.error("what was said of case %s is lost: it is not in the books", fact.case or fact.code)
        return
    if await _applied(connection, fact.id):
        return
    await _reach(connection, page, fact, case)
    topic = fact.topic if fact.topic in page.deadlines else case.topic
    county = fact.county if fact.county in page.counties else ""
    if (topic, county) == (case.topic, case.county or ""):
        return
    try:
        if await _judged(connection, case):
            raise Refused(f"case {case.code} has been decided about since it was opened")
        await _put(connection, page, fact, case, topic, county)
    except Refused as refusal:
        log.warning("a citizen's topic changes nothing: %s", refusal)
        said = {"topic": topic, "county": county}
        await add_event(connection, fact.id, case.id, fact.at, NOTED, said, actor=CITIZEN)


async def _put(
    connection: AsyncConnection, page: Page, fact: CaseRefinedFact, case: Row[Any], topic: str, county: str
) -> None:
    ask = Instruction(case.code, Actor(CITIZEN, Side.CITIZEN), now=fact.at, cause=fact.id)
    async with changing(connection, page, CaseAction.CHANGE_TOPIC, ask) as change:
        change.details |= {"before": (change.topic, change.county), "topic": topic, "county": county}
        change.topic, change.county = topic, county
        change.kind = kind = await _kind(connection, page, case, topic)
        if kind != case.kind:
            change.details["kind"] = kind
        _keep_deadline(change)
        running = await change.running()
        sealed = bool(case.confidential)
        if topic in page.confidential and not sealed:
            change.values["confidential"], sealed = TOPIC, True
    route = page.rules.route(kind, topic, county)
    if sealed and kind != Kind.MEETING:  # an agency could neither hear nor read it
        route = RoutingDecision(page.rules.desk, Reason.CONFIDENTIAL)
    read_first = running is not None and running.reason == Reason.OVER_LIMIT
    if route.agency == case.agency or read_first:
        return
    send = replace(ask, actor=Actor(MACHINE, Side.MACHINE))
    async with changing(connection, page, CaseAction.REFER, send) as change:
        if route.reason is not Reason.RULE:
            change.status = Status.OPENED  # with the desk
        change.not_after = change.case.due_at
        change.move(route.agency, route.reason)
        change.details |= {"reason": route.reason} | ({"advice": route.advice} if route.advice else {})


async def _kind(connection: AsyncConnection, page: Page, case: Row[Any], topic: str) -> str:
    """Whoever chooses the meeting itself asks for one; if she goes back from it, it is what it was."""
    if wishes_to_meet(page, topic):
        return Kind.MEETING
    return await opened_as(connection, case) if case.kind == Kind.MEETING else str(case.kind)


def _keep_deadline(change: Change) -> None:
    """As many working days as the topic has, but none beyond the deadline that there is."""
    case, page, clock = change.case, change.page, change.clock
    whole = left = page.term(clock, change.kind, change.topic, change.county).days
    while left > 1 and clock.due_at(page.calendar, left, change.county) > case.due_at:
        left -= 1
    if left < whole:
        change.clock = replace(clock, ordered_days=left)
    change.not_after = case.due_at


async def _reach(connection: AsyncConnection, page: Page, fact: CaseRefinedFact, case: Row[Any]) -> None:
    """How to reach her, and who she is: of the case in which hers goes on, if it was merged meanwhile.

    Not where another's national ID is known there, as a neighbour's on the same line: of her own case then,
    and the number that she gave before her ID is not his any more.
    """
    callback = phone.normalise(fact.callback, page.area_code) or fact.callback
    given = {"callback": callback, "national_id": fact.national_id}
    own, case = case, await where_hers_goes_on(connection, case)
    before = await _given_before(connection, case, own)
    others = "" if "national_id" in before else case.national_id
    if others and fact.national_id and others != fact.national_id:
        before -= await _put_right_since(connection, case, fact)
        if "callback" in before:  # both were told on her own case's number, else they were not merged
            back = update(cases).where(cases.c.id == case.id).values(callback=own.callback)
            await connection.execute(back)
            taken = {"given": [], TAKEN_BACK: ["callback"], "duplicate": own.code}
            cause = uuid.uuid5(fact.id, TAKEN_BACK)
            await add_event(connection, cause, case.id, fact.at, REACHED, taken, actor=CITIZEN)
        case = own
    stays = await _put_right_since(connection, case, fact)
    new = {n: value for n, value in given.items() if value and n not in stays and value != getattr(case, n)}
    if not new or case.anonymised_at is not None:
        return
    changed = update(cases).where(cases.c.id == case.id).values(new).returning(*cases.c)
    row = (await connection.execute(changed)).one()
    details: dict[str, Any] = {"given": sorted(new)} | ({"duplicate": own.code} if case is not own else {})
    await add_event(connection, fact.id, case.id, fact.at, REACHED, details, actor=CITIZEN)
    if "callback" in new and case.merged_into is None:
        number = callback_planning.number_of(row._mapping)
        await callback_planning.verify(connection, row, number, fact.at)


async def _put_right_since(connection: AsyncConnection, case: Row[Any], fact: CaseRefinedFact) -> set[str]:
    """What the desk has put right since she gave it: a journal that comes late brings nothing back."""
    its = case_events.c
    later = (its.case_id == case.id, its.event == contact.EVENT, its.at > fact.at)
    found = (await connection.execute(select(its.details).where(*later))).scalars()
    return {name for details in found for name in details["given"]}


async def _given_before(connection: AsyncConnection, kept: Row[Any], own: Row[Any]) -> set[str]:
    """What of herself she has given already, since her own case went on in that one, and it still has."""
    its, names = case_events.c, set[str]()
    hers = (its.case_id == kept.id, its.event == REACHED, its.details["duplicate"].astext == own.code)
    for details in (await connection.execute(select(its.details).where(*hers).order_by(its.seq))).scalars():
        names = (names | set(details["given"])) - set(details.get(TAKEN_BACK, ()))
    return names


async def _locked(connection: AsyncConnection, page: Page, fact: CaseRefinedFact) -> Row[Any] | None:
    """The case that this call opened, else the one in reserve that stands in for it.

    Or that of her call before, with which she went on: of her number, and of a moment ago.
    """
    its = uuid.UUID(fact.case) if fact.case else None
    among = [cases.c.id == each for each in (its, reserve(fact.call.id)) if each is not None]
    among += [cases.c.code == fact.code] if fact.code else []
    caller = phone.key(fact.call.caller, page.area_code)
    resumed = and_(cases.c.id == its, cases.c.caller_key == caller, cases.c.opened_at > fact.at - RESUMED)
    its_own = or_(cases.c.call_id == fact.call.id, resumed if caller else false())
    query = select(cases).where(or_(*among), its_own).order_by(cases.c.id)
    found = (await connection.execute(query.with_for_update(key_share=True))).all()
    return next((case for case in found if case.id == its), found[0] if found else None)


async def _judged(connection: AsyncConnection, case: Row[Any]) -> bool:
    """Whether anything but this call has brought the case where it is."""
    told = select(case_events.c.event, case_events.c.actor)
    told = told.where(case_events.c.case_id == case.id, case_events.c.seq > _OPENING)
    events = [(event, actor) for event, actor in await connection.execute(told)]
    return any(each not in _HERS and each[0] not in _UNJUDGED for each in events)


async def _applied(connection: AsyncConnection, cause: uuid.UUID) -> bool:
    ids = [uuid.uuid5(cause, event) for event in (CHANGED, NOTED, REACHED)]
    query = select(case_events.c.id).where(case_events.c.id.in_(ids))
    return (await connection.execute(query)).first() is not None
