"""What is masked on a case, revealed for a reason; and who has seen and heard what of it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.people import unsealing
from ivr.desk.people.limiting import TooOften
from ivr.desk.recordings import revealing
from ivr.desk.recordings.revealing import Hidden
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.web.casefile.finding import case_row, code_of
from ivr.web.panel.forms import whole_number
from ivr.web.panel.locale import digits
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.sheets import jalali_day
from ivr.web.panel.visit import Forbidden, NotFound, Visit

PAGE = 100  # of who has seen it, at once


async def reveal(visit: Visit) -> web.StreamResponse:
    """The value in place of its mask; for the voice the page again, whose player then plays it."""
    case, form = await case_row(visit), visit.form()
    what = form.choice("what", set(Hidden))
    if not what:
        return web.Response(status=422, text=form.wrong["what"])
    hidden = Hidden(what)
    needed = P.RECORDINGS_PLAY if hidden is Hidden.VOICE else P.IDENTITY_REVEAL
    visit.require(needed, area=case.county or "")
    reason = form.text("reason", most=unsealing.LONGEST, needed=False)
    value = wrong = ""
    try:
        value = await revealing.reveal(
            visit.panel.engine, visit.person, case.code, hidden, reason, visit.now, visit.came.address,
            visit.panel.book.limits_now.reveals_per_day,
        )  # fmt: skip
    except TooOften as refusal:
        wrong = too_many(visit, refusal)
    except WrongField:
        wrong = visit.words("refusal.field_reason")
    except Refused:
        wrong = visit.words("casefile.sealed.first")
    if wrong:
        said = {"wrong": {"reason": wrong}, "reason": form.raw("reason")}
        return visit.render("casefile/reveal.html", case=case, what=what, **said, status=422)
    if hidden is Hidden.VOICE:
        return visit.redirect(f"/panel/cases/{case.code}")
    if not visit.partial:  # without scripts: a page of its own
        return visit.render("casefile/revealed_page.html", case=case, what=what, value=value)
    return visit.render("casefile/revealed.html", what=what, value=value)


def too_many(visit: Visit, refusal: TooOften) -> str:
    """The sentence for whom the daily limit stops."""
    at = refusal.until.astimezone(ZoneInfo(visit.panel.book.timezone))
    return visit.words("casefile.reveal_limit", day=digits(jalali_day(at)), at=digits(f"{at:%H:%M}"))


async def ask(visit: Visit) -> web.StreamResponse:
    """One of the few asks another one to let her see whose a confidential case is."""
    case = await case_row(visit)
    visit.require(P.IDENTITY_REVEAL, area=case.county or "")
    reason = visit.form().text("reason", most=unsealing.LONGEST, needed=False)
    engine, person, address = visit.panel.engine, visit.person, visit.came.address
    try:
        await unsealing.ask_for_case(engine, person, case.code, reason, visit.now, address)
    except WrongField:
        sentence = visit.words("casefile.sealed.reason")
        return visit.render("casefile/no_reveal.html", case=case, sentence=sentence, status=422)
    except NoSuchCase:
        raise NotFound from None
    except Refused:
        raise Forbidden from None
    return visit.redirect(f"/panel/cases/{case.code}")


async def seen_by(visit: Visit) -> web.StreamResponse:
    """A piece of the page: who opened it, heard what, revealed what and why, took away what."""
    case = await case_row(visit)
    visit.require(P.SEEN_BY, area=case.county or "")
    if not visit.scope.reads_whole(case):
        raise Forbidden
    before = whole_number(visit.request.query.get("before", ""))
    zone = visit.panel.archive.zone
    rows = await revealing.seen_by(visit.panel.engine, case.id, PAGE + 1, before, zone)
    older = rows[PAGE - 1]["id"] if len(rows) > PAGE else 0
    return visit.render("casefile/seen_by.html", rows=rows[:PAGE], older=older, code=code_of(visit))
