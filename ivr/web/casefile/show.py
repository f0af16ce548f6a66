"""The page of one case, with the form that is open."""

from __future__ import annotations

from aiohttp import web

from ivr.web.casefile import acting
from ivr.web.casefile.deeds import BY_NAME
from ivr.web.casefile.finding import SentOn, case_file
from ivr.web.casefile.page import done_of, page_of
from ivr.web.panel.visit import Visit

_SENDS_ON = ("onward", "return")


async def case(visit: Visit) -> web.StreamResponse:
    """`?do=refer`: with that form open, or it is said that this is not offered now. `?done=refer`: what was
    just done is said, also where the case went to another body by it.
    """
    try:
        file = await case_file(visit)
    except SentOn:
        done = done if (done := done_of(visit)) in _SENDS_ON else ""
        return visit.render("casefile/sent_on.html", status=200 if done else 404, done=done)
    values = await page_of(visit, file)
    deed = BY_NAME.get(visit.request.query.get("do", ""))
    open_form = await acting.shown(visit, file, deed) if deed and deed in values["deeds"] else None
    return visit.render("casefile/case.html", **values, act=open_form)
