"""Orders and sessions as another system reads them: no citizen named, unless its channel has the right.

Without that right a complaint about a head, or what is confidential, is not told of at all, but to the body
that has the order itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.book.book import Page
from ivr.desk.case import order_calls
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.order_giving import WHOLE, OrderSeen
from ivr.desk.meetings.session_report import nameless
from ivr.store.tables import agencies, cases, meeting_orders, meeting_requests, meeting_slots


@dataclass(frozen=True, slots=True)
class OrderReader:
    """`agency`: whose orders it sees, "" = all. `names`: and who the citizen is."""

    agency: str = ""
    names: bool = False


@dataclass(frozen=True, slots=True)
class ToldOrder:
    """`session`: at which it was given, None = at none. `whole`, `name`: her case and herself, or None."""

    seen: OrderSeen
    session: int | None
    agency_name: str
    words: str
    whole: str | None
    name: str | None


async def told(
    connection: AsyncConnection,
    page: Page,
    now: datetime,
    reader: OrderReader,
    session: int | None = None,
    code: str = "",
    after: str = "",
    limit: int = 100,
) -> Sequence[ToldOrder]:
    """The newest first: of a session, or the one of that code; `after`: the code of the last one seen."""
    query = _query(reader)
    if session is not None:
        query = query.where(SESSION.in_([session]))
    if code:
        query = query.where(cases.c.code == code)
    if after:
        last = select(meeting_orders.c.given_at, cases.c.code).join(
            cases, cases.c.id == meeting_orders.c.case_id
        )
        found = (await connection.execute(last.where(cases.c.code == after))).first()
        if found is None:
            return []
        query = query.where(tuple_(meeting_orders.c.given_at, cases.c.code) < tuple_(*found))
    query = query.order_by(meeting_orders.c.given_at.desc(), cases.c.code.desc()).limit(limit)
    return [_told(page, row, now, reader) for row in await connection.execute(query)]


SESSION = (
    select(meeting_slots.c.session)
    .where(meeting_slots.c.case_id == meeting_orders.c.of_case, meeting_slots.c.outcome == "met")
    .order_by(meeting_slots.c.starts_at.desc())
    .limit(1)
    .scalar_subquery()
)


def _query(reader: OrderReader) -> Select[Any]:
    query = order_giving.orders().join(agencies, agencies.c.code == order_calls.ORDERED_OF)
    query = query.outerjoin(meeting_requests, meeting_requests.c.case_id == WHOLE.c.id)
    query = query.add_columns(SESSION.label("session"), agencies.c.name.label("agency_name"))
    query = query.add_columns(WHOLE.c.caller_name.label("name"), WHOLE.c.anonymised_at.label("forgotten_at"))
    if reader.agency:
        its = (cases.c.agency == reader.agency, func.coalesce(WHOLE.c.accused, "") != reader.agency)
        return query.where(*its, func.coalesce(meeting_requests.c.about, "") != reader.agency)
    if reader.names:
        return query
    return query.where(*order_calls.kept_from_nobody(WHOLE))


def _told(page: Page, row: Row[Any], now: datetime, reader: OrderReader) -> ToldOrder:
    named = reader.names and row.confidential is None  # whose a confidential case is no channel reads
    words = row.words if named else nameless(row.words, row.name, row.forgotten_at)
    seen = order_giving.seen(page, row, now)
    return ToldOrder(
        seen, row.session, row.agency_name, words, row.whole if named else None, row.name if named else None
    )
