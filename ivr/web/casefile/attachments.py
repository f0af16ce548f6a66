"""Papers and photographs of a case: put to it on its page, and opened."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from aiohttp import web

from ivr.cases.attachments import AttachmentKind
from ivr.cases.bare_images import bare
from ivr.desk.case import attachments
from ivr.store.attachments import beside
from ivr.web.casefile.finding import case_file, case_row
from ivr.web.casefile.page import page_of
from ivr.web.casefile.sound import KEEP_OUT, stamp
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.uploading import take_paper
from ivr.web.panel.visit import NotFound, Visit

log = logging.getLogger(__name__)

# Whatever the bytes hold, nothing of it runs, asks for anything, or stands in a page of ours.
SHUT_IN = {
    **KEEP_OUT,
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def attach(visit: Visit) -> web.StreamResponse:
    """The page again, with the sentence where the file is not taken."""
    case = await case_row(visit)
    visit.require(P.NOTES_WRITE, agency=case.agency, area=case.county or "")
    wrong = await take_paper(visit, case.code)
    if not wrong:
        return visit.redirect(f"{visit.path('case', code=case.code)}?done=attach#attachments")
    values = await page_of(visit, await case_file(visit))
    values |= {"unattached": wrong, "note": visit.form().raw("note"), "act": None}
    return visit.render("casefile/case.html", status=422, **values)


async def opened(visit: Visit) -> web.StreamResponse:
    """An image in the browser, a PDF to take away. Whoever opens it is on record."""
    try:
        row = await attachments.attachment(
            visit.panel.engine, visit.scope, UUID(visit.request.match_info["id"])
        )
    except ValueError:
        raise NotFound from None
    if row is None:
        raise NotFound
    visit.require(P.CASES_SEE, area=row.county or "")
    path = beside(visit.panel.places.recordings) / row.name
    if not await asyncio.to_thread(path.is_file):
        log.error("attachment %s is not there", path)  # `ivr verify` names it too
        raise NotFound
    await attachments.opened(visit.panel.engine, visit.person, row, visit.now, visit.came.address)
    kind = AttachmentKind(row.kind)
    shown = "inline" if kind.is_image else "attachment"
    name = f"111-{row.code}-{stamp(visit, row.added_at)}.{kind.suffix}"
    headers = {**SHUT_IN, "Content-Type": kind, "Content-Disposition": f'{shown}; filename="{name}"'}
    if visit.scope.agency and kind.is_image:  # a telephone writes into it where it was taken: at her home
        return web.Response(
            body=await asyncio.to_thread(lambda: bare(kind, path.read_bytes())), headers=headers
        )
    return web.FileResponse(path, headers=headers)
