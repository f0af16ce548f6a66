"""Letters on paper, from the page of a case."""

from __future__ import annotations

import logging

from aiohttp import web

from ivr.desk.book.seeds import SeedError
from ivr.desk.letters import formal_letters
from ivr.desk.letters.formal_letters import LetterKind
from ivr.desk.letters.indicator import Issue, PaperKind
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.web.panel.paper_sending import send_paper
from ivr.web.panel.visit import NotFound, Visit

log = logging.getLogger(__name__)


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
    except (NoSuchCase, Refused) as error:
        raise NotFound from error
    except SeedError as error:
        log.error("letter %s can't be printed: %s", kind, error)
        raise NotFound from error
    what = Issue(PaperKind(kind), found.case, found.as_of) if kind in set(PaperKind) else None
    return await send_paper(
        visit, found, f"{code}-{kind}", "letter_printed", what, case=found.case, detail={"kind": kind}
    )
