"""The calendar, a Jalali month at a time: weekends, holidays, and the days that people changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from persiantools.jdatetime import JalaliDate

from ivr.desk.editing.book_names import read_names
from ivr.desk.editing.nouns import DAY
from ivr.desk.editing.values import Row
from ivr.web.admin import showing
from ivr.web.admin.book_rows import helpers
from ivr.web.panel.visit import Route, Visit

jalali: Any = JalaliDate
YEARS = range(1390, 1500)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """`state`: working | off (weekend, holiday) | closed | opened (by people, the whole province)."""

    day: date
    number: int
    typed: str
    state: str
    rows: tuple[Row, ...]


def routes() -> list[Route]:
    return [Route("GET", "/panel/admin/calendar", "admin.calendar", page)]


async def page(visit: Visit) -> web.Response:
    book = await visit.panel.book.page()
    today = visit.now.astimezone(ZoneInfo(book.calendar.timezone)).date()
    year, month = _asked(visit, today)
    async with visit.panel.engine.connect() as connection:
        names, rows = await read_names(connection), await DAY.rows(connection)
    first = jalali(year, month, 1).to_gregorian()
    days = jalali.days_in_month(month, year)
    cells = [_cell(first + timedelta(days=n), book.calendar, rows) for n in range(days)]
    coming = [row for row in rows.values() if row["day"] >= today.isoformat()]
    return visit.render(
        "admin/calendar.html",
        year=year,
        month=month,
        today=today,
        blanks=(first.weekday() + 2) % 7,  # the week begins on Saturday
        cells=cells,
        before=_beside(year, month, -1),
        after=_beside(year, month, 1),
        coming=sorted(coming, key=lambda row: (row["day"], row["county"])),
        key_of=DAY.key,
        **helpers(visit, names),
    )


def _cell(day: date, calendar: Any, rows: dict[str, Row]) -> CalendarDay:
    its = tuple(row for row in rows.values() if row["day"] == day.isoformat())
    whole = next((row for row in its if not row["county"]), None)
    state = "working" if calendar.is_working(day) else "off"
    if whole is not None:
        state = "opened" if whole["is_working"] else "closed"
    return CalendarDay(day, jalali(day).day, showing.jalali_day(day), state, its)


def _asked(visit: Visit, today: date) -> tuple[int, int]:
    now = jalali(today)
    try:
        year, month = (
            int(visit.request.query.get("year", now.year)),
            int(visit.request.query.get("month", now.month)),
        )
    except ValueError:
        return now.year, now.month
    return (year, month) if year in YEARS and 1 <= month <= 12 else (now.year, now.month)


def _beside(year: int, month: int, step: int) -> tuple[int, int]:
    months = year * 12 + month - 1 + step
    return months // 12, months % 12 + 1
