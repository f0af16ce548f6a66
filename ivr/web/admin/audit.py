"""The audit: who did, saw and heard what. Books and people have their own histories; this is all of it."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.people import auditing
from ivr.web.panel.forms import whole_number
from ivr.web.panel.visit import Route, Visit
from ivr.web.window import tracking_code

PAGE = 50


def routes() -> list[Route]:
    return [Route("GET", "/panel/admin/audit", "admin.audit", page)]


async def page(visit: Visit) -> web.Response:
    """Tracking codes only for who may see cases: with one anybody hears how a case stands."""
    query = visit.request.query
    before = whole_number(query.get("before", ""))
    may_see_codes = visit.allowed("cases_see")
    who, about = query.get("who", "").strip().casefold()[:30], query.get("about", "").strip()[:100]
    case = _case(visit, about)
    found = await auditing.listed(
        visit.panel.engine, who, "" if case else about, before, PAGE + 1,
        case=case, scope=visit.scope, with_codes=may_see_codes,
    )  # fmt: skip
    return visit.render(
        "admin/audit.html",
        rows=found[:PAGE],
        older=found[PAGE - 1]["id"] if len(found) > PAGE else 0,
        who=who,
        about=about,
        may_see_codes=may_see_codes,
    )


def _case(visit: Visit, about: str) -> str:
    """The tracking code that was asked about, alone or behind "case/", however it is written."""
    return tracking_code(about.removeprefix("case/")) if visit.allowed("cases_see") else ""
