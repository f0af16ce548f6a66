"""The day of a session: the office's page, which goes on without the server, and two boards."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.presence import Presence, done_at, in_the_hall
from ivr.desk.book.book import Page
from ivr.desk.case.change import Instruction
from ivr.desk.case.registering import Wanted
from ivr.desk.meetings import order_giving, order_ruling, session_day
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.request_deciding import held
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.reading.briefs import Brief, briefs
from ivr.desk.reading.casefile import must_know
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.web.meetings.meeting_words import jalali_day, names_of, put
from ivr.web.meetings.session_pages import found_session
from ivr.web.panel.forms import Form, latin
from ivr.web.panel.guard import policy
from ivr.web.panel.uploading import ACCEPT, take_paper
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

LONGEST_ORDER, LONGEST_NAME = 1000, 60
TYPED = ("code", "name", "caller", "national_id", "language", "words", "agency", "due_on")
MINUTES = ("said", "decided", "people")
Doing = Callable[[AsyncConnection, Page, Instruction, int, datetime], Awaitable[Any]]
PLAIN: dict[str, Doing] = {
    "arrive": session_day.arrive,
    "begin": session_day.begin,
    "back": session_day.step_out,
    "missed": session_day.missed,
}
RULED = {"accepted": order_ruling.accept_here, "objected": order_ruling.object_here}
INSIDE = ("begin", "heard")
DEEDS = (*PLAIN, *RULED, "heard", "amend", "order", "walk_in", "paper")


async def day(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def act(visit: Visit) -> web.StreamResponse:
    """One deed, once for each `key`. `at`: when it was done, where a browser kept it for a while.

    JSON for who asks for it: {"done": true}, or 422 with {"wrong": sentence}.
    """
    deed = visit.request.match_info["deed"]
    if deed not in DEEDS:
        raise NotFound
    row, seats = await _whole(visit)
    sentence = await _do(visit, deed, row.number, seats)
    if "application/json" in visit.request.headers.get("Accept", ""):
        told = {"wrong": sentence} if sentence else {"done": True}
        return web.json_response(told, status=422 if sentence else 200)
    if sentence:
        return await _page(visit, sentence, deed)
    code = visit.form().raw("code")
    return visit.redirect(visit.path("meetings.day", number=row.number) + (f"#c{code}" if code else ""))


async def worker(visit: Visit) -> web.StreamResponse:
    """The script that answers a reload of this page while the server is away; its scope is this page."""
    row, _ = await _whole(visit)
    page = visit.path("meetings.day", number=row.number)
    shell = visit.renderer(visit, "meetings/day_shell.html", {})
    before = {"PAGE": page, "SHELL": shell, "POLICY": policy()}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in before.items()]
    script = visit.panel.assets.files["day-worker.js"].content.decode()
    return web.Response(text="".join(lines) + script, content_type="text/javascript")


async def room(visit: Visit) -> web.StreamResponse:
    """For the room: who is inside, who comes next, who waits. Alone on a screen, or a piece of it."""
    row, seats = await _whole(visit)
    wishes = {seat.slot.slot: seat.wish for seat in seats if seat.wish}
    return await _board(visit, "room_board", row, seats, wishes=wishes, names=await names_of(visit))


async def waiting_room(visit: Visit) -> web.StreamResponse:
    """For those who wait: numbers alone."""
    row, seats = await _whole(visit)
    return await _board(visit, "waiting_board", row, seats)


async def _board(
    visit: Visit, board: str, row: Row[Any], seats: list[Seat], **more: Any
) -> web.StreamResponse:
    hall = in_the_hall(seat.slot for seat in seats if seat.wish)
    template = f"meetings/{board}.html" if visit.partial else "meetings/board.html"
    return visit.render(template, board=board, session=row, hall=hall, **more)


async def _whole(visit: Visit) -> tuple[Row[Any], list[Seat]]:
    """Bodies see no day of others. Raises NotFound."""
    if visit.scope.agency:
        raise NotFound
    return await found_session(visit)


async def _do(visit: Visit, deed: str, number: int, seats: list[Seat]) -> str:
    """The sentence why not; "" when it is done, or was before."""
    form = visit.form()
    key = _key(form)
    code = _code(visit, seats) or (await _known(visit) if deed in INSIDE else "")
    ask = Instruction(code, visit.actor, now=visit.now, cause=key)
    if deed == "paper":
        try:
            return await take_paper(visit, ask.code, key) if ask.code else visit.words("day.nobody")
        except NoSuchCase:
            return visit.words("day.nobody")
    if deed != "walk_in" and not ask.code:
        return visit.words("day.nobody")
    at = done_at(_moment(form.raw("at")), visit.now, _moment(form.raw("now")))
    doing = _given(visit, deed, ask, number, at)
    if form.wrong:
        return next(iter(form.wrong.values()))
    page = await visit.panel.book.page()
    try:
        async with visit.panel.engine.begin() as connection:
            if await session_day.first_time(connection, key, ask, number, deed, at):
                await doing(connection, page)
    except Refused as refusal:
        if deed == "walk_in" and isinstance(refusal, WrongField):
            return visit.words(f"desk.wrong.{refusal.field}")
        sentence = put(form, refusal, visit, await names_of(visit))
        return sentence or next(iter(form.wrong.values()))
    return ""


def _given(
    visit: Visit, deed: str, ask: Instruction, number: int, at: datetime
) -> Callable[[AsyncConnection, Page], Awaitable[Any]]:
    """What is to be done with what was typed; what won't do is in `form.wrong`."""
    form, day_of = visit.form(), session_day
    if deed in ("heard", "amend"):
        said, decided = (
            form.text(name, day_of.LONGEST_MINUTES, needed=False, lines=True) for name in ("said", "decided")
        )
        hearing = Hearing(said, decided, form.number("people", 1, day_of.MOST_PEOPLE, otherwise=1))
        if deed == "amend":
            seen = form.raw("seen")
            return lambda connection, page: day_of.amend(connection, page, ask, number, hearing, seen)
        return lambda connection, page: day_of.heard(connection, page, ask, number, at, hearing)
    if deed == "order":
        agency, words = form.text("agency"), form.text("words", LONGEST_ORDER, lines=True)
        due_on = form.day("due_on")
        orders = [MeetingOrder(agency, words, due_on)] if due_on else []
        return lambda connection, page: order_giving.give(connection, page, ask, orders)
    if deed in RULED:
        order = tracking_code(form.raw("order")) or form.refuse("order", "meetings.form.code")
        reason = form.text("reason", LONGEST_ORDER, needed=deed == "objected", lines=True)
        own = replace(ask, code=order, reason=reason)
        return lambda connection, page: _rule(connection, page, ask, own, RULED[deed])
    if deed == "walk_in":
        spoken = visit.panel.book.conventions.languages
        wanted = Wanted(
            "meeting", words=form.text("words", LONGEST_ORDER, lines=True),
            caller=latin(form.text("caller", needed=False)), caller_name=form.text("name", LONGEST_NAME),
            national_id=latin(form.text("national_id", needed=False)),
            language=form.choice("language", spoken, needed=False) or spoken[0],
        )  # fmt: skip
        return lambda connection, page: day_of.walk_in(connection, page, ask, number, at, wanted)
    return lambda connection, page: PLAIN[deed](connection, page, ask, number, at)


async def _rule(
    connection: AsyncConnection,
    page: Page,
    ask: Instruction,
    own: Instruction,
    does: Callable[..., Awaitable[None]],
) -> None:
    """What the head says of an order of hers, and of nobody else's. Raises Refused."""
    whole = await held(connection, page, ask)
    orders = await order_giving.listed(connection, page, ask.now, of_case=whole.case.id)
    if own.code not in {each.part.code for each in orders}:
        raise Refused(f"case {own.code} is no order")
    await does(connection, page, own)


def _code(visit: Visit, seats: list[Seat]) -> str:
    """Of whoever it is about: by code, or by national ID as typed at the door. "" for nobody."""
    typed = "".join(c for c in latin(visit.form().raw("code")) if c.isascii() and c.isdigit())
    seat = session_day.find(seats, typed)
    return seat.wish.code if seat and seat.wish else ""


async def _known(visit: Visit) -> str:
    """Who has no slot any more may be in the room: it was ended while this tablet had no network."""
    code = tracking_code(visit.form().raw("code"))
    with suppress(NoSuchCase):
        await must_know(visit.panel.engine, visit.scope, code)
        return code
    return ""


def _once(told: list[Brief]) -> list[Brief]:
    """Each citizen once: who missed her slot there and has another is at that one."""
    latest = sorted(told, key=lambda brief: (brief.presence is not Presence.MISSED, brief.slot.starts_at))
    of = {brief.wish.code: brief for brief in latest}
    return [brief for brief in told if of[brief.wish.code] is brief]


def _key(form: Form) -> uuid.UUID:
    """The browser's; without one, pressed twice a form is one deed, and another with something else in it."""
    with suppress(ValueError):
        return uuid.UUID(form.raw("key"))
    if filled := form.raw("form"):
        return uuid.uuid5(uuid.NAMESPACE_OID, "\0".join([filled, *map(form.raw, TYPED)]))
    return uuid.uuid4()


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else None
    return None


async def _page(visit: Visit, sentence: str = "", tried: str = "") -> web.Response:
    row, seats = await _whole(visit)
    page = await visit.panel.book.page()
    zone = ZoneInfo(page.calendar.timezone)
    async with visit.panel.engine.connect() as connection:
        told = _once(await briefs(connection, page, visit.scope, row.number, seats, visit.now))
    of = {brief.slot.slot: brief for brief in told}
    form = visit.form()
    return visit.render(
        "meetings/day.html",
        status=422 if sentence else 200,
        session=row,
        hall=in_the_hall(brief.slot for brief in told),
        briefs=told,
        of=of,
        sentence=sentence,
        tried=tried,
        typed={name: form.raw(name) if sentence else "" for name in (*TYPED, *MINUTES)},
        fresh=uuid.uuid4(),
        languages=visit.panel.book.conventions.languages,
        names=await names_of(visit),
        day=jalali_day,
        accept=ACCEPT,
        runs=row.state == "planned",
        until=datetime.combine(page.calendar.day(row.starts_at) + timedelta(days=1), time(0), zone),
        may_hear=visit.allowed("recordings_blind"),
    )
