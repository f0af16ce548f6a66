"""Orders: parts of her case, each with one body and the due date that the official gave; only he extends it.

The body accepts, objects ("not lawful, because …" is the return with its reason, on which the office rules)
and reports as with any case. Once all are reported she is called; what she contradicts is open again, one
level up. One whose day becomes a day off is due on the next working day, as long as it is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Row, Select, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.meeting_orders import OrderState, is_late, is_unkept, state_of
from ivr.cases.meetings import FARTHEST, RequestState
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Actor, CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import order_calls, pausing, splitting
from ivr.desk.case.answers import refuse_unreadable
from ivr.desk.case.change import EVENTS, Books, Instruction, unchanged
from ivr.desk.case.event_log import MACHINE
from ivr.desk.case.splitting import Part
from ivr.desk.case.transaction import changing, locked, transaction
from ivr.desk.meetings.request_deciding import held, today
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.aside import Aside
from ivr.store.tables import case_events, cases, meeting_orders

NOON = time(12)
WHOLE = cases.alias("whole")  # her case, of which an order is a part


@dataclass(frozen=True, slots=True)
class MeetingOrder:
    """What one body is to do, and by when."""

    agency: str
    words: str
    due_on: date


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """`part`: the case that carries it, with the order's own dates and `whole`, her code."""

    part: Row[Any]
    state: OrderState
    late: bool

    @property
    def to_check(self) -> bool:
        """Whether the office has still to look at what the body reports."""
        seen, reported, over = self.part.checked_at, self.part.answered_at, self.part.closed_at
        return self.state is OrderState.REPORTED and over is None and (seen is None or seen < reported)


async def give(books: Books, page: Page, ask: Instruction, orders: Sequence[MeetingOrder]) -> list[str]:
    """Codes of the parts. The whole waits for the last of them. One transaction.

    Of a request to meet once she was heard, of any other case while it is not answered.
    Raises Refused as a split does; before she was heard; by anybody but the office; for an order given
    already; WrongField for a day that is no working day ahead, and for words that no voice reads to her.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office gives orders")
    for order in orders:
        refuse_unreadable(order.words, "words")  # she is asked whether it is done
    async with transaction(books) as connection:
        case = await _whole(connection, page, ask)
        await _refuse_again(connection, case.id, orders)
        days = [_days(page, ask, order.due_on, case.county or "") for order in orders]
        parts = [Part(o.agency, o.words, days=n) for o, n in zip(orders, days, strict=True)]
        codes = await splitting.split(connection, page, _step(ask, "split"), parts, least=1)
        given = {"given_by": ask.actor.name, "given_at": ask.now, "of_case": case.id}
        ids = await _ids(connection, codes)
        rows = [given | {"case_id": ids[code], "due_on": o.due_on, "first_due_on": o.due_on} for code, o in
                zip(codes, orders, strict=True)]  # fmt: skip
        await connection.execute(meeting_orders.insert(), rows)
        await _ask_her(connection, page, ask, case, list(ids.values()))
        await whole_waits(connection, page, _step(ask, "wait"), case.id)
        return codes


async def _whole(connection: AsyncConnection, page: Page, ask: Instruction) -> Row[Any]:
    case = await locked(connection, ask.code)
    unchanged(case, ask)
    if case.kind == Kind.MEETING and not case.part_of:
        state = (await held(connection, page, ask)).state
        if state is not RequestState.MET:
            raise Refused(f"request {ask.code} is {state}: orders are given once she was heard")
    return case


def _step(ask: Instruction, name: str) -> Instruction:
    """For what is done to the whole within one giving."""
    return replace(ask, seen=None, cause=uuid5(ask.cause, name))


async def extend(books: Books, page: Page, ask: Instruction, due_on: date) -> None:
    """Another, later day, with a reason; by the office, else as `put_off` does. `ask.code`: the order's."""
    by_itself = ask.actor.side is Side.MACHINE
    async with transaction(books) as connection:
        async with changing(connection, page, CaseAction.EXTEND, ask) as change:
            query = select(meeting_orders).where(meeting_orders.c.case_id == change.case.id)
            order = (await connection.execute(query)).first()
            if order is None:
                raise Refused(f"case {ask.code} is no order")
            if due_on == order.due_on or (due_on < order.due_on and not by_itself):
                raise WrongField("due_on", "an extension ends later than the order did")
            days = _days(page, ask, due_on, change.county, since=change.clock.opened_at)
            if not by_itself or page.calendar.day(change.case.due_at) <= order.due_on:  # else it has longer
                change.wait(None)  # a pause of the desk's would make that day a later one
                change.clock = replace(change.clock, ordered_days=days - change.clock.stopped_days)
                change.come_again()
            change.details |= {"before": order.due_on.isoformat(), "due_on": due_on.isoformat()}
            its = update(meeting_orders).where(meeting_orders.c.case_id == change.case.id)
            await connection.execute(its.values(due_on=due_on))
        whole = (await connection.execute(select(cases).where(cases.c.id == order.of_case))).one()
        await whole_waits(connection, page, replace(ask, code=whole.code, seen=None), whole.id)
        await _ask_her(connection, page, ask, whole, [order.case_id])


async def put_off(
    engine: AsyncEngine, page: Page, now: datetime | None = None, *, aside: Aside | None = None
) -> int:
    """Orders whose day has become a day off are due on the next working day, as long as it is one. How many.

    None moves back to a day that has come; one that has gone by stays. Any worker may, and be interrupted
    anywhere.
    """
    now = now or datetime.now(UTC)
    async with engine.connect() as connection:
        rows = {row.id: row for row in await connection.execute(_owed(page, now))}

    async def follow(row: Row[Any]) -> int | None:
        first = row.given_on if row.given_on > today(page, now) else row.due_on
        day = page.calendar.working_day_from(first, row.county or "")
        if day == row.due_on:
            return None
        try:
            await extend(engine, page, Instruction(row.code, Actor(MACHINE, Side.MACHINE), now=now), day)
        except Refused:  # somebody was quicker
            return 0
        return 1

    return await (aside or Aside()).each("orders due on a day off", rows, follow, now)


def _owed(page: Page, now: datetime) -> Select[Any]:
    """Orders that are due yet, with the day that an official gave last (`given_on`).

    None that a newer reading of the calendar has moved: by an older one it would be moved back.
    """
    event, its = case_events.c, meeting_orders.c
    extended = (event.case_id == cases.c.id, event.event == EVENTS[CaseAction.EXTEND])
    given = select(event.details["due_on"].as_string()).where(*extended, event.actor != MACHINE)
    last = given.order_by(event.seq.desc()).limit(1).scalar_subquery()
    given_on = func.coalesce(cast(last, Date), its.first_due_on).label("given_on")
    query: Select[Any] = select(cases.c.id, cases.c.code, cases.c.county, its.due_on, given_on)
    query = query.join(meeting_orders, its.case_id == cases.c.id)
    query = query.where(cases.c.status.in_(OPEN - {Status.ANSWERED}), its.due_on >= today(page, now))
    return query.where(cases.c.timed_by <= page.revision)


async def listed(
    connection: AsyncConnection, page: Page, now: datetime, scope: Scope | None = None, of_case: Any = None
) -> list[OrderSeen]:
    """Orders, the first due in front: of one case, or all whose case still runs. None: whoever asks."""
    query = orders()
    query = query.where(meeting_orders.c.of_case == of_case if of_case else WHOLE.c.closed_at.is_(None))
    if scope is not None:
        query = query.where(scope.cases())
    rows = (await connection.execute(query.order_by(meeting_orders.c.due_on, cases.c.code))).all()
    return [seen(page, row, now) for row in rows]


async def of_code(
    connection: AsyncConnection, page: Page, now: datetime, scope: Scope, code: str
) -> OrderSeen | None:
    """None: there is no such order that they may know of."""
    row = (await connection.execute(orders().where(cases.c.code == code, scope.cases()))).first()
    return row and seen(page, row, now)


def orders() -> Select[Any]:
    """Every order, with the case that carries it and, as `whole` and `hers`, code and caller of her own.

    `ordered_of`: the body that it was given to. `whole_status`, `whole_closure`: how that stands, and ended.
    """
    its = ("due_on", "first_due_on", "given_by", "given_at", "said", "said_at", "checked_at", "checked_by")
    query = select(cases, *(meeting_orders.c[name] for name in its))
    query = query.add_columns(order_calls.ORDERED_OF, WHOLE.c.code.label("whole"))
    query = query.add_columns(WHOLE.c.caller_key.label("hers"), WHOLE.c.status.label("whole_status"))
    query = query.add_columns(WHOLE.c.closure.label("whole_closure"))
    query = query.join(meeting_orders, meeting_orders.c.case_id == cases.c.id)
    return query.join(WHOLE, WHOLE.c.id == meeting_orders.c.of_case)


async def with_sealed(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these cases of which an order became confidential."""
    query = select(meeting_orders.c.of_case).join(cases, cases.c.id == meeting_orders.c.case_id)
    sealed = (meeting_orders.c.of_case.in_(ids), cases.c.confidential.is_not(None))
    return set((await connection.execute(query.where(*sealed))).scalars())


async def heading(
    connection: AsyncConnection, page: Page, now: datetime, scope: Scope | None = None
) -> dict[str, list[OrderSeen]]:
    """By body, what heads the next agenda: orders that she contradicts, or that are owed beyond their day.

    As far as `scope` may know of them; None: all.
    """
    found: dict[str, list[OrderSeen]] = {}
    for order in await listed(connection, page, now, scope):
        if is_unkept(order.state, order.late):
            found.setdefault(order.part.ordered_of, []).append(order)
    return found


async def unkept(
    connection: AsyncConnection, page: Page, callers: Collection[str], now: datetime
) -> list[OrderSeen]:
    """Orders given for these callers that are not kept."""
    if not callers:
        return []
    owed = [order for orders in (await heading(connection, page, now)).values() for order in orders]
    return [order for order in owed if order.part.hers in callers]


def seen(page: Page, row: Row[Any], now: datetime) -> OrderSeen:
    """`row`: with the status of the case that carries it, its agency and day, and what she said."""
    return OrderSeen(row, state_of(row), is_late(row, today(page, now)))


def _days(page: Page, ask: Instruction, due_on: date, county: str, since: datetime | None = None) -> int:
    """Working days until then, from now or from `since`."""
    now = today(page, ask.now)
    if not now < due_on <= now + FARTHEST or not page.calendar.is_working(due_on, county):
        raise WrongField("due_on", f"an order is due on a working day ahead, within {FARTHEST.days} days")
    noon = datetime.combine(due_on, NOON, ZoneInfo(page.calendar.timezone))
    return page.calendar.working_days(since or ask.now, noon, county)


async def _refuse_again(connection: AsyncConnection, whole: Any, orders: Sequence[MeetingOrder]) -> None:
    query = select(cases.c.agency, cases.c.words).where(cases.c.part_of == whole, cases.c.closed_at.is_(None))
    there = {(row.agency, row.words) for row in await connection.execute(query)}
    for order in orders:
        if (order.agency, order.words.strip()) in there:
            raise Refused(f"this order was given to {order.agency} already")


async def _ids(connection: AsyncConnection, codes: Sequence[str]) -> dict[str, Any]:
    query = select(cases.c.code, cases.c.id).where(cases.c.code.in_(codes))
    return {row.code: row.id for row in await connection.execute(query)}


async def _ask_her(
    connection: AsyncConnection, page: Page, ask: Instruction, whole: Any, ids: Sequence[Any]
) -> None:
    """She is called on the day that each of these orders is due."""
    query = select(cases.c.id, cases.c.code, cases.c.agency, cases.c.words, meeting_orders.c.due_on)
    query = query.join(meeting_orders, meeting_orders.c.case_id == cases.c.id).where(cases.c.id.in_(ids))
    zone = ZoneInfo(page.calendar.timezone)
    for part in (await connection.execute(query)).all():
        await order_calls.plan(connection, whole, part, part.due_on, ask.now, zone)


async def whole_waits(connection: AsyncConnection, page: Page, ask: Instruction, whole: Any) -> None:
    """Her case's own clock stands until the last of its orders that are not over is due."""
    until = await order_calls.waits_until(connection, whole, ask.now, ZoneInfo(page.calendar.timezone))
    if until is not None:
        await pausing.wait_until(connection, page, ask, until)
