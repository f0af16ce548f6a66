"""What is masked on a case, revealed for a reason; and who has seen and heard what of it."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.recordings import revealing
from ivr.desk.recordings.revealing import Hidden
from ivr.desk.refusals import WrongField
from ivr.web.casefile.finding import case_row, code_of
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Visit


async def reveal(visit: Visit) -> web.StreamResponse:
    """The value in place of its mask; for the voice the page again, whose player then plays it."""
    case, form = await case_row(visit), visit.form()
    what = form.choice("what", set(Hidden))
    if not what:
        return web.Response(status=422, text=form.wrong["what"])
    hidden = Hidden(what)
    needed = P.RECORDINGS_PLAY if hidden is Hidden.VOICE else P.IDENTITY_REVEAL
    visit.require(needed, area=case.county or "")
    reason = form.text("reason", most=revealing.LONGEST, needed=False)
    try:
        value = await revealing.reveal(
            visit.panel.engine, visit.person, case.code, hidden, reason, visit.now, visit.came.address
        )
    except WrongField:
        wrong = {"reason": visit.words("refusal.field_reason")}
        return visit.render(
            "casefile/reveal.html", case=case, what=what, wrong=wrong, reason=form.raw("reason"), status=422
        )
    if hidden is Hidden.VOICE:
        return visit.redirect(f"/panel/cases/{case.code}")
    if not visit.partial:  # without scripts: a page of its own
        return visit.render("casefile/revealed_page.html", case=case, what=what, value=value)
    return visit.render("casefile/revealed.html", what=what, value=value)


async def seen_by(visit: Visit) -> web.StreamResponse:
    """A piece of the page: who opened it, heard what, revealed what and why, took away what."""
    case = await case_row(visit)
    visit.require(P.SEEN_BY, area=case.county or "")
    rows = await revealing.seen_by(visit.panel.engine, case.id)
    return visit.render("casefile/seen_by.html", rows=rows, code=code_of(visit))
