"""Puts the sections together into the one web application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.web import admin
from ivr.web.account import page, sign_in
from ivr.web.casefile import routes as casefile
from ivr.web.inbox import routes as inbox
from ivr.web.live import routes as live
from ivr.web.meetings import routes as meetings
from ivr.web.numbers import routes as numbers
from ivr.web.panel.guard import Guard, secure
from ivr.web.panel.locale import words
from ivr.web.panel.permissions import ROUTES
from ivr.web.panel.rendering import Pages, pages
from ivr.web.panel.visit import NotFound, Panel, Route, Visit
from ivr.web.public import routes as public
from ivr.web.servicedesk import routes as servicedesk
from ivr.web.trees import routes as trees

Start = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], None]
"""Whoever watches over what runs beside calls: begins it by a name, and again when it fails."""


class NotDeclared(Exception):
    """Routes and the table of permissions don't agree; the panel does not start."""


def sections() -> list[Route]:
    """Every route of the panel. A new section adds its `routes()` here."""
    return [
        *sign_in.routes(),
        *page.routes(),
        *casefile.routes(),
        *servicedesk.routes(),
        *meetings.routes(),
        *numbers.routes(),
        *live.routes(),
        *public.routes(),
        *admin.routes(),
        *trees.routes(),
        *inbox.routes(),
    ]


def attach(app: web.Application, panel: Panel, start: Start) -> Pages:
    """Serve the panel from `app`; `start` keeps running what it needs beside them. Raises NotDeclared."""
    routes = sections()
    check(routes)
    paths = {route.name: route.path for route in routes if route.method == "GET"}
    text = words()
    made = pages(panel, text, paths, ZoneInfo(panel.book.timezone))
    guard = Guard(panel, text, made)
    app.on_response_prepare.append(secure)
    app.on_shutdown.append(partial(_let_go, panel))
    app.on_shutdown.append(panel.board.close)
    start("open pages", panel.news.run)
    start("board", panel.board.run)
    app.router.add_get("/static/{version}/{path:.+}", panel.assets.serve)
    for route in routes:
        app.router.add_route(route.method, route.path, guard.around(route))
    app.router.add_route("*", "/panel{rest:.*}", guard.around(Route("*", "", "nowhere", _nowhere)))
    # A citizen's slip in an address. aiohttp tries it last, behind what is attached later as well.
    app.router.add_route("GET", "/{rest:.*}", guard.around(Route("GET", "", "lost", _nowhere)))
    return made


def check(routes: Iterable[Route]) -> None:
    """Every route has a line in the table, and every line a route. Raises NotDeclared."""
    names = {route.name for route in routes} | {"nowhere", "lost"}
    if missing := names - ROUTES.keys():
        raise NotDeclared(
            f"routes without a line in ivr/web/panel/permissions.py: {', '.join(sorted(missing))}"
        )
    if idle := ROUTES.keys() - names:
        raise NotDeclared(f"ivr/web/panel/permissions.py names no route: {', '.join(sorted(idle))}")


async def _let_go(panel: Panel, _: web.Application) -> None:
    """Streams would keep the application from closing."""
    panel.news.close()


async def _nowhere(visit: Visit) -> web.Response:
    if visit.request.path == "/panel":
        return visit.redirect("/panel/")
    if visit.request.path == "/track/":
        return visit.redirect(str(visit.request.rel_url.with_path("/track", keep_query=True)))
    raise NotFound
