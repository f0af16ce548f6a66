"""Many callers, one matter: their cases wait in one collective case and get its answer, each by herself.

A member stays the caller's own case, with her code. What is done to the collective one is done to its
members (`ivr.desk.case.family`); who says “not solved” takes her case out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import COLLECTIVE
from ivr.cases.clock import Clock
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, CaseAction, Side, decide
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning, closing, referring, registering
from ivr.desk.case.change import Books, Change, Instruction, of_members
from ivr.desk.case.codes import desk_code
from ivr.desk.case.discretion import refuse_awaited, refuse_together, refuse_told_of
from ivr.desk.case.event_log import MACHINE
from ivr.desk.case.rows import Kin, Rows, add_kin
from ivr.desk.case.transaction import changing, locked, transaction
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from ivr.store.tables import cases

SETTLED_AT_ONCE = 100
OVER = "collective cases"


@dataclass(frozen=True, slots=True)
class Collected:
    """`code` of the collective case; `merged`: codes of callers who are in it with another case already."""

    code: str
    members: Sequence[str]
    merged: Sequence[str]


async def collect(
    books: Books,
    page: Page,
    actor: Actor,
    codes: Sequence[str],
    words: str,
    now: datetime,
    into: str = "",
    seen: int | None = None,
) -> Collected:
    """Put these cases into the collective case `into`, or into a new one about `words`. One transaction.

    A new one is about the first case's topic and county, with its agency, as old as the oldest of them; each
    is due when the first of its members is, for all of whom it climbs, and stands as high as the highest.
    `seen`: the last event of the first of them that the asker saw.
    Raises NoSuchCase, and Refused as the table says, when `into` is no collective case that waits for its
    answer, and for a further case of the same caller that is about something else.
    """
    members: list[str] = []
    merged: list[str] = []
    async with transaction(books) as connection:
        if not into:
            into = await _begin(connection, page, actor, codes, words, now)
        whole = await locked(connection, into)
        if whole.channel != COLLECTIVE or whole.closed_at or whole.status == Status.ANSWERED:
            raise Refused(f"case {into} is no collective case that waits for an answer")
        kept = of_members(connection, page, whole, actor, now)
        for code in dict.fromkeys(codes):
            ask = Instruction(code, actor, words, now, seen if code == codes[0] else None)
            twin = await _twin(connection, whole, code)
            if twin:
                await _merge(connection, page, replace(ask, reason=words or whole.words), twin)
                kept.keep_up_with(await locked(connection, twin))
                merged.append(code)
                continue
            async with changing(connection, page, CaseAction.COLLECT, ask) as change:
                refuse_together(change.case)
                await refuse_awaited(change)
                await refuse_told_of(change, whole.agency)
                await _join(change, whole)
                kept.keep_up_with(change.case)
            members.append(code)
        await kept.save_quietly()
    return Collected(into, members, merged)


async def release(engine: AsyncEngine, page: Page, ask: Instruction) -> None:
    """Out of the collective case: it goes on by itself, with the body that it has."""
    async with changing(engine, page, CaseAction.RELEASE, ask) as change:
        change.values = {"member_of": None}


async def settle(
    engine: AsyncEngine,
    page: Page,
    now: datetime,
    *,
    batch: int = SETTLED_AT_ONCE,
    aside: Aside | None = None,
) -> int:
    """End collective cases in which nobody waits any more: every caller has dealt with the answer, or all
    have left before there was one. How many. Any worker may.
    """
    members = cases.alias()
    is_open = select(members.c.id).where(members.c.member_of == cases.c.id, members.c.closed_at.is_(None))
    left = (cases.c.channel == COLLECTIVE, cases.c.closed_at.is_(None), ~is_open.exists())
    aside = aside or Aside()
    query: Select[Any] = select(cases.c.id, cases.c.code, cases.c.status).where(*left)
    query = query.where(*aside.but(OVER, cases.c.id, now))
    async with engine.connect() as connection:
        found = {row.id: row for row in await connection.execute(query.limit(batch))}

    async def end(whole: Row[Any]) -> int:
        answered = whole.status == Status.ANSWERED
        reason = "every caller has had the answer" if answered else "no caller waits in it any more"
        ask = Instruction(whole.code, Actor(MACHINE, Side.MACHINE), reason, now)
        try:
            await (closing.close if answered else closing.withdraw)(engine, page, ask)
        except Refused:  # another worker was quicker, or somebody else was collected into it
            return 0
        return 1

    return await aside.each(OVER, found, end, now)


async def _begin(
    connection: AsyncConnection, page: Page, actor: Actor, codes: Sequence[str], words: str, now: datetime
) -> str:
    if actor.side is not Side.DESK:
        raise Refused("only the desk collects cases")
    if not codes or not words.strip():
        raise Refused("a collective case needs members, and words that say what they are about")
    found = {code: await locked(connection, code) for code in sorted(set(codes))}
    first, oldest = found[codes[0]], min(found.values(), key=lambda case: case.opened_at)
    rows, code = Rows(), await desk_code(connection)
    clock = Clock(oldest.opened_at, oldest.stopped_days)
    due_at = min(case.due_at for case in found.values())
    clock = clock.due_by(page.calendar, due_at, first.county or "")
    kin = Kin(first, COLLECTIVE, first.agency, actor.name, first.topic, words, clock)
    add_kin(rows, kin, code, page, now)
    await registering.save(connection, rows)
    return code


async def _twin(connection: AsyncConnection, whole: Row[tuple[object, ...]], code: str) -> str:
    """The code of the same caller's case that is a member already, told together with it; "" for none."""
    case = await locked(connection, code)
    refuse_together(case)  # before its caller is compared, which would tell whose it is
    if phone.is_withheld(case.caller_key):  # in an older release's rows noughts, too
        return ""
    same = (cases.c.member_of == whole.id, cases.c.caller_key == case.caller_key, cases.c.closed_at.is_(None))
    query = select(cases).where(*same, cases.c.id != case.id).order_by(cases.c.opened_at)
    found = (await connection.execute(query)).all()
    for other in found:
        if await callback_planning.is_told_together(connection, case, other):
            return str(other.code)
    return ""


async def _merge(connection: AsyncConnection, page: Page, ask: Instruction, into: str) -> None:
    async with changing(connection, page, CaseAction.MERGE, ask, into) as change:
        case = change.case  # merged because it is collected: what can't be collected is not merged either
        decide(ask.code, Status(case.status), case.agency, CaseAction.COLLECT, ask.actor, ask.reason)
        await closing.go_on_in(change, await locked(connection, into))


async def _join(change: Change, whole: Row[Any]) -> None:
    """Nobody can approve there of what was proposed for it alone; and hers was not opened again."""
    if change.agency != whole.agency:
        await referring.refuse_without_ruling(change)
        change.move(whole.agency, COLLECTIVE)
    if whole.status != Status.REOPENED:
        change.status = Status(whole.status)
    change.values |= {"member_of": whole.id, "draft": None}
    change.details |= {"collective": whole.code}
    change.quiet = True  # whoever has the collective case was told of that
