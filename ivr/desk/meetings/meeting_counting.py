"""What figures of meetings are counted from: requests made and orders given within a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import meeting_figures
from ivr.cases.callback import Outcome
from ivr.cases.channels import COLLECTIVE
from ivr.cases.meeting_figures import AskedFact, OrderedFact
from ivr.cases.meeting_orders import SOLVED, OrderState
from ivr.desk.book.book import Page
from ivr.desk.case.order_calls import ORDERED_OF
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.order_giving import WHOLE, OrderSeen
from ivr.desk.meetings.request_list import state_of
from ivr.desk.people.scope import Scope
from ivr.store.tables import cases, meeting_orders, meeting_requests, meeting_sessions, meeting_slots


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """`sessions`: how many took place. Requests are none of a body's business, but the office's."""

    requests: list[AskedFact]
    orders: list[OrderedFact]
    sessions: int


@dataclass(frozen=True, slots=True)
class MeetingsInPublic:
    """How many were heard, how many orders came of it, and how many of these citizens call kept: no names."""

    heard: int
    given: int
    kept: int


async def read(
    connection: AsyncConnection, page: Page, now: datetime, since: datetime, until: datetime, scope: Scope
) -> MeetingFacts:
    """Of those days, as far as they see. Somebody of an agency gets the orders given to it alone."""
    requests = [] if scope.agency else await _requests(connection, page, since, until, scope)
    orders = await _orders(connection, page, now, since, until, scope)
    return MeetingFacts(requests, orders, 0 if scope.agency else await _sessions(connection, since, until))


async def _requests(
    connection: AsyncConnection, page: Page, since: datetime, until: datetime, scope: Scope
) -> list[AskedFact]:
    its, noted = cases.c, meeting_requests.c
    names = ("code", "kind", "topic", "county", "agency", "status", "opened_at", "answered_at")
    query: Select[Any] = select(*(its[name] for name in names))
    query = query.add_columns(noted.state, noted.tier, noted.met_at, noted.reason, noted.decided_at)
    query = query.outerjoin(meeting_requests, noted.case_id == its.id)
    # A duplicate is no further request. Who was heard was, also once it was collected, or merged.
    other = cases.alias("other")
    duplicate = select(other.c.id).where(other.c.id == its.merged_into, other.c.kind == "meeting").exists()
    hers = or_(and_(its.member_of.is_(None), ~duplicate), noted.met_at.is_not(None))
    alone = (its.part_of.is_(None), hers, its.channel != COLLECTIVE)
    when = (its.kind == "meeting", its.opened_at >= since, its.opened_at < until)
    rows = await connection.execute(query.where(*alone, *when, scope.cases()).order_by(its.opened_at))
    return [
        AskedFact(row.code, row.opened_at, state_of(page, row), row.met_at, row.reason or "") for row in rows
    ]


async def _orders(
    connection: AsyncConnection, page: Page, now: datetime, since: datetime, until: datetime, scope: Scope
) -> list[OrderedFact]:
    order, its = meeting_orders.c, cases.c
    met = select(meeting_slots.c.session).where(meeting_slots.c.case_id == order.of_case)
    met = met.where(meeting_slots.c.outcome == "met").order_by(meeting_slots.c.starts_at.desc()).limit(1)
    query: Select[Any] = select(*(order[name] for name in ("given_at", "due_on", "said", "said_at")))
    query = query.add_columns(ORDERED_OF, its.status, its.closure, WHOLE.c.closure.label("whole_closure"))
    query = query.add_columns(its.answered_at, met.scalar_subquery().label("session"))
    query = query.join(cases, its.id == order.case_id).join(WHOLE, WHOLE.c.id == order.of_case)
    query = query.where(order.given_at >= since, order.given_at < until, scope.cases())
    rows = (await connection.execute(query.order_by(order.given_at))).all()
    return [_ordered(page, order_giving.seen(page, row, now)) for row in rows]


def _ordered(page: Page, order: OrderSeen) -> OrderedFact:
    its, day = order.part, page.calendar.day
    late = its.answered_at is not None and day(its.answered_at) > its.due_on
    seen_done = its.said == Outcome.ORDER_DONE and day(its.said_at) <= its.due_on
    kept_late = order.state is OrderState.KEPT and late and not seen_done
    return OrderedFact(its.ordered_of, its.session, its.given_at, order.state, order.late, kept_late)


async def _sessions(connection: AsyncConnection, since: datetime, until: datetime) -> int:
    its = meeting_sessions.c
    there = (its.starts_at >= since, its.starts_at < until)
    held = select(meeting_slots.c.slot).where(
        meeting_slots.c.session == its.number, meeting_slots.c.outcome == "met"
    )
    query = select(func.count()).select_from(meeting_sessions).where(*there, held.exists())
    return int((await connection.execute(query)).scalar_one())


async def in_public(connection: AsyncConnection) -> MeetingsInPublic:
    """Of all times; kept as `ivr.cases.meeting_orders.state_of` has it."""
    was_met = meeting_requests.c.met_at.is_not(None)
    met = select(func.count()).where(was_met)
    given = meeting_orders.join(cases, cases.c.id == meeting_orders.c.case_id)
    given = given.join(meeting_requests, meeting_requests.c.case_id == meeting_orders.c.of_case)
    given = given.join(WHOLE, WHOLE.c.id == meeting_orders.c.of_case)
    stands, order = cases.c.status, meeting_orders.c
    closure = case((stands == "advised", WHOLE.c.closure), else_=cases.c.closure)
    done = (order.said == Outcome.ORDER_DONE) & (order.said_at > cases.c.answered_at)
    orders = select(
        func.count().filter(stands.not_in(("withdrawn", "merged"))),
        func.count().filter(stands.in_(("closed", "advised")), (closure == SOLVED) | done),
    ).where(was_met)
    heard = (await connection.execute(met)).scalar_one()
    all_of_them, kept = (await connection.execute(orders.select_from(given))).one()
    return MeetingsInPublic(int(heard), int(all_of_them), int(kept))


def figures_json(facts: MeetingFacts, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Stable names; days are whole calendar days of that zone."""
    requests = asdict(meeting_figures.of_requests(facts.requests, now, zone))
    declined = [f for f in facts.requests if f.state == "declined"]
    requests["why_declined"] = [{"code": fact.code, "reason": fact.reason} for fact in declined]
    orders = asdict(meeting_figures.of_orders(facts.orders))
    for name in ("agency", "session"):
        each = meeting_figures.by(facts.orders, lambda fact, name=name: getattr(fact, name))  # type: ignore[misc]
        orders[f"by_{name}"] = [{name: key} | asdict(its) for key, its in each.items()]
    return {"sessions": facts.sessions, "requests": requests, "orders": orders}
