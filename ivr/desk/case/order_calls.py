"""On the day an order falls due the citizen is called and asked whether it is done.

What bodies report she is called about once the office has looked at it, and on that day at the latest.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.callback import Outcome
from ivr.cases.statuses import Status
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import ANSWER, HELD, ORDER, YET_TO_TELL
from ivr.store.callbacks import PUT_ASIDE
from ivr.store.tables import callbacks, cases, meeting_orders, meeting_requests, outbox, referrals
from ivr.voice.order_call import OrderNews

AT = time(12)  # of that day, in the province; quiet hours and days off may put it off
_SINCE = referrals.alias("since")
_LATER = select(_SINCE.c.id).where(
    _SINCE.c.case_id == referrals.c.case_id, _SINCE.c.referred_at > referrals.c.ended_at
)
_OBJECTOR = select(referrals.c.agency).where(
    referrals.c.case_id == cases.c.id,
    referrals.c.ended_reason == "returned",
    cases.c.status.in_((Status.RETURNED, Status.WITHDRAWN)),
    ~_LATER.exists(),
)
# Of an order to which a body objects, until the office rules, and if it withdraws it then: that body.
# What the office then answers itself, or opens again once it is withdrawn, is its own.
_LAST = _OBJECTOR.order_by(referrals.c.ended_at.desc()).limit(1).correlate(cases)
ORDERED_OF = func.coalesce(_LAST.scalar_subquery(), cases.c.agency).label("ordered_of")


def kept_from_nobody(whole: FromClause) -> tuple[ColumnElement[bool], ...]:
    """Neither of a confidential case nor about a head, in a query of orders with her request to meet."""
    apart = (meeting_requests.c.about, whole.c.accused, whole.c.confidential, cases.c.confidential)
    return tuple(column.is_(None) for column in apart)


async def plan(
    connection: AsyncConnection, whole: Any, part: Any, due_on: date, now: datetime, zone: ZoneInfo
) -> None:
    """`whole`: her case, `part`: the order's. Another day takes the place of an earlier one."""
    await cancel(connection, whole, part, now)
    notice = {"order": part.code, "agency": part.agency, "words": part.words, "due_on": due_on.isoformat()}
    key, at = f"order:{part.id}:{uuid.uuid4()}", datetime.combine(due_on, AT, zone)
    await callback_planning.plan_news(connection, whole, key, now, notice, ORDER, at)


async def cancel(connection: AsyncConnection, whole: Any, part: Any, now: datetime) -> None:
    """She is not asked about this order."""
    its = (callbacks.c.case_id == whole.id, callbacks.c.purpose == ORDER, YET_TO_TELL)
    this = callbacks.c.notice["order"].as_string() == part.code
    await connection.execute(update(callbacks).where(*its, this).values(state="cancelled", ended_at=now))


async def waits_until(
    connection: AsyncConnection, whole: uuid.UUID, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """Noon of the last day on which one of its orders is due that is not over; None: that has come."""
    query = select(func.max(meeting_orders.c.due_on)).join(cases, cases.c.id == meeting_orders.c.case_id)
    query = query.where(meeting_orders.c.of_case == whole, cases.c.closed_at.is_(None))
    last = (await connection.execute(query)).scalar_one()
    until = last and datetime.combine(last, AT, zone).astimezone(UTC)
    return until if until and until > now else None


async def contradicted(connection: AsyncConnection, whole: uuid.UUID, now: datetime) -> None:
    """Her case is not solved, she says: so stand its orders that are owed again until a body reports anew."""
    anew = select(cases.c.id).where(cases.c.part_of == whole, cases.c.status == Status.REOPENED)
    its = update(meeting_orders).where(meeting_orders.c.case_id.in_(anew))
    await connection.execute(its.values(said=Outcome.ORDER_NOT_DONE, said_at=now))


def still_wanted(whole: Any) -> bool:
    """Not once all bodies have reported: then she is called with their answers."""
    return whole.closed_at is None and whole.status != Status.ANSWERED


async def is_order(connection: AsyncConnection, case: uuid.UUID) -> bool:
    return await day_of(connection, case) is not None


async def day_of(connection: AsyncConnection, case: uuid.UUID) -> date | None:
    """The day of the order that this case carries; None: it carries none."""
    return (await days_of(connection, [case])).get(case)


async def days_of(connection: AsyncConnection, found: Collection[uuid.UUID]) -> dict[uuid.UUID, date]:
    """The same of many, those that carry one."""
    if not found:
        return {}
    order = meeting_orders.c
    query = select(order.case_id, order.due_on).where(order.case_id.in_(found))
    return {row.case_id: row.due_on for row in await connection.execute(query)}


async def told_from(connection: AsyncConnection, whole: uuid.UUID, now: datetime, zone: ZoneInfo) -> datetime:
    """When she may be called with what bodies report: now, or once the office has looked at all of it.

    It waits for no office beyond noon of the first day on which one of them is due.
    """
    return (await told_of_each_from(connection, [whole], now, zone))[whole]


async def told_of_each_from(
    connection: AsyncConnection, wholes: Collection[uuid.UUID], now: datetime, zone: ZoneInfo
) -> dict[uuid.UUID, datetime]:
    """The same of many cases."""
    its = meeting_orders.c
    stale = or_(its.checked_at.is_(None), its.checked_at < cases.c.answered_at)
    asked = (its.said == Outcome.ORDER_DONE) & (its.said_at >= cases.c.answered_at)
    query = select(its.of_case, func.min(its.due_on).label("day")).group_by(its.of_case)
    query = query.select_from(meeting_orders.join(cases, cases.c.id == its.case_id))
    open_ones = (its.of_case.in_(wholes), cases.c.status == Status.ANSWERED, ~func.coalesce(asked, False))
    found = await connection.execute(query.where(*open_ones).having(func.bool_or(stale)))
    unseen = {row.of_case: max(now, datetime.combine(row.day, AT, zone)) for row in found}
    return dict.fromkeys(wholes, now) | unseen


async def hold(connection: AsyncConnection, whole: Any, at: datetime, now: datetime) -> None:
    """Call and SMS about her answer not before then; `now`: at once."""
    notice = {HELD: at.isoformat()} if at > now else None
    waits = callbacks.c.state.in_(("waiting", "unreachable")) & ~PUT_ASIDE  # while nobody is dialled, too
    its = (callbacks.c.case_id == whole.id, callbacks.c.purpose == ANSWER, waits)
    await connection.execute(update(callbacks).where(*its).values(next_at=at, notice=notice))
    due = {"next_at": at, "last_error": None}  # whatever it waited for before (`letters.held_events`)
    await connection.execute(update(outbox).where(*_unsent(whole.code)).values(due))


async def take_back(connection: AsyncConnection, whole: Any, now: datetime) -> None:
    """Her case has no answer any more: neither call nor SMS tells of one."""
    its = (callbacks.c.case_id == whole.id, callbacks.c.purpose == ANSWER, callbacks.c.state == "waiting")
    await connection.execute(update(callbacks).where(*its).values(state="cancelled", ended_at=now))
    gone = {"delivered_at": now, "last_error": "taken back"}
    await connection.execute(update(outbox).where(*_unsent(whole.code)).values(gone))


def _unsent(code: str) -> tuple[ColumnElement[bool], ...]:
    its = outbox.c
    told = (its.kind == "case_answered", its.payload["case"].as_string() == code)
    return (*told, its.delivered_at.is_(None), its.dead_at.is_(None))


def news_of(notice: Mapping[str, Any]) -> OrderNews:
    due_on = notice.get("due_on")  # of a release before this one: none
    return OrderNews(
        notice["agency"], notice["words"], notice["order"], date.fromisoformat(due_on) if due_on else None
    )


async def of_whom_it_is_now(connection: AsyncConnection, news: OrderNews) -> OrderNews:
    """The body may have sent it onward since. Whose it calls unlawful is not the desk's, where it lies."""
    body = (await connection.execute(select(ORDERED_OF).where(cases.c.code == news.order))).scalar()
    return replace(news, agency=body) if body else news
