"""The whole panel, whatever sections it has: its routes, and requests to each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from sqlalchemy import select

from ivr.desk.case.registering import Wanted, register
from ivr.store.tables import attachments, marks
from ivr.web import application
from ivr.web.panel import sessions
from ivr.web.panel.permissions import ROUTES, Permission
from ivr.web.panel.visit import Route
from tests.cases.papers import PDF
from tests.desk.counter import Counter
from tests.desk.meetings.hall import Hall, hall
from tests.fixtures.hotline import write_tone
from tests.fixtures.province import answer
from tests.web.casefile import Desk
from tests.web.casefile.test_attachments import put
from tests.web.live.test_live import going_on, tell
from tests.web.panel import PanelServed
from tests.web.service import LEARNING

PART = re.compile(r"\{([a-z_]+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
MARKUP = '"><script>window.hit=1</script><img src=x onerror="window.hit=1">\'{{7*7}}'
WORDS = "رئیس اداره از زینب رشوه خواست"
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


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is of ahar: a complaint with all that hangs on it, a request, a receipt, a call."""

    town: Hall
    complaint: str
    request: str
    receipt: str
    others: Mapping[str, str]
    ids: Mapping[str, str]

    @property
    def codes(self) -> list[str]:
        return [self.complaint, self.request, self.receipt]

    def parts(self, route: Route) -> dict[str, str]:
        """The route's parts as they address something of it."""
        section = route.name.partition(".")[0]
        code = {"meetings": self.request, "desk": self.receipt}.get(section, self.complaint)
        deed = {"case.form": "close", "meetings.check": "confirm"}.get(route.name, "met")
        id = {"id": self.ids[section]} if section in self.ids else {}
        return {**self.others, "code": code, "codes": ",".join(self.codes), "deed": deed, **id}


async def standing(desk: Desk, folder: Path) -> Standing:
    """Recorded, marked, written down, with a paper, answered aloud; the request has its slot."""
    panel, town = desk.panel, await hall(desk.panel.engine)
    code, office = await desk.open(), await panel.signed_in("supervisor")
    [recording] = await desk.recordings(code)
    for what, fields in (("marks", {"second": "1", "note": WORDS}), ("transcript", {"transcript": WORDS})):
        assert (await office.post(f"/panel/recordings/{recording}/{what}", fields)).status == 303, what
    assert (await put(office, code, PDF))[0] == 303
    write_tone(folder / "said.wav", 500, 2.0)
    with (folder / "said.wav").open("rb") as said:
        voice = await (await office.post(f"/panel/cases/{code}/voice", {"voice": said})).json()
    assert (await office.post(f"/panel/cases/{code}/answer", {"voice": voice["digest"]})).status == 303
    request, session = await town.accepted(caller="09141234561"), await town.session()
    assert await town.fill(session) == [request]
    wanted = Wanted("complaint", "water.supply", "ahar", WORDS, "09141234562")
    receipt = (await register(panel.engine, town.page, wanted, town.at)).code
    call = going_on(county="ahar")
    await tell(panel, call)
    async with panel.engine.connect() as connection:
        mark = (await connection.execute(select(marks.c.id))).scalar_one()
        paper = (await connection.execute(select(attachments.c.id))).scalar_one()
    others = {"number": str(session), "digest": voice["digest"], "mark": str(mark), "call": call["id"]}
    others |= {"kind": "referral", "decision": "review", "table": "cases", "form": "csv"}
    ids = {"recording": str(recording), "attachment": str(paper)}
    return Standing(town, code, request, receipt, others, ids)
