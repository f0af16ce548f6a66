"""The lottery: five closed cases drawn at random, each with one button that rings its citizen."""

from __future__ import annotations

from aiohttp import web

from ivr.cases.lottery import COUNT, LotteryResult
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import lottery_calling, lottery_drawing
from ivr.desk.reading.casefile import full_names, must_know
from ivr.desk.refusals import Refused
from ivr.web.meetings.meeting_words import names_of, put
from ivr.web.panel.forms import Form
from ivr.web.panel.guard import policy
from ivr.web.panel.permissions import Permission
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

LONGEST = 1000
DIALLED = "8"  # before a code: ivr/asterisk/dialplan.py's context seda111-desk
DEEDS = ("draw", "put-aside")


async def lottery(visit: Visit) -> web.StreamResponse:
    if visit.scope.agency:
        return visit.redirect(visit.path("meetings.sessions"))
    return await _page(visit)


async def do(visit: Visit) -> web.StreamResponse:
    """Draw, or put the drawing aside with a reason."""
    deed, form = visit.request.match_info["deed"], visit.form()
    if deed not in DEEDS:
        raise NotFound
    ask = Instruction("", visit.actor, form.text("reason", LONGEST, needed=False, lines=True), visit.now)
    try:
        if deed == "draw":
            page = await visit.panel.book.page()
            await lottery_drawing.draw(visit.panel.engine, page, ask, visit.scope, visit.person.id)
        else:
            number = form.number("number", 1, 2**31 - 1)
            await lottery_drawing.put_aside(visit.panel.engine, ask, number, visit.person.id)
    except Refused as refusal:
        return await _page(visit, deed, "", form, put(form, refusal, visit, await names_of(visit)))
    return visit.redirect(f"{visit.path('meetings.lottery')}?done={deed}")


async def ring(visit: Visit) -> web.StreamResponse:
    """What his telephone is to dial, as JSON for the one in his browser, or on the page."""
    code, form = tracking_code(visit.request.match_info["code"]), visit.form()
    ask = Instruction(code, visit.actor, now=visit.now)
    wants_json = "application/json" in visit.request.headers.get("Accept", "")
    try:
        await must_know(visit.panel.engine, visit.scope, code)
        dial = await lottery_calling.ring(visit.panel.engine, ask, visit.person.id, visit.came.address)
    except Refused as refusal:
        sentence = put(form, refusal, visit, await names_of(visit))
        if wants_json:
            return web.json_response({"wrong": sentence}, status=409)
        return await _page(visit, "ring", code, form, sentence)
    if wants_json:
        return web.json_response({"dial": f"{DIALLED}{dial}"})
    return await _page(visit, "ring", code, dial=f"{DIALLED}{dial}")


async def note(visit: Visit) -> web.StreamResponse:
    """Satisfied, not satisfied with what she says, or not reached."""
    code, form = tracking_code(visit.request.match_info["code"]), visit.form()
    result = form.choice("result", list(LotteryResult))
    reason, sentence = form.text("reason", LONGEST, needed=False, lines=True), ""
    if not form.wrong:
        ask, page = Instruction(code, visit.actor, reason, visit.now), await visit.panel.book.page()
        try:
            await must_know(visit.panel.engine, visit.scope, code)
            await lottery_drawing.note(visit.panel.engine, page, ask, LotteryResult(result))
            return visit.redirect(f"{visit.path('meetings.lottery')}?done=note")
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await _page(visit, "note", code, form, sentence)


async def _page(
    visit: Visit,
    tried: str = "",
    code: str = "",
    form: Form | None = None,
    sentence: str = "",
    dial: str = "",
) -> web.Response:
    async with visit.panel.engine.connect() as connection:
        running = await lottery_drawing.current(connection)
        found = await lottery_drawing.read(connection, running, visit.scope)
        ended = await lottery_drawing.last(connection)
        named = {each.row.drawn_by for each in ended} | ({running.drawn_by} if running else set())
        called = await full_names(connection, named)
    may = visit.allowed(Permission.MEETINGS_HOLD)
    phone = visit.panel.telephones.desk if may and visit.allowed(Permission.PHONE_USE) else None
    done = visit.request.query.get("done", "")
    answer = visit.render(
        "meetings/lottery.html",
        status=422 if form else 200,
        running=running,
        drawn=found,
        ended=ended,
        called=called,
        may=may,
        phone=phone,
        count=COUNT,
        results=list(LotteryResult),
        tried=tried,
        code=code,
        dial=dial,
        typed={name: form.raw(name) if form else "" for name in ("reason", "result")},
        wrong=form.wrong if form else {},
        sentence=sentence,
        done=done if done in (*DEEDS, "note") else "",
        names=await names_of(visit),
    )
    if phone is not None:
        answer.headers["Content-Security-Policy"] = policy(phone.origin)
    return answer
