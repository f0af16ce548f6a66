"""The first page, and one's own account."""

from __future__ import annotations

from aiohttp import web

from ivr.web.panel.visit import Route, Visit


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/", "home", home),
    ]


async def home(visit: Visit) -> web.Response:
    return visit.render("panel/home.html")
