"""Five closed cases are drawn at random, and the governor's office asks their citizens how it went.

A drawing is on record with who drew it, from which cases and with which seed; there is no second one before
each of its cases has a result, or it is put aside with a reason.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.callback import Outcome
from ivr.cases.channels import NOBODYS
from ivr.cases.lottery import BACK, LotteryResult, drawn
from ivr.cases.statuses import Status
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning, closing, order_calls
from ivr.desk.case.callback_planning import Reach
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.people import auditing
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.named_lock import alone
from ivr.store.tables import callbacks, cases, lottery_calls, lottery_cases, lottery_draws

DRAWN, NOTED = "lottery_drawn", "lottery_noted"  # events
CONFIDENTIAL = "confidential"
LEFT_OUT = {Reach.NO: "no_number", Reach.TO_VERIFY: "no_number", Reach.REFUSED: "never_call"}


@dataclass(frozen=True, slots=True)
class LotteryCase:
    """`case`: hers, with place and result. `tries`: calls to her, the latest first, and what came of each."""

    case: Row[Any]
    tries: Sequence[Row[Any]]

    @property
    def talked(self) -> bool:
        return any(each.last_outcome == Outcome.TALKED for each in self.tries)


@dataclass(frozen=True, slots=True)
class EndedDraw:
    """A drawing that has ended, and its results with how many each."""

    row: Row[Any]
    results: dict[str, int]


async def draw(books: Books, page: Page, ask: Instruction, scope: Scope, person: UUID | None = None) -> int:
    """The drawing's number. Raises Refused while one is open, and where no case can be drawn."""
    _of_the_office(ask)
    async with transaction(books) as connection:
        await alone(connection, "lottery")
        if (running := await current(connection)) is not None:
            raise Refused(f"lottery {running.number} is not worked through")
        pool, left_out = await _pool(connection, page.conventions.languages, ask.now, scope)
        if not pool:
            raise Refused("there is no closed case that can be drawn")
        seed = secrets.token_hex(16)
        row = {"drawn_by": ask.actor.name, "drawn_at": ask.now, "seed": seed, "left_out": left_out}
        row |= {"pool": sorted(map(int, pool))}
        made = lottery_draws.insert().values(row).returning(lottery_draws.c.number)
        number = int((await connection.execute(made)).scalar_one())
        for place, code in enumerate(drawn(pool, seed), 1):
            its = {"case_id": pool[code], "draw": number, "place": place}
            await connection.execute(lottery_cases.insert().values(its))
            told, cause = {"draw": number}, uuid5(ask.cause, code)
            await add_event(connection, cause, pool[code], ask.now, DRAWN, told, actor=ask.actor.name)
        await auditing.note(connection, ask.now, DRAWN, person=person, subject=f"lottery/{number}")
    return number


async def put_aside(books: Books, ask: Instruction, number: int, person: UUID | None = None) -> None:
    """Work on it no more, with a reason. Raises Refused for one that is not open; WrongField without one."""
    _of_the_office(ask)
    if not ask.reason.strip():
        raise WrongField("reason", "must be given")
    async with transaction(books) as connection:
        ended = {"ended_at": ask.now, "put_aside_by": ask.actor.name, "reason": ask.reason.strip()}
        its = (lottery_draws.c.number == number, lottery_draws.c.ended_at.is_(None))
        if not (await connection.execute(update(lottery_draws).where(*its).values(ended))).rowcount:
            raise Refused(f"lottery {number} is not open")
        subject, reason = f"lottery/{number}", ask.reason.strip()
        await auditing.note(
            connection, ask.now, "lottery_put_aside", person=person, subject=subject, reason=reason
        )


async def note(books: Books, page: Page, ask: Instruction, result: LotteryResult) -> None:
    """What came of it, with the reason: what she said. Not satisfied, her case is open again, one level up,
    unless it forgot her meanwhile.

    Raises NoSuchCase; Refused for a case that is not in the open drawing, or has its result, where nobody has
    talked with her, or never tried to; WrongField without what she said where she is not satisfied.
    """
    _of_the_office(ask)
    async with transaction(books) as connection:
        await alone(connection, "lottery")
        case = await locked(connection, ask.code)
        running = await current(connection)
        found = [each for each in await read(connection, running) if each.case.id == case.id]
        if running is None or not found or found[0].case.result:
            raise Refused(f"case {ask.code} waits for no result of a lottery")
        [one] = found
        if result is LotteryResult.NOT_REACHED and not any(each.attempts for each in one.tries):
            raise Refused(f"the citizen of case {ask.code} was not rung")
        if result is not LotteryResult.NOT_REACHED and not one.talked:
            raise Refused(f"nobody has talked with the citizen of case {ask.code}")
        if result is LotteryResult.NOT_SATISFIED and not ask.reason.strip():
            raise WrongField("reason", "what she says is missing must be given")
        told = {"result": str(result), "draw": running.number}
        told |= {"text": ask.reason.strip()} if ask.reason.strip() else {}
        await add_event(connection, ask.cause, case.id, ask.now, NOTED, told, actor=ask.actor.name)
        its = update(lottery_cases).where(lottery_cases.c.case_id == case.id)
        await connection.execute(its.values(result=result, noted_by=ask.actor.name, noted_at=ask.now))
        opens = case.status == Status.CLOSED and case.anonymised_at is None
        if result is LotteryResult.NOT_SATISFIED and opens:
            await closing.reopen(connection, page, ask)
            await order_calls.contradicted(connection, case.id, ask.now)
        await _end_if_done(connection, running.number, ask.now)


async def current(connection: AsyncConnection) -> Row[Any] | None:
    """The drawing that is being worked through."""
    query = select(lottery_draws).where(lottery_draws.c.ended_at.is_(None))
    return (await connection.execute(query)).first()


async def last(connection: AsyncConnection, limit: int = 10) -> list[EndedDraw]:
    """Ended drawings, the latest first, with how many of their cases came to which result."""
    counts = select(lottery_cases.c.draw, lottery_cases.c.result, func.count().label("count"))
    counts = counts.group_by(lottery_cases.c.draw, lottery_cases.c.result)
    results: dict[int, dict[str, int]] = {}
    for row in await connection.execute(counts):
        results.setdefault(row.draw, {})[row.result] = row._mapping["count"]
    columns = [column for column in lottery_draws.c if column.name not in ("pool", "seed")]
    query = select(*columns).where(lottery_draws.c.ended_at.is_not(None))
    rows = (await connection.execute(query.order_by(lottery_draws.c.number.desc()).limit(limit))).all()
    return [EndedDraw(row, results.get(row.number, {})) for row in rows]


async def read(
    connection: AsyncConnection, running: Row[Any] | None, scope: Scope | None = None
) -> list[LotteryCase]:
    """Its cases in the order in which they were drawn."""
    if running is None:
        return []
    query = select(cases, *(lottery_cases.c[name] for name in ("result", "noted_by")))
    query = query.add_columns(lottery_cases.c.place.label("turn"))  # a case has a place of its own
    query = query.join(lottery_cases, lottery_cases.c.case_id == cases.c.id)
    query = query.where(lottery_cases.c.draw == running.number, (scope or Scope()).cases())
    rows = (await connection.execute(query.order_by(lottery_cases.c.place))).all()
    tried = select(lottery_calls.c.case_id, lottery_calls.c.at, lottery_calls.c.asked_by, callbacks.c.state,
                   callbacks.c.attempts, callbacks.c.last_outcome)  # fmt: skip
    tried = tried.join(callbacks, callbacks.c.id == lottery_calls.c.callback_id)
    tried = tried.where(lottery_calls.c.case_id.in_([row.id for row in rows]))
    tries: list[Row[Any]] = [*(await connection.execute(tried.order_by(lottery_calls.c.at.desc())))]
    return [LotteryCase(row, [each for each in tries if each.case_id == row.id]) for row in rows]


async def replayed(connection: AsyncConnection, number: int) -> bool:
    """Whether pool and seed on record give the cases that were drawn. Raises Refused: no such drawing."""
    row = (await connection.execute(select(lottery_draws).where(lottery_draws.c.number == number))).first()
    if row is None:
        raise Refused(f"there is no lottery {number}")
    query = select(cases.c.code).join(lottery_cases, lottery_cases.c.case_id == cases.c.id)
    query = query.where(lottery_cases.c.draw == number).order_by(lottery_cases.c.place)
    there = list((await connection.execute(query)).scalars())
    return there == drawn([f"{code:010}" for code in row.pool], row.seed)


async def _pool(
    connection: AsyncConnection, spoken: Collection[str], now: datetime, scope: Scope
) -> tuple[dict[str, UUID], dict[str, int]]:
    """Code → id of those that can be drawn, and how many can't be, by reason."""
    its = cases.c
    recent = (its.status == Status.CLOSED, its.closed_at > now - BACK, its.anonymised_at.is_(None))
    hers = (its.part_of.is_(None), its.channel.not_in(NOBODYS), scope.cases())
    query = select(its.id, its.code, its.channel, its.callback, its.caller_key, its.language)
    query = query.add_columns(its.confidential).where(
        *recent, *hers, its.id.not_in(select(lottery_cases.c.case_id))
    )
    found = (await connection.execute(query)).all()
    told = [row for row in found if row.confidential is None]
    left_out = Counter({CONFIDENTIAL: len(found) - len(told)})
    reach = await callback_planning.reach(connection, [row._mapping for row in told], now, spoken)
    pool = {}
    for row, how in zip(told, reach, strict=True):
        if how is Reach.YES:
            pool[row.code] = row.id
        else:
            left_out[LEFT_OUT[how]] += 1
    return pool, dict(left_out)


async def _end_if_done(connection: AsyncConnection, number: int, now: datetime) -> None:
    waits = select(lottery_cases.c.case_id).where(
        lottery_cases.c.draw == number, lottery_cases.c.result == ""
    )
    if (await connection.execute(waits.limit(1))).first() is None:
        its = update(lottery_draws).where(lottery_draws.c.number == number)
        await connection.execute(its.values(ended_at=now))


def _of_the_office(ask: Instruction) -> None:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the governor's office does that")
