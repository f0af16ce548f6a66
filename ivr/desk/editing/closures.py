"""Sudden closures: a day on which a county, or the whole province, does not work.

The deadlines of open cases follow in a pass of their own (`ivr.desk.deadlines.retiming`), which the closure
asks for in its transaction.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page, read_page
from ivr.desk.editing.changing import Why, Wish, apply
from ivr.desk.editing.nouns import DAY
from ivr.desk.refusals import Refused
from ivr.store.named_lock import alone
from ivr.store.tables import calendar_days

Json = dict[str, Any]
BACK, AHEAD = timedelta(days=31), timedelta(days=366)  # what is farther is a slip of the pen


async def declare(
    engine: AsyncEngine,
    page: Page,
    actor: Actor,
    day: date,
    county: str,
    reason: str,
    now: datetime | None = None,
) -> None:
    """`county` "" = the whole province. Raises Refused."""
    now = now or datetime.now(UTC)
    if not reason.strip():
        raise Refused("a closure needs a reason, like snow")
    if not now.date() - BACK <= day <= now.date() + AHEAD:
        raise Refused(f"{day} is too far from today for a closure")
    async with engine.begin() as connection:
        page = await _allowed(connection, page, actor, county)
        if not page.calendar.is_working(day, county):
            raise Refused(f"{day} is no working day {_where(county)} anyway")
        row = {"day": day.isoformat(), "county": county, "is_working": False, "note": reason.strip()}
        await apply(connection, Why(actor, reason, now), [Wish(DAY.name, DAY.key(row), row)])


async def lift(
    engine: AsyncEngine, page: Page, actor: Actor, day: date, county: str, now: datetime | None = None
) -> None:
    """Work goes on that day after all, also where the seed files name it. Raises Refused."""
    async with engine.begin() as connection:
        await _allowed(connection, page, actor, county)
        await alone(connection, "seed")  # before its row, as whoever changes the book does
        this = (calendar_days.c.day == day, calendar_days.c.county == county)
        found = (await connection.execute(select(calendar_days).where(*this))).first()
        if found is None or found.is_working:
            raise Refused(f"no closure is declared for {day} {_where(county)}")
        key = DAY.key({"day": day.isoformat(), "county": county})
        await apply(connection, Why(actor, now=now or datetime.now(UTC)), [Wish(DAY.name, key, None)])


async def listed(engine: AsyncEngine, since: date) -> list[Json]:
    """The closures from `since` on, by day."""
    query = select(calendar_days).where(calendar_days.c.is_working.is_(False), calendar_days.c.day >= since)
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(calendar_days.c.day, calendar_days.c.county))).all()
    return [
        {
            "day": row.day.isoformat(),
            "county": row.county,
            "reason": row.note,
            "declared_by": row.declared_by,
            "declared_at": row.declared_at and row.declared_at.isoformat(),
        }
        for row in rows
    ]


async def _allowed(connection: AsyncConnection, page: Page, actor: Actor, county: str) -> Page:
    """The book as it is now."""
    if actor.side is not Side.DESK:
        raise Refused(f"a closure can't be declared or lifted by the {actor.side}, only by the desk")
    page = await read_page(connection, page.conventions)
    if county and county not in page.counties:
        raise Refused(f"there is no county {county}")
    return page


def _where(county: str) -> str:
    return f"in {county}" if county else "in the province"
