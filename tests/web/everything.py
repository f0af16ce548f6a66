"""The whole panel, whatever sections it has: its routes, and requests to each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import ClientResponse

from ivr.desk.case.registering import Wanted, register
from ivr.web import application
from ivr.web.panel import sessions
from ivr.web.panel.permissions import ROUTES, Permission
from ivr.web.panel.visit import Route
from tests.desk.counter import Counter
from tests.fixtures.province import answer
from tests.web.panel import PanelServed
from tests.web.service import LEARNING

PART = re.compile(r"\{([a-z_]+)(?::[^}]*)?\}")
MARKUP = '"><script>window.hit=1</script><img src=x onerror="window.hit=1">\'{{7*7}}'
SAMPLE = {"id": str(uuid.UUID(int=7)), "number": "1", "seq": "1"}  # else "nothing"


def routes(*methods: str) -> Iterator[Route]:
    return (route for route in application.sections() if not methods or route.method in methods)


def filled(route: Route, parts: Mapping[str, str]) -> str:
    """The route's path with `parts` in their places."""
    return PART.sub(lambda found: {**SAMPLE, **parts}.get(found[1], "nothing"), route.path)


def plain_pages() -> list[str]:
    """Pages that take no parts and may be looked at by somebody signed in."""
    return [
        route.path
        for route in routes("GET")
        if "{" not in route.path and ROUTES[route.name] is not Permission.PUBLIC
    ]


async def ask(
    panel: PanelServed,
    route: Route,
    token: str = "",
    parts: Mapping[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> tuple[ClientResponse, str]:
    """The answer and its text; a stream's headers are enough. Posted with a genuine CSRF token."""
    client = await panel.anybody()
    headers = {"Cookie": f"seda={token or 'nobody'}; {sessions.guest_name(False)}={'g' * 32}"}
    sent = None
    if route.method not in sessions.SAFE:
        sent = {"csrf": sessions.token_for(token or "g" * 32)} | dict(fields or {})
    path = filled(route, parts or {})
    async with client.request(
        route.method, path, data=sent, headers=headers, allow_redirects=False
    ) as answer:
        is_text = answer.content_type.startswith("text/") and answer.content_type != "text/event-stream"
        return answer, await answer.text() if is_text else ""


async def hostile_case(panel: PanelServed, at: Counter) -> str:
    """A case whose caller, words, place and answer are markup."""
    wanted = Wanted(
        "complaint", "water.supply", "ahar", MARKUP, "09141234567", MARKUP[:60], place={"address": MARKUP}
    )
    async with panel.engine.begin() as connection:
        done = await register(connection, at.page, wanted, at.at, await LEARNING.suggester())
    await answer(panel.engine, done.code, "abfa", MARKUP, at.at)
    return done.code
