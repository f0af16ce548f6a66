"""Saved views: kept and removed."""

from __future__ import annotations

import uuid

from aiohttp import web

from ivr.desk.reading import saved_views
from ivr.desk.refusals import WrongField
from ivr.web.inbox.asked import read, sight
from ivr.web.inbox.names import NameBook
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import NotFound, Visit


async def save(book: NameBook, visit: Visit) -> web.StreamResponse:
    """The address's queue, search and filters under a name; whoever refers cases may share it, no number."""
    form = visit.form()
    asked = read(visit, await book.names(visit.panel), await sight(visit))
    name = form.text("name", most=saved_views.LONGEST_NAME)
    shared = form.flag("shared") and visit.allowed(P.CASES_REFER) and not asked.sought.has_number
    if not form.wrong:
        try:
            await saved_views.save(
                visit.panel.engine, visit.person.id, name, asked.address(), visit.now, shared=shared
            )
            return visit.redirect(f"/panel/inbox?{asked.address()}")
        except WrongField as error:
            form.refused(error, {"name": "inbox.view.too_many"})
    return visit.render("inbox/view.html", status=422, wrong=form.wrong, name=form.raw("name"), asked=asked)


async def remove(visit: Visit) -> web.StreamResponse:
    try:
        view = uuid.UUID(visit.request.match_info["view"])
    except ValueError:
        raise NotFound from None
    if not await saved_views.remove(visit.panel.engine, visit.person.id, view):
        raise NotFound
    return visit.redirect("/panel/inbox")
