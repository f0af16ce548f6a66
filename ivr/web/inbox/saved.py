"""Saved views: kept, replaced by whoever was asked, and removed."""

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
    """The address's queue, search and filters under a name; whoever refers cases may share it, no number.

    What stands under that name is replaced only by the button that says so of this name.
    """
    form = visit.form()
    asked = read(visit, await book.names(visit.panel), await sight(visit))
    name = form.text("name", most=saved_views.LONGEST_NAME)
    may_share = visit.allowed(P.CASES_REFER) and not asked.sought.has_number
    shared, replaces = form.flag("shared") and may_share, bool(name) and form.raw("replaces") == name
    standing = None
    if not form.wrong:
        try:
            standing = await saved_views.save(
                visit.panel.engine, visit.person.id, name, asked.address(), visit.now,
                shared=shared, replaces=replaces,
            )  # fmt: skip
            if standing is None:
                return visit.redirect(f"/panel/inbox?{asked.address()}")
            form.refuse("name", _taken(standing.shared, may_share), view=name)
            shared = may_share and (shared or standing.shared)
        except WrongField as error:
            form.refused(error, {"name": "inbox.view.too_many"})
    return visit.render(
        "inbox/view.html",
        status=422,
        wrong=form.wrong,
        name=form.raw("name"),
        asked=asked,
        may={"share": visit.allowed(P.CASES_REFER)},
        shared=shared,
        standing=standing,
    )


def _taken(of_all: bool, may_share: bool) -> str:
    """The question, and for whom it is: a view of all changes for all, or is lost to them."""
    if not of_all:
        return "inbox.view.taken"
    return "inbox.view.taken_for_all" if may_share else "inbox.view.taken_from_all"


async def remove(visit: Visit) -> web.StreamResponse:
    try:
        view = uuid.UUID(visit.request.match_info["view"])
    except ValueError:
        raise NotFound from None
    if not await saved_views.remove(visit.panel.engine, visit.person.id, view):
        raise NotFound
    return visit.redirect("/panel/inbox")
