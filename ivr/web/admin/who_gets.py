"""The tester: who would get such a call, by which rule, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases.kinds import Kind
from ivr.desk.editing.book_names import read_names
from ivr.desk.editing.values import day_of, hour_of
from ivr.desk.editing.who_gets import who_gets
from ivr.web.admin import showing
from ivr.web.admin.book_rows import helpers
from ivr.web.panel.locale import digits
from ivr.web.panel.visit import Route, Visit

MOST_WORDS = 1000


def routes() -> list[Route]:
    return [Route("GET", "/panel/admin/who-gets", "admin.who_gets", page)]


async def page(visit: Visit) -> web.Response:
    """The address holds the question, so that it can be passed on."""
    query, panel = visit.request.query, visit.panel
    asked = {name: query.get(name, "") for name in ("kind", "topic", "county", "words", "day", "hour")}
    asked["words"] = asked["words"][:MOST_WORDS]
    book = await panel.book.page()
    zone = ZoneInfo(book.calendar.timezone)
    at, wrong = _moment(visit, asked, visit.now.astimezone(zone))
    verdict = None
    if asked["kind"] in set(Kind) and not wrong:
        suggester = None
        if asked["words"].strip() and panel.learning is not None:
            suggester = await panel.learning.if_any()
            if suggester is None:
                wrong["words"] = visit.words("admin.tester.no_words")
        verdict = await who_gets(
            panel.engine, book, asked["kind"], asked["topic"], asked["county"], at, asked["words"], suggester,
            visit.scope,
        )  # fmt: skip
    async with panel.engine.connect() as connection:
        names = await read_names(connection)
    asked["day"] = digits(showing.jalali_day(at.date())) if "day" not in wrong else asked["day"]
    asked["hour"] = digits(f"{at:%H:%M}") if "hour" not in wrong else asked["hour"]
    return visit.render(
        "admin/who_gets.html",
        asked=asked,
        wrong=wrong,
        verdict=verdict,
        kinds=[*Kind],
        **helpers(visit, names),
    )


def _moment(visit: Visit, asked: dict[str, str], now: datetime) -> tuple[datetime, dict[str, str]]:
    """The asked one in the province's time; now where nothing is given."""
    wrong: dict[str, str] = {}
    day, clock = now.date(), now.time()
    if asked["day"].strip():
        try:
            day = day_of(asked["day"])
        except (ValueError, OverflowError):
            wrong["day"] = visit.words("common.form.day")
        if abs(day - now.date()) > timedelta(days=3650):
            day, wrong["day"] = now.date(), visit.words("admin.wrong.far")
    if asked["hour"].strip():
        try:
            clock = hour_of(asked["hour"])
        except ValueError:
            wrong["hour"] = visit.words("admin.tester.hour_wrong")
    return datetime.combine(day, clock.replace(tzinfo=None), now.tzinfo), wrong
