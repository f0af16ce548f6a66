"""What bears on a case's deadline without moving it. One function is one transaction and one event.

None of them gives time back that was used: `ivr.cases.clock`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import COLLECTIVE
from ivr.cases.kinds import Kind
from ivr.cases.statuses import Status
from ivr.cases.transitions import CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import duplicates
from ivr.desk.case.change import Books, Change, Instruction, clock_of
from ivr.desk.case.confiding import confide_below
from ivr.desk.case.discretion import refuse_collective
from ivr.desk.case.event_log import Told, tell_all
from ivr.desk.case.family import first_due, whole_of
from ivr.desk.case.order_calls import is_order
from ivr.desk.case.rows import MOVED, TOPIC, wishes_to_meet
from ivr.desk.case.transaction import changing, locked, transaction
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from ivr.store.tables import case_events, cases, meeting_requests

BATCH = 200
MOST_PAUSED_DAYS = 10  # working days, all pauses of a case together


async def pause(
    engine: AsyncEngine, page: Page, ask: Instruction, days: int, cap: int = MOST_PAUSED_DAYS
) -> None:
    """Stop the clock for so many working days; it runs again by itself.

    Once the deadline has passed the desk alone may: a body would hide that it missed it.
    """
    async with changing(engine, page, CaseAction.PAUSE, ask) as change:
        if ask.actor.side is Side.AGENCY and await is_order(change.connection, change.case.id):
            raise Refused(f"case {ask.code} is an order: only the office extends it")
        change.clock = change.clock.pause(page.calendar, ask.now, days, cap, change.county)
        await _keep_within_whole(change)
        if ask.actor.side is Side.AGENCY and change.case.due_at <= ask.now:
            raise Refused(f"the deadline of case {ask.code} has passed: only the desk pauses it now")
        assert change.clock.paused_until is not None
        change.details |= {"days": days, "until": change.clock.paused_until.isoformat()}


async def _keep_within_whole(change: Change) -> None:
    """The citizen is told the whole's deadline: no body puts its part off beyond it, or any further beyond
    it, the desk may."""
    case = change.case
    if case.part_of is None or change.ask.actor.side is not Side.AGENCY:
        return
    whole = await whole_of(change)
    if change.page.term(change.clock, change.kind, change.topic, change.county).due_at > whole.due_at:
        raise Refused(
            f"case {case.code} is a part of {whole.code} and would be due after it: only the desk may"
        )


async def wait_until(books: Books, page: Page, ask: Instruction, until: datetime) -> None:
    """Stop the clock for what has a date of its own, like a meeting; a wait or pause before it ends.

    It runs again by itself after that day, so that whatever nobody sees to climbs. Under no cap, but its days
    count among the pauses that a case may have.
    """
    async with changing(books, page, CaseAction.AWAIT, ask) as change:
        change.wait(until)


async def wait_no_more(books: Books, page: Page, ask: Instruction) -> None:
    """What was waited for has come, or will not: the clock runs. Harmless when it does."""
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        if case.paused_at is not None:
            await resume(connection, page, ask)


async def end_pauses(
    engine: AsyncEngine, page: Page, now: datetime, batch: int = BATCH, aside: Aside | None = None
) -> int:
    """Tell of every pause that is over: the clock has run again since, and its story says so. How many.

    Changes no deadline, which counted the pause to its end. Any worker may, and be interrupted anywhere.
    """
    over = (cases.c.paused_until <= now, cases.c.paused_at.is_not(None), cases.c.closed_at.is_(None))
    query = select(cases).where(*over).order_by(cases.c.paused_until).limit(batch)
    held = query.with_for_update(skip_locked=True, key_share=True)
    aside = aside or Aside()

    async def tell(connection: AsyncConnection, found: Sequence[Row[Any]]) -> int:
        await tell_all(connection, [_ended(case, page, now) for case in found], now)
        return len(found)

    return await aside.batches("pauses", engine, held, tell, now, batch)


def _ended(case: Row[Any], page: Page, now: datetime) -> Told:
    clock = clock_of(case).resume(page.calendar, now, case.county or "")
    values = {name: getattr(clock, name) for name in ("stopped_days", "paused_days")}
    values |= {"paused_at": None, "paused_until": None}
    cause = uuid.uuid5(case.id, f"resumed:{case.last_seq + 1}")
    return Told(case.id, cause, "resumed", {"until": case.paused_until.isoformat()}, values)


async def resume(books: Books, page: Page, ask: Instruction) -> None:
    """Let the clock run again; only the days that the pause lasted are left out."""
    async with changing(books, page, CaseAction.RESUME, ask) as change:
        change.clock = change.clock.resume(page.calendar, ask.now, change.county)


async def change_topic(
    engine: AsyncEngine, page: Page, ask: Instruction, topic: str = "", county: str | None = None
) -> None:
    """Another topic or county; what is not given stays. The agency stays too: moving it is a referral.

    A request whose topic is the meeting itself is one to meet from then on; given another before the office
    has decided anything on it, as after a slip, it is what it was.

    Raises Refused for what the book does not know, and when nothing would change.
    """
    async with changing(engine, page, CaseAction.CHANGE_TOPIC, ask) as change:
        before = (change.topic, change.county)
        change.topic = topic or change.topic
        change.county = change.county if county is None else county
        if change.topic not in page.live_topics | {before[0]}:
            raise Refused(f"there is no topic {topic}")
        if change.county and change.county not in page.live_counties | {before[1]}:
            raise Refused(f"there is no county {county}")
        hers = change.case.part_of is None and change.case.channel != COLLECTIVE
        if change.kind == Kind.REQUEST and hers and wishes_to_meet(page, change.topic):
            change.kind = change.details["kind"] = Kind.MEETING
        elif change.kind == Kind.MEETING and not wishes_to_meet(page, change.topic):
            was = await opened_as(change.connection, change.case)
            if was != change.kind and not await _is_decided(change):
                change.kind = change.details["kind"] = was
        if (change.topic, change.county, change.kind) == (*before, change.case.kind):
            raise Refused(f"case {ask.code} is about {change.topic} already")
        if change.topic in page.confidential and not change.case.confidential:
            refuse_collective(change.case)
            change.values["confidential"] = TOPIC
            await confide_below(change, TOPIC)
            if change.case.part_of is not None:  # its body reads the part's words, which name nobody
                change.values["told"] = change.case.words
            elif change.kind != Kind.MEETING and change.agency != page.rules.desk:  # it reads nothing
                change.move(page.rules.desk, MOVED)
                change.status = Status.OPENED
        change.details |= {"before": before, "topic": change.topic, "county": change.county}
        due_at = await first_due(change) if change.case.channel == COLLECTIVE else None
        # Another county alone leaves it the fewer days that it has.
        is_anew = change.topic != before[0] and change.clock.ordered_days is not None
        if due_at:
            change.clock = change.clock.due_by(page.calendar, due_at, change.county)
        elif is_anew and not await is_order(change.connection, change.case.id):
            change.clock = replace(change.clock, ordered_days=await _days_of_oldest(change))


async def opened_as(connection: AsyncConnection, case: Row[Any]) -> str:
    """The kind that was asked for first, before its topic made it a request to meet."""
    its = case_events.c.details
    kind = select(func.coalesce(its["given"]["kind"].astext, its["kind"].astext))
    first = kind.where(case_events.c.case_id == case.id, case_events.c.seq == 1)
    found = (await connection.execute(first)).scalar()
    return found if found in frozenset(Kind) else str(case.kind)


async def _is_decided(change: Change) -> bool:
    query = select(meeting_requests.c.state).where(meeting_requests.c.case_id == change.case.id)
    return (await change.connection.execute(query)).first() is not None


async def _days_of_oldest(change: Change) -> int | None:
    """How many of the topic's days the duplicate that would be due first leaves; None where there is none.

    Only what has stopped since then comes on top of them.
    """
    case, calendar, county = change.case, change.page.calendar, change.county
    days = change.page.term(replace(change.clock, ordered_days=None), change.kind, change.topic, county).days
    left = [
        calendar.working_days(case.opened_at, clock_of(each).due_at(calendar, days, county), county) - stopped
        for each, stopped in await duplicates.hurrying(change.connection, case.id)
    ]
    return min(max(min(left), 1), days) if left else None
