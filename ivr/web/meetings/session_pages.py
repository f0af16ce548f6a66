"""Sessions: planned, listed, and one with its agenda. Heads of agencies see the slots that need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.attendance import AHEAD, Came, InvitationState
from ivr.cases.meetings import SLOTTED, MeetingWay, Official
from ivr.cases.presence import Presence, presence
from ivr.desk.case.callback_planning import Reach
from ivr.desk.case.change import Instruction
from ivr.desk.letters import indicator
from ivr.desk.meetings import agenda, inviting, order_giving, session_moving, session_planning
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.meetings.request_deciding import lists_of, the_office
from ivr.desk.meetings.request_list import MeetingRequest
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.desk.reading.briefs import voices_of
from ivr.desk.reading.casefile import full_names, must_know
from ivr.desk.refusals import Refused
from ivr.web.meetings.meeting_words import jalali_day, names_of, put
from ivr.web.panel.forms import Form, whole_number
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

BACK = timedelta(days=30)  # how far the list goes back
FIELDS = ("official", "agency", "on", "at", "slots", "minutes", "way", "place", "link", "even_off")
DEEDS = ("fill", "place", "met", "missed", "delay", "move", "cancel", "invite", "came", "void")
TYPED = (
    *("code", "slot", "reason", "next_on", "minutes", "on", "at", "place", "even_off"),
    *("state", "who", "words", "paper"),
)
THEIRS = ("attend", "view")  # what an agency does there
ENDED = ("end", "close")  # what calling off was to a session, or an hour of calls, that had begun


async def sessions(visit: Visit) -> web.StreamResponse:
    return await _list(visit)


async def plan(visit: Visit) -> web.StreamResponse:
    form, page = visit.form(), await visit.panel.book.page()
    wanted = _wanted(form, the_office(page), ZoneInfo(page.calendar.timezone))
    sentence = ""
    if not form.wrong:
        try:
            number = await session_planning.plan(
                visit.panel.engine, page, visit.actor, wanted, visit.now, visit.person.id
            )
            return visit.redirect(visit.path("meetings.session", number=number))
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await _list(visit, form, sentence)


async def session(visit: Visit) -> web.StreamResponse:
    return await session_page(visit)


async def act(visit: Visit) -> web.StreamResponse:
    deed, form = visit.request.match_info["deed"], visit.form()
    if deed not in DEEDS:
        raise NotFound
    row, seats = await found_session(visit)
    zone = ZoneInfo((await visit.panel.book.page()).calendar.timezone)
    sentence, given = "", _given(form, deed, zone)
    if deed in ("met", "missed") and not any(seat.wish and seat.wish.code == given["code"] for seat in seats):
        sentence = visit.words("inbox.no_case")
    if not (form.wrong or sentence):
        try:
            done = await _do(visit, deed, row.number, given)
            return visit.redirect(f"{visit.path('meetings.session', number=row.number)}?done={done}")
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await session_page(visit, deed, form, sentence)


async def _do(visit: Visit, deed: str, number: int, given: dict[str, Any]) -> str:
    """The deed, as it turned out; how many were placed."""
    engine, page = visit.panel.engine, await visit.panel.book.page()
    ask = Instruction(given.get("code", ""), visit.actor, given.get("reason", ""), visit.now)
    noted: dict[str, Any] = {"person": visit.person.id, "seen": given.get("seen")}
    match deed:
        case "fill":
            return f"fill&placed={len(await agenda.fill(engine, page, visit.actor, number, visit.now))}"
        case "place":
            await must_know(engine, visit.scope, ask.code)
            await agenda.place(engine, page, ask, number, given["slot"])
        case "delay":
            await session_moving.delay(engine, page, ask, number, given["minutes"], **noted)
        case "move":
            where: dict[str, Any] = {name: given[name] for name in ("place", "even_off")}
            await session_moving.move(engine, page, ask, number, given["starts_at"], **where, **noted)
        case "cancel":
            off = await session_planning.cancel(engine, page, ask, number, given["next_on"], **noted)
            return ENDED[off.calls] if off.ended else deed
        case "invite":
            await inviting.invite(engine, page, visit.actor, number, visit.now, visit.person.id)
        case "void":
            await indicator.withdraw(engine, given["paper"], ask, number, visit.person.id)
        case "came":
            await inviting.note_came(engine, ask, number, given["agency"], Came(given["came"]))
        case _:
            await (agenda.met if deed == "met" else agenda.missed)(engine, page, ask)
    return deed


def _given(form: Form, deed: str, zone: ZoneInfo) -> dict[str, Any]:
    given: dict[str, Any] = {"reason": form.text("reason", 1000, needed=False, lines=True)}
    if deed in ("place", "met", "missed"):
        given["code"] = tracking_code(form.raw("code")) or form.refuse("code", "meetings.form.code")
    if deed == "place":
        given["slot"] = form.number("slot", 1, 999)
    if deed == "cancel":
        given["next_on"] = form.day("next_on")
    if deed in ("delay", "move", "cancel"):
        given["seen"] = moment_seen(form.raw("seen"))
    if deed == "delay":
        given["minutes"] = form.number("minutes", 1, 360)
    if deed == "move":
        day, hour = form.day("on"), form.hour("at", "meetings.form.hour")
        given["starts_at"] = datetime.combine(day, hour, zone) if day else datetime.now(zone)
        given["place"] = form.text("place", session_planning.LONGEST, needed=False)
        given["even_off"] = form.flag("even_off")
    if deed == "void":
        given["paper"] = form.text("paper", 20)
    if deed == "came":
        given |= {"agency": form.text("agency"), "came": form.choice("came", list(Came))}
    return given


async def _list(visit: Visit, form: Form | None = None, sentence: str = "") -> web.Response:
    async with visit.panel.engine.connect() as connection:
        found = await session_planning.sittings(connection, visit.now - BACK, visit.scope.agency)
    usual = {"official": "governor", "way": "in_person", "minutes": "10", "slots": "12"}
    return visit.render(
        "meetings/sessions.html",
        status=422 if form else 200,
        sessions=found,
        typed={name: form.raw(name) if form else usual.get(name, "") for name in FIELDS},
        wrong=form.wrong if form else {},
        sentence=sentence,
        officials=list(Official),
        ways=list(MeetingWay),
        may_hold=visit.allowed("meetings_hold"),
        whole=not visit.scope.agency,
        names=await names_of(visit),
    )


async def session_page(
    visit: Visit, deed: str = "", form: Form | None = None, sentence: str = "", about: str = ""
) -> web.Response:
    """`about`: the code whose view was being written."""
    row, seats = await found_session(visit)
    done = visit.request.query.get("done", "")
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        called = await full_names(connection, {seat.slot.placed_by for seat in seats})
        attendances = await inviting.attendances(connection, row.number, visit.scope.agency)
        owed = await _owed(visit, connection, row)
        to_tell = await _to_tell(visit, connection, row, seats)
        whole = not visit.scope.agency
        sent_home = (
            await agenda.sent_home(connection, page, visit.now, row.number, visit.scope) if whole else []
        )
        complete = await agenda.is_whole(connection, row.number, visit.scope)
        readable = complete or await agenda.is_whole(connection, row.number, visit.scope, but_apart=True)
        asked = {
            seat.wish.case.id
            for seat in seats
            if visit.scope.agency and seat.wish and not seat.wish.case.confidential and not seat.slot.outcome
        }
        voices = await voices_of(connection, asked) if visit.allowed("recordings_blind") else []
        papers = await indicator.listed(connection, row.number) if not visit.scope.agency else []
        views = await inviting.views_of(connection, {seat.wish.case.id for seat in seats if seat.wish})
        annex = complete and await _is_annexed(connection, seats)
        begins = await session_moving.begins(connection, row)
    return visit.render(
        "meetings/session.html",
        status=422 if form else 200,
        session=row,
        seats=seats,
        tried=deed,
        typed={name: form.raw(name) if form else "" for name in TYPED},
        wrong=form.wrong if form else {},
        sentence=sentence,
        done=done if done in (*DEEDS, *THEIRS, *ENDED) else "",
        vacancy=vacancy,
        placed=whole_number(visit.request.query.get("placed", "")),
        attendances=attendances,
        views=views,
        owed=owed,
        to_tell=to_tell,
        sent_home=sent_home,
        day=jalali_day,
        papers=papers,
        own_list="" not in lists_of(page, row),
        voices=voices,
        readable=readable,
        annex=annex,
        about=about,
        states=[each for each in InvitationState if each is not InvitationState.INVITED],
        comings=list(Came),
        blank=dict.fromkeys(TYPED, ""),
        any_heard=any(seat.slot.outcome == "met" for seat in seats),
        any_inside=any(presence(seat.slot) is Presence.INSIDE for seat in seats),
        free=[seat.slot.slot for seat in seats if seat.wish is None and seat.slot.starts_at > visit.now],
        whole=whole,
        names=await names_of(visit),
        called=called,
        **_by_now(visit, row, begins, ZoneInfo(page.calendar.timezone)),
    )


def vacancy(row: Row[Any], slot: Row[Any], now: datetime) -> str:
    """The word for a slot that is nobody's: nobody gets one of a day that is off or over."""
    if row.state == "cancelled":
        return "cancelled"
    return "free" if slot.starts_at > now and row.ends_at > now else "unused"


async def _is_annexed(connection: AsyncConnection, seats: Sequence[Seat]) -> bool:
    """Whether anything of those who were heard is kept from some who sat there."""
    heard = [seat.wish.case for seat in seats if seat.wish is not None and seat.slot.outcome == "met"]
    sealed = await order_giving.with_sealed(connection, {case.id for case in heard})
    return bool(sealed) or any(agenda.is_apart(case) for case in heard)


def _by_now(visit: Visit, row: Row[Any], begins: datetime, zone: ZoneInfo) -> dict[str, bool]:
    """What of it is over, and what may be done at this time; late, it begins with its first slot."""
    its_day, today = row.starts_at.astimezone(zone).date(), visit.now.astimezone(zone).date()
    planned = row.state == "planned"
    may_hold = planned and visit.allowed("meetings_hold")
    return {
        "begun": begins <= visit.now,
        "near": row.starts_at <= visit.now + AHEAD,
        "today": its_day == today,
        "may_hold": may_hold and row.ends_at > visit.now,
        "may_note": may_hold and its_day <= today,
        "may_attend": planned and visit.allowed("meetings_attend") and begins > visit.now,
    }


async def _owed(visit: Visit, connection: AsyncConnection, row: Row[Any]) -> dict[str, list[OrderSeen]]:
    """What the bodies are to answer for first; nothing once the session is over or off."""
    page = await visit.panel.book.page()
    if row.state != "planned" or row.ends_at <= visit.now or "" not in lists_of(page, row):
        return {}
    return await order_giving.heading(connection, page, visit.now, visit.scope)


async def _to_tell(
    visit: Visit, connection: AsyncConnection, row: Row[Any], seats: list[Seat]
) -> list[MeetingRequest]:
    """Whom nobody can call, or not yet, about their slot or that it is off: the office tells them in time."""
    if visit.scope.agency:
        return []
    page = await visit.panel.book.page()
    day = page.calendar.day
    off_today = bool(row.reason) and day(row.ends_at) == day(visit.now)  # ended before their hour, perhaps
    if row.ends_at <= visit.now and not off_today:
        return []
    wishes = [seat.wish for seat in seats if seat.wish is not None and seat.wish.state in SLOTTED]
    if row.reason:
        wishes = await agenda.lost_there(connection, page, visit.now, row.number, visit.scope)
    return [wish for wish in wishes if wish.by_phone is not Reach.YES]


async def found_session(visit: Visit) -> tuple[Row[Any], list[Seat]]:
    """The session and what they may know of its agenda. Raises NotFound, also where that is nothing."""
    number = whole_number(visit.request.match_info["number"])
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        row = await session_planning.sitting(connection, min(number, 2**31 - 1))
        if row is None:
            raise NotFound
        seats = await agenda.read(connection, page, visit.now, row.number, visit.scope)
        body = visit.scope.agency
        own = body in ("", row.agency)
        if not (own or seats or await inviting.attendances(connection, row.number, body)):
            raise NotFound
    return row, seats


def _wanted(form: Form, office: str, zone: ZoneInfo) -> PlannedSession:
    """What won't do is in `form.wrong`."""
    official = form.choice("official", list(Official)) or Official.GOVERNOR
    day, hour = form.day("on"), form.hour("at", "meetings.form.hour")
    return PlannedSession(
        Official(official),
        form.text("agency", needed=False) or office,
        datetime.combine(day, hour, zone) if day else datetime.now(zone),
        form.number("slots", 1, 60),
        form.number("minutes", 3, 120),
        MeetingWay(form.choice("way", list(MeetingWay)) or MeetingWay.IN_PERSON),
        form.text("place", session_planning.LONGEST, needed=False),
        form.text("link", session_planning.LONGEST, needed=False),
        form.flag("even_off"),
    )


def moment_seen(text: str) -> datetime | None:
    """The session's end, as the page had it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
