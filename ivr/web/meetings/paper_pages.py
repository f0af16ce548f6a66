"""Minutes and attendance of a session on paper, with letterhead, indicator number and room to sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases.attendance import Came
from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import SessionState
from ivr.desk.letters.formal_letters import Paper, PaperHeading, PaperTable
from ivr.desk.letters.indicator import Issue, PaperKind
from ivr.desk.meetings import agenda, session_minutes, session_moving
from ivr.desk.meetings.session_minutes import Sat, SessionRecord
from ivr.desk.reading.casefile import CaseNames
from ivr.web.meetings.meeting_words import jalali_day, names_of, official
from ivr.web.panel.forms import whole_number
from ivr.web.panel.locale import digits
from ivr.web.panel.paper_sending import send_paper, stationery
from ivr.web.panel.visit import NotFound, Visit

Block = str | PaperHeading | PaperTable


@dataclass(frozen=True, slots=True)
class Writing:
    """What the pieces of a paper are written from. `hour`: a moment as the province's clock has it."""

    visit: Visit
    record: SessionRecord
    begins: datetime
    names: CaseNames
    who: str
    day: str
    hour: Callable[[Any], str]

    def say(self, key: str, **values: Any) -> str:
        return self.visit.words(f"papers.{key}", **values)


async def minutes(visit: Visit) -> web.StreamResponse:
    """`?annex`: of what is kept from some of those who sat there, for the office alone. From the day on.

    Nobody from whom something of the session is kept gets the annex. Where retention took words of it,
    it has no number, and takes the place of none that were signed.
    """
    its = await _writing(visit)
    annex = "annex" in visit.request.query
    if not its.record.minuted(annex) or (annex and not await _sees_all(its)):
        raise NotFound
    kind = PaperKind.ANNEX if annex else PaperKind.MINUTES
    numbered = not any(each.is_forgotten for each in its.record.minuted(annex))
    return await _send(its, kind, [*_minutes(its, annex)], numbered)


async def attendance(visit: Visit) -> web.StreamResponse:
    """Who promised to come and who came: bodies, and citizens by number."""
    its = await _writing(visit)
    return await _send(its, PaperKind.ATTENDANCE, [*_attendance(its)])


async def _writing(visit: Visit) -> Writing:
    """Raises NotFound; who sees a part of a session (heads, some counties) has no paper of the whole."""
    number = min(whole_number(visit.request.match_info["number"]), 2**31 - 1)
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        record = await session_minutes.read(connection, page, visit.now, number)
        readable = await agenda.is_whole(connection, number, visit.scope, but_apart=True)
        if record is None or visit.scope.agency or not readable:
            raise NotFound
        begins = await session_moving.begins(connection, record.session)
    if begins > visit.now:
        raise NotFound
    names, zone = await names_of(visit), ZoneInfo(page.calendar.timezone)
    return Writing(
        visit,
        record,
        begins,
        names,
        official(visit, record.session, names),
        jalali_day(page.calendar.day(record.session.starts_at)),
        lambda at: digits(f"{at.astimezone(zone):%H:%M}") if at else "—",
    )


async def _sees_all(its: Writing) -> bool:
    async with its.visit.panel.engine.connect() as connection:
        return await agenda.is_whole(connection, its.record.session.number, its.visit.scope)


async def _send(its: Writing, kind: PaperKind, blocks: list[Block], numbered: bool = True) -> web.Response:
    """Raises NotFound where the province has no letterhead."""
    visit, number = its.visit, its.record.session.number
    paper = Paper(
        number="",
        date="",
        to="",
        subject=its.say(f"title.{kind}", who=its.who, day=its.day),
        paragraphs=blocks,
        stationery=stationery(visit),
    )
    name, subject = f"session-{number}-{kind}", f"meeting_session/{number}"
    what = Issue(kind, session=number) if numbered else None
    return await send_paper(visit, paper, name, f"meeting_{kind}_printed", what, subject=subject)


def _minutes(its: Writing, annex: bool) -> Iterator[Block]:
    record = its.record
    heard = record.minuted(annex)
    if annex:
        yield _opening(its, "annexed", apart=record.kept_apart)
    else:
        yield _opening(its, heard=len(record.heard))
        if record.missed:
            yield its.say("missed", n=len(record.missed))
        if record.sent_home:
            yield its.say("sent_home", n=len(record.sent_home))
        if record.kept_apart:
            yield its.say("apart", n=record.kept_apart)
        yield PaperHeading(its.say("bodies"))
        yield _bodies(its)
    for each in heard:
        yield from _one(its, each)
    yield PaperHeading(its.say("signatures"))
    yield _signatures(its, annex)


def _opening(its: Writing, key: str = "opening", **counted: int) -> str:
    session = its.record.session
    place = session.place or its.visit.words(f"meetings.way.{session.way}")
    values = {"n": session.number, "day": its.day, "place": place, "who": its.who}
    return its.say(key, hour=its.hour(its.begins), **values, **counted)


def _one(its: Writing, each: Sat) -> Iterator[Block]:
    case = each.wish.case
    topic = its.names.topics.get(case.topic, case.topic)
    yield PaperHeading(its.say("one", slot=each.slot.slot, code=digits(each.wish.code), topic=topic))
    if case.about:
        yield its.say("about", agency=its.names.agencies.get(case.about, case.about))
    if each.people > 1:
        yield its.say("people", n=each.people)
    for key, text in (("said", each.said), ("decided", each.decided)):
        if text:
            yield its.say(key, text=text)
    for order in each.orders:
        part = order.seen.part
        agency, day = its.names.agencies.get(part.ordered_of, part.ordered_of), jalali_day(part.due_on)
        key = "order_revoked" if order.seen.state is OrderState.REVOKED else "order"
        yield its.say(key, agency=agency, text=order.words, day=day, code=digits(part.code))
    if each.is_forgotten:
        yield its.say("forgotten")
    elif not (each.said or each.decided or each.orders or each.orders_apart):
        yield its.say("nothing")


def _bodies(its: Writing) -> Block:
    rows = [
        (its.names.agencies.get(b.agency, b.agency), _promised(its, b), _came(its, b.came))
        for b in (each.invitation for each in its.record.bodies)
    ]
    if not rows:
        return its.say("no_bodies")
    heads = [its.say(f"head.{name}") for name in ("body", "promised", "came")]
    return PaperTable(heads, (5, 4, 3), rows)


def _promised(its: Writing, invitation: Any) -> str:
    said = its.visit.words(f"meetings.invitation.{invitation.state}")
    more = invitation.who or invitation.reason
    return f"{said}: {more}" if more else said


def _came(its: Writing, came: str) -> str:
    return its.visit.words(f"meetings.came.{came}") if came else its.say("not_noted")


def _signatures(its: Writing, annex: bool) -> PaperTable:
    rows = [(its.who, "")]
    if not annex:
        for body in (each.invitation for each in its.record.bodies):
            if body.came in (Came.HEAD, Came.SUBSTITUTE):
                rows.append((its.names.agencies.get(body.agency, body.agency), ""))
    rows.append((its.say("writer"), ""))
    return PaperTable([its.say("head.name"), its.say("head.signature")], (5, 5), rows, roomy=True)


def _attendance(its: Writing) -> Iterator[Block]:
    record = its.record
    heard = record.heard
    off = record.session.state == SessionState.CANCELLED
    yield _opening(its, "called_off") if off else _opening(its, heard=len(heard))
    yield PaperHeading(its.say("bodies"))
    yield _bodies(its)
    yield PaperHeading(its.say("citizens"))
    rows = [_citizen(its, each) for each in record.sat]
    if not rows:
        yield its.say("no_citizens")
        return
    heads = [its.say(f"head.{name}") for name in ("slot", "hour", "code", "arrived", "result", "people")]
    yield PaperTable(heads, (2, 2, 4, 3, 3, 2), rows)
    total = sum(each.people for each in heard)
    yield its.say("total", booked=len(rows), heard=len(heard), missed=len(record.missed), people=total)
    if record.sent_home:
        yield its.say("sent_home", n=len(record.sent_home))


def _citizen(its: Writing, each: Sat) -> tuple[str, ...]:
    """Of what is kept from somebody no code: the list lies open in the room."""
    code = its.visit.words("meetings.private_short") if each.apart else digits(each.wish.code)
    was_there = each.slot.outcome == "no_show" and each.slot.arrived_at is not None
    result = its.say("outcome.gone" if was_there else f"outcome.{each.slot.outcome or 'open'}")
    people = digits(each.people) if each.slot.outcome == "met" else ""
    return (
        digits(each.slot.slot),
        its.hour(each.slot.starts_at),
        code,
        its.hour(each.slot.arrived_at),
        result,
        people,
    )
