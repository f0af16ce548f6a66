"""The hour in which an official takes calls of 111 himself: announced, and his screen while it is open."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.live_hour import MOST_ROOM, USUAL_ROOM
from ivr.cases.meetings import Official
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import hour_hearing, hour_planning, hour_queue, hour_reading, order_giving, session_day
from ivr.desk.meetings.hour_planning import WantedHour, is_ahead, is_open
from ivr.desk.meetings.hour_reading import HourCall, HourSeen
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.request_deciding import the_office
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.reading import related
from ivr.desk.reading.briefs import voices_of
from ivr.desk.reading.casefile import must_know
from ivr.desk.refusals import Refused
from ivr.store.engine import AWAY
from ivr.web.meetings.meeting_words import jalali_day, names_of, official, put
from ivr.web.panel.forms import Form, whole_number
from ivr.web.panel.streaming import AGAIN, ALIVE, event_stream, may_go_on
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

BACK = timedelta(days=30)  # how far the list goes back
LOOK_SECONDS, ALIVE_SECONDS, STREAM_SECONDS = 1.0, 15.0, 300.0
LONGEST_ORDER = 1000
FIELDS = ("official", "agency", "on", "begins", "ends", "room", "even_off")
TALK_FIELDS = ("said", "decided", "agency", "words", "due_on", "reason")
DEEDS = ("take", "heard", "order", "close")
Json = dict[str, Any]


async def hours(visit: Visit) -> web.StreamResponse:
    if visit.scope.agency:  # bodies see no day of the office's
        return visit.redirect(visit.path("meetings.sessions"))
    return await _list(visit)


async def announce(visit: Visit) -> web.StreamResponse:
    form, page = visit.form(), await visit.panel.book.page()
    wanted = _wanted(visit, form, the_office(page), ZoneInfo(page.calendar.timezone))
    sentence = ""
    if not form.wrong:
        allowed = visit.panel.telephones.officials
        by = (visit.actor, wanted, allowed, visit.now, visit.person.id)
        try:
            number = await hour_planning.announce(visit.panel.engine, page, *by)
            return visit.redirect(visit.path("meetings.hour", number=number))
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await _list(visit, form, sentence)


async def hour(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def act(visit: Visit) -> web.StreamResponse:
    """Take the next, note what came of one, order, close."""
    deed, form = visit.request.match_info["deed"], visit.form()
    if deed not in DEEDS:
        raise NotFound
    number, code = (await _seen(visit)).hour.number, tracking_code(form.raw("code"))
    given = _given(form, deed)
    sentence = ""
    if not form.wrong:
        ask = Instruction(code, visit.actor, form.text("reason", 1000, needed=False), visit.now)
        try:
            code = await _do(visit, deed, ask, number, given)
            shown = f"?code={code}&done={deed}" if code else f"?done={deed}"
            return visit.redirect(f"{visit.path('meetings.hour', number=number)}{shown}")
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await _page(visit, deed, form, sentence, code)


async def _do(visit: Visit, deed: str, ask: Instruction, number: int, given: Any) -> str:
    """The code that the page is to show; "" for whom he is with, whose case may be kept from whoever asks."""
    engine, page = visit.panel.engine, await visit.panel.book.page()
    if deed == "take":
        code = await hour_queue.take(engine, ask, number, visit.person.id, visit.came.address)
        taken = (await _seen(visit)).of(code)
        return code if taken and taken.case is not None else ""
    if deed == "close":
        await hour_planning.close(engine, ask, number, visit.person.id)
        return ""
    await must_know(engine, visit.scope, ask.code)
    async with engine.begin() as connection:
        hearing = given if deed == "heard" else None
        await hour_hearing.note(connection, page, ask, number, hearing, visit.form().raw("seen"))
        if deed == "order":
            anew = Instruction(ask.code, ask.actor, now=ask.now)
            await order_giving.give(connection, page, anew, given)
    return ask.code


def _given(form: Form, deed: str) -> Hearing | list[MeetingOrder] | None:
    if deed == "heard":
        most = session_day.LONGEST_MINUTES
        said, decided = (form.text(name, most, needed=False, lines=True) for name in ("said", "decided"))
        return Hearing(said, decided)
    if deed == "order":
        agency, words = form.text("agency"), form.text("words", LONGEST_ORDER, lines=True)
        due_on = form.day("due_on")
        return [MeetingOrder(agency, words, due_on)] if due_on else []
    return None


async def stream(visit: Visit) -> web.StreamResponse:
    """What is new of the line, as server-sent events, until the page is left or its session ends."""
    await _seen(visit)
    answer = event_stream()
    await answer.prepare(visit.request)
    loop, last = asyncio.get_running_loop(), Json()
    until = checked = loop.time()
    until += STREAM_SECONDS
    with suppress(ConnectionResetError, NotFound):
        await answer.write(AGAIN)
        while loop.time() < until and not visit.panel.news.closed:
            with suppress(*AWAY):
                told = await _told(visit)
                if told != last:
                    fresh = {"at": round(visit.now.timestamp() * 1000), **told}
                    await answer.write(f"data: {json.dumps(fresh, ensure_ascii=False)}\n\n".encode())
                    last = told
            if loop.time() - checked > ALIVE_SECONDS:
                if not await may_go_on(visit):
                    break
                await answer.write(ALIVE)
                checked = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
    return answer


async def _told(visit: Visit) -> Json:
    visit.now = visit.panel.clock()
    seen = await _seen(visit)
    values = await _line(visit, seen)
    pieces = {name: visit.renderer(visit, f"meetings/hour_{name}.html", values) for name in ("line", "state")}
    return {"pieces": pieces, "call": _current(seen)}


async def _seen(visit: Visit) -> HourSeen:
    if visit.scope.agency:
        raise NotFound
    number = whole_number(visit.request.match_info["number"])
    async with visit.panel.engine.connect() as connection:
        seen = await hour_reading.read(connection, number, visit.scope, visit.now)
    if seen is None:
        raise NotFound
    return seen


def _current(seen: HourSeen) -> str:
    return str(seen.with_him.call.call_id) if seen.with_him else ""


async def _line(visit: Visit, seen: HourSeen) -> Json:
    return {
        "seen": seen,
        "hour": seen.hour,
        "open": is_open(seen.hour, visit.now),
        "ahead": is_ahead(seen.hour, visit.now),
        "may": visit.allowed("meetings_hold"),
        "names": await names_of(visit),
    }


async def _page(
    visit: Visit, tried: str = "", form: Form | None = None, sentence: str = "", code: str = ""
) -> web.Response:
    seen, done = await _seen(visit), visit.request.query.get("done", "")
    asked = code or tracking_code(visit.request.query.get("code", ""))
    shown = seen.of(asked) or seen.with_him
    async with visit.panel.engine.connect() as connection:
        told = await _of_her(visit, connection, seen, shown) if shown else {}
    line = await _line(visit, seen)
    return visit.render(
        "meetings/hour.html",
        status=422 if form else 200,
        shown=shown,
        current=_current(seen),
        tried=tried,
        typed={name: form.raw(name) if form else "" for name in TALK_FIELDS},
        wrong=form.wrong if form else {},
        sentence=sentence,
        done=done if done in DEEDS else "",
        day=jalali_day,
        may_hear=visit.allowed("recordings_blind"),
        who=official(visit, seen.hour, line["names"]),
        **told,
        **line,
    )


async def _of_her(visit: Visit, connection: AsyncConnection, seen: HourSeen, shown: HourCall) -> Json:
    """Her story, her voice, what was before, and the orders of this case."""
    case = shown.case
    if case is None:
        return {"voices": [], "earlier": [], "orders": [], "minutes": None}
    page = await visit.panel.book.page()
    minutes = await session_day.minutes_of(connection, seen.hour.number)
    return {
        "voices": await voices_of(connection, {case.id}),
        "earlier": await related.of_caller(connection, visit.scope, case),
        "orders": await order_giving.listed(connection, page, visit.now, of_case=case.id),
        "minutes": minutes.get(case.id),
    }


async def _list(visit: Visit, form: Form | None = None, sentence: str = "") -> web.Response:
    async with visit.panel.engine.connect() as connection:
        found = await hour_planning.hours(connection, visit.now - BACK)
    usual = {"official": "governor", "room": str(USUAL_ROOM)}
    allowed = visit.panel.telephones.officials
    return visit.render(
        "meetings/hours.html",
        status=422 if form else 200,
        hours=found,
        is_open=is_open,
        is_ahead=is_ahead,
        officials=list(Official),
        allowed=allowed,
        chosen=form.many("extensions") if form else allowed[:1],
        typed={name: form.raw(name) if form else usual.get(name, "") for name in FIELDS},
        wrong=form.wrong if form else {},
        sentence=sentence,
        may=visit.allowed("meetings_hold"),
        names=await names_of(visit),
    )


def _wanted(visit: Visit, form: Form, office: str, zone: ZoneInfo) -> WantedHour:
    """What won't do is in `form.wrong`."""
    day = form.day("on", needed=False) or visit.now.astimezone(zone).date()
    hours = (form.hour(name, "meetings.form.hour") for name in ("begins", "ends"))
    begins, ends = (datetime.combine(day, hour, zone) for hour in hours)
    return WantedHour(
        Official(form.choice("official", list(Official)) or Official.GOVERNOR),
        form.text("agency", needed=False) or office,
        begins,
        ends,
        tuple(form.many("extensions")),
        form.number("room", 1, MOST_ROOM),
        form.flag("even_off"),
    )
