"""What bodies report of orders, for the office to look at before the citizen is called; and reports owed."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.case import attachments
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import office_deeds, order_checking, order_giving
from ivr.desk.meetings.request_deciding import today
from ivr.desk.reading.casefile import must_know
from ivr.desk.refusals import Refused
from ivr.web.meetings.meeting_words import jalali_day, names_of, put
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

LONGEST = 1000
CHECKS = {"confirm": order_checking.confirm, "hand-back": order_checking.hand_back}


async def reported(visit: Visit) -> web.StreamResponse:
    if visit.scope.agency:
        return visit.redirect(visit.path("meetings.sessions"))
    return await _page(visit)


async def check(visit: Visit) -> web.StreamResponse:
    """Found done, or handed back with a reason."""
    deed, form = visit.request.match_info["deed"], visit.form()
    if deed not in CHECKS:
        raise NotFound
    code = tracking_code(visit.request.match_info["code"])
    reason = form.text("reason", LONGEST, needed=deed == "hand-back", lines=True)
    sentence = ""
    if not form.wrong:
        ask = Instruction(code, visit.actor, reason, visit.now, form.number("seen", otherwise=0) or None)
        try:
            await must_know(visit.panel.engine, visit.scope, code)
            await CHECKS[deed](visit.panel.engine, await visit.panel.book.page(), ask)
            return visit.redirect(f"{visit.path('meetings.reported')}?done={deed}&order={code}")
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit))
    return await _page(visit, deed, code, form, sentence)


async def _page(
    visit: Visit, tried: str = "", code: str = "", form: Form | None = None, sentence: str = ""
) -> web.Response:
    page, languages = await visit.panel.book.page(), visit.panel.book.conventions.languages
    done = visit.request.query.get("done", "")
    async with visit.panel.engine.connect() as connection:
        found = await order_checking.to_check(connection, page, visit.now, visit.scope)
        called = await order_checking.called_at(connection, page, visit.now, found)
        papers = await attachments.of_cases(connection, {each.part.id for each in found})
        reaches = await order_checking.reaches(connection, found, visit.now, languages)
        owed = await office_deeds.owed(connection, visit.scope)
        confirmed, hears = None, None
        if done == "confirm":
            its = tracking_code(visit.request.query.get("order", ""))
            confirmed = await order_giving.of_code(connection, page, visit.now, visit.scope, its)
        if confirmed is not None:
            hears = await order_checking.hears(connection, page, visit.now, confirmed, languages)
    return visit.render(
        "meetings/reported.html",
        status=422 if form else 200,
        orders=found,
        until=[page.calendar.day(at) if at > visit.now else None for at in called],
        reaches=reaches,
        hears=hears,
        whole=confirmed.part.whole if confirmed else "",
        papers=[paper for paper in papers if paper.removed_at is None],
        owed=owed,
        today=today(page, visit.now),
        may=visit.allowed("meetings_hold"),
        tried=tried,
        code=code,
        typed=form.raw("reason") if form else "",
        wrong=form.wrong if form else {},
        sentence=sentence,
        done=done if done in CHECKS else "",
        names=await names_of(visit),
        day=jalali_day,
    )
