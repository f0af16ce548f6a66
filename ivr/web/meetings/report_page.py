"""The report of a session for the press, in plain Persian from the data; on paper with the letterhead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases import meeting_figures
from ivr.cases.meeting_figures import OrderedFact
from ivr.cases.meetings import SessionState
from ivr.desk.letters.formal_letters import Paper
from ivr.desk.letters.indicator import Issue, PaperKind
from ivr.desk.meetings import agenda, session_report
from ivr.desk.meetings.session_report import ReportedOrder, SessionReport
from ivr.web.meetings.meeting_words import jalali_day, names_of, official
from ivr.web.panel.forms import whole_number
from ivr.web.panel.paper_sending import send_paper, stationery
from ivr.web.panel.visit import NotFound, Visit


@dataclass(frozen=True, slots=True)
class Written:
    """`orders`: those that are told. `left`: codes of those left out."""

    report: SessionReport
    title: str
    paragraphs: list[str]
    orders: list[ReportedOrder]
    left: list[str]
    today: date


async def report(visit: Visit) -> web.StreamResponse:
    written = await _written(visit)
    return visit.render(
        "meetings/report.html", written=written, names=await names_of(visit), query=visit.request.query_string
    )


async def paper(visit: Visit) -> web.StreamResponse:
    """As a PDF. Raises NotFound where the province has no letterhead."""
    written = await _written(visit)
    number = written.report.session.number
    letter = Paper(
        number="",
        date="",
        to=visit.words("meetings.report.to"),
        subject=written.title,
        paragraphs=written.paragraphs,
        stationery=stationery(visit),
    )
    return await send_paper(
        visit, letter, f"session-{number}", "meeting_report_printed", Issue(PaperKind.REPORT, session=number),
        subject=f"meeting_session/{number}", detail={"left": written.left},
    )  # fmt: skip


async def _written(visit: Visit) -> Written:
    """Raises NotFound; who sees a part of a session (heads, some counties) has no report of it.

    Nor is there one of a session that was called off before anybody was heard: it did not take place.
    """
    number = min(whole_number(visit.request.match_info["number"]), 2**31 - 1)
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        found = await session_report.read(connection, page, visit.now, number)
        readable = await agenda.is_whole(connection, number, visit.scope, but_apart=True)
    if found is None or visit.scope.agency or not readable:
        raise NotFound
    if found.session.state == SessionState.CANCELLED:
        raise NotFound
    zone = ZoneInfo(page.calendar.timezone)
    day, today = (at.astimezone(zone).date() for at in (found.session.starts_at, visit.now))
    left = visit.request.query.getall("leave", [])
    told = [order for order in found.orders if order.seen.part.code not in left]
    left = [order.seen.part.code for order in found.orders if order not in told]
    names = await names_of(visit)
    who = official(visit, found.session, names)
    title = visit.words("meetings.report.title", who=who, day=jalali_day(day))
    paragraphs = [*_lead(visit, found, who, jalali_day(day), names), *_orders(visit, told, names)]
    if told and today > day:
        paragraphs.append(_later(visit, told, jalali_day(today)))
    return Written(found, title, paragraphs, told, left, today)


def _lead(visit: Visit, found: SessionReport, who: str, day: str, names: Any) -> list[str]:
    words, comma = visit.words, visit.words("meetings.comma")
    way = f"meetings.report.lead.{found.session.way}"
    lines = [words(way, who=who, day=day, place=found.session.place, n=found.heard)]
    if found.themes:
        each = [
            words("meetings.report.theme", topic=names.topics.get(topic, topic), n=count)
            for topic, count in found.themes
        ]
        lines.append(words("meetings.report.themes", themes=comma.join(each)))
    if listed := found.present or found.bodies:
        bodies = comma.join(names.agencies.get(body, body) for body in listed)
        lines.append(words(f"meetings.report.{'present' if found.present else 'bodies'}", bodies=bodies))
    return lines


def _orders(visit: Visit, told: list[ReportedOrder], names: Any) -> list[str]:
    words = visit.words
    if not told:
        return [words("meetings.report.no_orders")]
    bodies = {order.seen.part.ordered_of for order in told}
    lines = [words("meetings.report.orders", n=len(told), bodies=len(bodies))]
    for order in told:
        part = order.seen.part
        agency, day = names.agencies.get(part.ordered_of, part.ordered_of), jalali_day(part.due_on)
        lines.append(words("meetings.report.order", agency=agency, words=order.words, day=day))
    return lines


def _later(visit: Visit, told: list[ReportedOrder], today: str) -> str:
    """Done of given."""
    facts = [
        OrderedFact(o.seen.part.ordered_of, None, o.seen.part.given_at, o.seen.state, o.seen.late)
        for o in told
    ]
    its, words = meeting_figures.of_orders(facts), visit.words
    how = "later" if its.kept else "later_none"
    said = words(f"meetings.report.{how}", today=today, given=its.given, kept=its.kept)
    if its.contradicted:
        said += " " + words("meetings.report.contradicted", n=its.contradicted)
    if its.late:
        said += " " + words("meetings.report.late", n=its.late)
    return said
