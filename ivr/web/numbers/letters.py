"""Letters on paper, from the page of a case."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ivr.desk.book.seeds import SeedError
from ivr.desk.letters import formal_letters
from ivr.desk.letters.formal_letters import LetterKind
from ivr.desk.people import auditing
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.web.panel.letter_pdf import letter_pdf
from ivr.web.panel.visit import NotFound, Visit

_AT_ONCE = asyncio.Semaphore(2)  # setting a page takes a core for a fifth of a second


async def letter(visit: Visit) -> web.StreamResponse:
    """A PDF to be printed. Raises NotFound for a case they may not know of, and where there is no letter."""
    code, kind = visit.request.match_info["code"], visit.request.match_info["kind"]
    if kind not in set(LetterKind) or visit.panel.places.seed is None:
        raise NotFound
    engine, page = visit.panel.engine, await visit.panel.book.page()
    try:
        found = await formal_letters.write(
            engine, page, visit.panel.places.seed, code, LetterKind(kind), visit.now, visit.scope.cases()
        )
    except (NoSuchCase, Refused, SeedError) as error:
        raise NotFound from error
    async with engine.begin() as connection:
        await auditing.note(
            connection, visit.now, "letter_printed", person=visit.person.id, case=found.case,
            address=visit.came.address, detail={"kind": kind, "number": found.number},
        )  # fmt: skip
    async with _AT_ONCE:
        pdf = await asyncio.to_thread(letter_pdf, found)
    name = f"{code}-{kind}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)
