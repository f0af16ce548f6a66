"""Figures of meetings of a year: requests and what became of them, orders and how far they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from persiantools.jdatetime import JalaliDate

from ivr.cases import meeting_figures
from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import RequestState
from ivr.cases.periods import Grain, Period, named, period
from ivr.desk.meetings import meeting_counting, session_planning
from ivr.desk.meetings.meeting_counting import MeetingFacts
from ivr.web.meetings.meeting_words import names_of
from ivr.web.panel import charts
from ivr.web.panel.visit import Visit

YEARS = 3  # to choose from
CARDS = ("requests", "met", "settled", "sent_below", "declined", "withdrawn", "missed", "pending")
OF_ORDERS = ("given", "kept", "kept_late", "late", "contradicted", "objected")


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month's numbers, as the chart and the table behind it have them; None = not yet."""

    name: str
    values: Sequence[int | None]


async def figures(visit: Visit) -> web.StreamResponse:
    page = await visit.panel.book.page()
    zone = ZoneInfo(page.calendar.timezone)
    year = _year(visit, zone)
    async with visit.panel.engine.connect() as connection:
        since, until = (datetime.combine(day, time(0), zone) for day in (year.since, year.until))
        found = await meeting_counting.read(connection, page, visit.now, since, until, visit.scope)
        sittings = {row.number: row for row in await session_planning.sittings(connection, since)}
    whole = not visit.scope.agency
    drawn = _requests_drawn(visit, found, year, zone) if whole else None
    return visit.render(
        "meetings/figures.html",
        year=year,
        years=_years(visit, zone),
        shown=_jalali(year.since, "%Y"),
        whole=whole,
        facts=found,
        asked=meeting_figures.of_requests(found.requests, visit.now, zone),
        cards=CARDS,
        ordered=meeting_figures.of_orders(found.orders),
        of_orders=OF_ORDERS,
        agencies=meeting_figures.by(found.orders, lambda fact: fact.agency),
        sessions=meeting_figures.by(found.orders, lambda fact: fact.session) if whole else {},
        sittings=sittings,
        declined=[fact for fact in found.requests if fact.state is RequestState.DECLINED],
        requests_drawn=drawn,
        orders_drawn=_orders_drawn(visit, found, year, zone),
        names=await names_of(visit),
    )


def _requests_drawn(visit: Visit, found: MeetingFacts, year: Period, zone: ZoneInfo) -> dict[str, Any]:
    """Each in the month in which it was made, as it stands now: so that the months add up to the cards."""
    asked = [fact.asked_at for fact in found.requests]
    met = [fact.asked_at for fact in found.requests if fact.met_at is not None]
    return _drawn(visit, {"opened": asked, "answered": met}, ("requests", "met"), year, zone)


def _orders_drawn(visit: Visit, found: MeetingFacts, year: Period, zone: ZoneInfo) -> dict[str, Any]:
    """Each in the month in which it was given, as it stands now."""
    orders = [fact for fact in found.orders if fact.state is not OrderState.REVOKED]
    series = {
        "opened": [fact.given_at for fact in orders],
        "answered": [fact.given_at for fact in orders if fact.state is OrderState.KEPT],
        "overdue": [fact.given_at for fact in orders if fact.late or fact.state is OrderState.CONTRADICTED],
    }
    return _drawn(visit, series, ("given", "kept", "unkept"), year, zone)


def _drawn(
    visit: Visit, moments: dict[str, list[datetime]], words: Sequence[str], year: Period, zone: ZoneInfo
) -> dict[str, Any]:
    """A line for each: `moments` by the class of its line, which colours and dashes it."""
    parts, today = year.parts(), visit.now.astimezone(zone).date()
    values = {
        kind: [
            sum(part.since <= at.astimezone(zone).date() < part.until for at in its)
            if part.since <= today
            else None
            for part in parts
        ]
        for kind, its in moments.items()
    }
    names = {kind: visit.words(f"meetings.figure.{word}") for kind, word in zip(values, words, strict=True)}
    months = [_jalali(part.since, "%B") for part in parts]
    rows = [MonthRow(month, [its[n] for its in values.values()]) for n, month in enumerate(months)]
    return {"chart": charts.lines(names, values, months, months), "names": names, "rows": rows}


def _year(visit: Visit, zone: ZoneInfo) -> Period:
    today = visit.now.astimezone(zone).date()
    asked = named(f"year:{visit.request.query.get('year', '')}")
    return asked or period(Grain.YEAR, today)


def _years(visit: Visit, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What an address holds of each, and as it is read; the newest first."""
    year, found = period(Grain.YEAR, visit.now.astimezone(zone).date()), []
    for _ in range(YEARS):
        found.append((year.name.removeprefix("year:"), _jalali(year.since, "%Y")))
        year = period(Grain.YEAR, year.since - timedelta(days=1))
    return found


def _jalali(day: date, form: str) -> str:
    made: Any = JalaliDate(day, locale="fa")  # type: ignore[no-untyped-call]
    return str(made.strftime(form))
