"""The office looks at what a body reports of an order before the citizen is called with it.

She waits for no office: on the day the order is due she is called all the same (`order_calls.told_from`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import answers, callback_planning, order_calls
from ivr.desk.case.callback_planning import ANSWER, YET_TO_TELL, Reach
from ivr.desk.case.change import Books, Instruction, unchanged
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.meetings import order_giving, order_ruling
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import callbacks, cases, meeting_orders

CHECKED = "order_checked"  # the event


class HearsOfIt(StrEnum):
    """How she hears of an order that the office found done."""

    CALLED = "called"
    UNSEEN = "unseen"  # she is, once the office has looked at all that is reported, or its day has come
    OTHERS_OPEN = "others_open"  # she is asked on each order's day, or called once all is reported
    TO_VERIFY = "to_verify"  # if her number proves to be hers
    BY_HAND = "by_hand"  # nobody can call her: the office tells her itself


async def to_check(connection: AsyncConnection, page: Page, now: datetime, scope: Scope) -> list[OrderSeen]:
    """What is reported and not looked at, the first due in front, as far as they may know of it."""
    return [seen for seen in await order_giving.listed(connection, page, now, scope) if seen.to_check]


async def called_at(
    connection: AsyncConnection, page: Page, now: datetime, orders: Sequence[OrderSeen]
) -> list[datetime]:
    """When she is called about each, whether or not anybody has looked; that hour may have come."""
    zone, parts = ZoneInfo(page.calendar.timezone), [order.part for order in orders]
    answered = {part.part_of for part in parts if part.whole_status == Status.ANSWERED}
    # Of those all bodies have reported: the first of their days counts.
    told = await order_calls.told_of_each_from(connection, answered, now, zone)
    return [told.get(part.part_of, datetime.combine(part.due_on, order_calls.AT, zone)) for part in parts]


async def reaches(
    connection: AsyncConnection, orders: Sequence[OrderSeen], now: datetime, languages: Collection[str]
) -> list[Reach]:
    """Whether she can be told of each by telephone."""
    ids = {order.part.part_of for order in orders}
    rows = (await connection.execute(select(cases).where(cases.c.id.in_(ids)))).all()
    found = await callback_planning.reach(connection, [row._mapping for row in rows], now, languages)
    by_case = {row.id: reach for row, reach in zip(rows, found, strict=True)}
    return [by_case[order.part.part_of] for order in orders]


async def hears(
    connection: AsyncConnection, page: Page, now: datetime, order: OrderSeen, languages: Collection[str]
) -> HearsOfIt | None:
    """None: she was told, or her case is over."""
    part = order.part
    if part.whole_status not in OPEN:
        return None
    answered = part.whole_status == Status.ANSWERED
    query = select(callbacks.c.state).where(
        callbacks.c.case_id == part.part_of, callbacks.c.purpose == ANSWER
    )
    waits = (await connection.execute(query.where(YET_TO_TELL))).scalars().all() if answered else []
    if answered and not waits:
        return None
    [reach] = await reaches(connection, [order], now, languages)
    if reach in (Reach.NO, Reach.REFUSED) or "unreachable" in waits:
        return HearsOfIt.BY_HAND
    if reach is Reach.TO_VERIFY:
        return HearsOfIt.TO_VERIFY
    if not answered:
        return HearsOfIt.OTHERS_OPEN
    at = await order_calls.told_from(connection, part.part_of, now, ZoneInfo(page.calendar.timezone))
    return HearsOfIt.UNSEEN if at > now else HearsOfIt.CALLED


async def confirm(books: Books, page: Page, ask: Instruction) -> None:
    """The office finds it done. Once it has looked at all that is reported, she is called.

    `ask.code`: the order's. Raises NoSuchCase; Refused for what is no order, or reports nothing to look at.
    """
    async with transaction(books) as connection:
        order = await _order(connection, ask)
        part = await locked(connection, ask.code)
        unchanged(part, ask)
        looked = order.checked_at is not None and order.checked_at >= part.answered_at
        if part.status != Status.ANSWERED or looked:
            raise Refused(f"order {ask.code} reports nothing that is to be checked")
        its = update(meeting_orders).where(meeting_orders.c.case_id == part.id)
        await connection.execute(its.values(checked_at=ask.now, checked_by=ask.actor.name))
        details = {"reason": ask.reason.strip()} if ask.reason.strip() else {}
        await add_event(connection, ask.cause, part.id, ask.now, CHECKED, details, actor=ask.actor.name)
        whole = (await connection.execute(select(cases).where(cases.c.id == order.of_case))).one()
        zone = ZoneInfo(page.calendar.timezone)
        at = await order_calls.told_from(connection, whole.id, ask.now, zone)
        await order_calls.hold(connection, whole, at, ask.now)


async def hand_back(books: Books, page: Page, ask: Instruction) -> None:
    """What a body reports, of an order or of any case, is not enough, for the reason given: it owes it again.

    What it has returned goes back to it likewise. Its day stays as it was.
    Raises NoSuchCase, or Refused as `answers.hand_back`, without a reason, and by anybody but the office.
    """
    _of_the_office(ask)
    if not ask.reason.strip():
        raise Refused(f"case {ask.code} can't be handed back without a reason")
    async with transaction(books) as connection:
        query = select(cases).where(cases.c.code == ask.code, cases.c.status == Status.RETURNED)
        if (returned := (await connection.execute(query)).first()) is not None:
            await order_ruling.send_back(connection, page, ask, returned)
            return
        await answers.hand_back(connection, page, ask)
        part = await locked(connection, ask.code)
        if await order_calls.is_order(connection, part.id):
            whole = (await connection.execute(select(cases).where(cases.c.id == part.part_of))).one()
            if Status(whole.status) in OPEN - {Status.ANSWERED}:
                its = replace(ask, code=whole.code, seen=None)
                await order_giving.whole_waits(connection, page, its, whole.id)


async def _order(connection: AsyncConnection, ask: Instruction) -> Row[Any]:
    """The order that this case carries; its whole is locked, as ever before a part."""
    _of_the_office(ask)
    query = select(meeting_orders).join(cases, cases.c.id == meeting_orders.c.case_id)
    order = (await connection.execute(query.where(cases.c.code == ask.code))).first()
    if order is None:
        raise Refused(f"case {ask.code} is no order")
    held = select(cases.c.id).where(cases.c.id == order.of_case).with_for_update(key_share=True)
    await connection.execute(held)
    return order


def _of_the_office(ask: Instruction) -> None:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office checks what is reported")
