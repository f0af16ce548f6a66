"""What takes two: who asks to see what is sealed, and why; and what was revealed to whom of late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web
from persiantools.jdatetime import JalaliDate

from ivr.desk.book.names import called
from ivr.desk.people import unsealing
from ivr.desk.recordings import revealing
from ivr.desk.refusals import Refused
from ivr.web.panel.forms import whole_number
from ivr.web.panel.locale import Locale
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Forbidden, NotFound, Visit

_jalali: Any = JalaliDate  # it has no types
BACK = timedelta(days=30)  # so far back it is told what was revealed
PAGE = 100  # of those, at once
ALERTS = timedelta(days=3)  # so long it stands in red who reached the day's limit


async def listed(visit: Visit) -> web.StreamResponse:
    rows = await unsealing.listed(visit.panel.engine, visit.person, visit.now)
    tells = visit.allowed(P.SEEN_BY) and not visit.scope.agency
    lately: list[Any] = []
    stopped: list[Any] = []
    if tells:
        told, before = (visit.panel.engine, visit.scope), whole_number(visit.request.query.get("before", ""))
        lately = await revealing.lately(*told, visit.now - BACK, PAGE + 1, before)
        stopped = await revealing.stopped(*told, visit.now - ALERTS)
    return visit.render(
        "casefile/openings.html",
        waiting=[row for row in rows if unsealing.waits(row, visit.now)],
        decided=[row for row in rows if row.allowed is not None],
        lately=lately[:PAGE],
        older=lately[PAGE - 1].id if len(lately) > PAGE else 0,
        stopped=stopped,
        tells=tells,
        names=await called(visit.panel.engine),
        days=partial(_days, visit.words),
    )


def _days(words: Locale, export: Mapping[str, str]) -> str:
    """The first and the last day of a file of cases."""
    since, until = (date.fromisoformat(export[name]) for name in ("since", "until"))
    first, last = (_shown(day) for day in (since, until - timedelta(1)))
    return words("casefile.openings.days", since=first, until=last)


def _shown(day: date) -> str:
    its = _jalali(day)
    return str(its.strftime(f"{its.day} %B %Y", locale="fa"))


async def allow(visit: Visit) -> web.StreamResponse:
    return await _decide(visit, unsealing.allow)


async def refuse(visit: Visit) -> web.StreamResponse:
    return await _decide(visit, unsealing.refuse)


async def _decide(visit: Visit, does: Callable[..., Awaitable[Any]]) -> web.StreamResponse:
    try:
        id = UUID(visit.request.match_info["id"])
    except ValueError:
        raise NotFound from None
    try:
        await does(visit.panel.engine, visit.person, id, visit.now, visit.came.address)
    except Refused:
        raise Forbidden from None
    return visit.redirect("/panel/openings")
