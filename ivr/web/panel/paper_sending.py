"""A paper to whoever prints it: on record, and those of meetings with their indicator number."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web

from ivr.desk.book.seeds import SeedError
from ivr.desk.keeping import proved
from ivr.desk.letters import formal_letters, indicator
from ivr.desk.letters.formal_letters import Paper, Stationery
from ivr.desk.letters.indicator import Issue
from ivr.desk.people import auditing
from ivr.web.panel.letter_pdf import letter_pdf
from ivr.web.panel.visit import NotFound, Visit

log = logging.getLogger(__name__)

_AT_ONCE = asyncio.Semaphore(2)  # setting a page takes a core for a fifth of a second


def stationery(visit: Visit) -> Stationery:
    """The province's. Raises NotFound where it has none."""
    if visit.panel.places.seed is None:
        raise NotFound
    try:
        return formal_letters.load(visit.panel.places.seed)
    except SeedError as error:
        log.error("no paper can be printed: %s", error)
        raise NotFound from error


async def send_paper(
    visit: Visit, paper: Paper, name: str, action: str, what: Issue | None = None, **noted: Any
) -> web.Response:
    """`noted`: for the audit, beside number and kind. `what` None: it keeps the number that it has."""
    page = await visit.panel.book.page()
    detail = noted.pop("detail", {})
    async with visit.panel.engine.begin() as connection:
        if what is not None:
            confirm = paper.stationery.confirm or _here(visit)
            day = page.calendar.day(visit.now)
            who, when = visit.person.name, visit.now
            paper = await indicator.issue(connection, paper, what, who, when, day, confirm, proved.went_back)
        await auditing.note(
            connection, visit.now, action, person=visit.person.id, address=visit.came.address,
            detail={**detail, "number": paper.number}, **noted,
        )  # fmt: skip
    async with _AT_ONCE:
        pdf = await asyncio.to_thread(letter_pdf, paper)
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


def _here(visit: Visit) -> str:
    """The public page at the address at which whoever prints has the panel open."""
    return f"{'https' if visit.tls else 'http'}://{visit.request.host}{visit.path('paper', token='')}"
