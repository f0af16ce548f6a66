"""Marks and notes at a second of a recording, and what it says in writing: pieces of the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy import Row

from ivr.cases.suggest import Suggester
from ivr.desk.reading import casefile
from ivr.desk.recordings import marks, revealing, transcripts
from ivr.desk.refusals import Refused
from ivr.web.casefile.finding import recording_row
from ivr.web.casefile.story import teller
from ivr.web.panel.forms import latin
from ivr.web.panel.refusals import in_persian
from ivr.web.panel.visit import NotFound, Visit


async def listed(visit: Visit) -> web.StreamResponse:
    return await _marks(visit, await recording_row(visit))


async def mark(visit: Visit) -> web.StreamResponse:
    """`second` in any digits, `note` or none. Without scripts the page comes again."""
    row, form = await recording_row(visit), visit.form()
    wrong = ""
    try:
        second = float(latin(form.raw("second")).replace("٫", "."))
        note = form.text("note", most=marks.LONGEST, needed=False)
        if form.wrong:
            wrong = form.wrong["note"]
        else:
            await marks.add(visit.panel.engine, row, second, note, visit.actor.name, visit.now)
    except ValueError:
        wrong = visit.words("refusal.field_second")
    except Refused as refusal:
        wrong = in_persian(refusal, visit.words, await _names(visit))
    return await _marks(visit, row, wrong, form.raw("note") if wrong else "")


async def unmark(visit: Visit) -> web.StreamResponse:
    row = await recording_row(visit)
    try:
        id = UUID(visit.request.match_info["mark"])
    except ValueError:
        raise NotFound from None
    await marks.remove(visit.panel.engine, row, id, visit.actor.name, visit.now)
    return await _marks(visit, row)


async def transcribe(visit: Visit) -> web.StreamResponse:
    """The text as it was typed comes back with its sentence when it is refused."""
    row, form = await recording_row(visit), visit.form()
    text = form.text("transcript", most=transcripts.LONGEST, needed=False, lines=True)
    seen = form.number("seen", otherwise=0)
    wrong, suggested = form.wrong.get("transcript", ""), False
    if not wrong:
        suggester = await _suggester(visit, row)
        by = visit.actor.name
        try:
            suggested = await transcripts.write(
                visit.panel.engine, row.name, text, by, visit.now, seen, suggester
            )
        except Refused as refusal:
            wrong = in_persian(refusal, visit.words, await _names(visit))
    if suggested or (not visit.partial and not wrong):
        return visit.redirect(f"/panel/cases/{row.code}")
    async with visit.panel.engine.connect() as connection:
        edition = await transcripts.edition(connection, row.name)
    fresh = await recording_row(visit)
    return visit.render(
        "casefile/transcript.html", recording=fresh, edition=edition, wrong=wrong,
        **({} if wrong else await _story(visit, fresh.code, form.number("story_seen", otherwise=0))),
        typed=form.raw("transcript") if wrong else "", saved=not wrong, may_write=True,
        status=422 if wrong else 200,
    )  # fmt: skip


async def _story(visit: Visit, code: str, seen: int) -> dict[str, Any]:
    """The page goes with it, whose event it is; not where others did something meanwhile, which nobody would
    notice in it: that is told with the form of the next deed.
    """
    panel = visit.panel
    file = await casefile.read(panel.engine, visit.scope, code, panel.book.conventions.languages)
    if file is None:
        raise NotFound
    if {event.actor for event in file.events if event.seq > seen} - {visit.actor.name}:
        return {"story": []}
    await revealing.saw(panel.engine, visit.person, file.case.id, visit.now, visit.came.address)
    told = teller(visit, file)
    return {"case": file.case, "teller": told, "story": told.story()}


async def _suggester(visit: Visit, row: Row[Any]) -> Suggester | None:
    """Only where nobody has the case yet: learning takes a second the first time."""
    page, learning = await visit.panel.book.page(), visit.panel.learning
    return await learning.if_any() if learning is not None and row.agency == page.rules.desk else None


async def editions(visit: Visit) -> web.StreamResponse:
    row = await recording_row(visit)
    found = await transcripts.editions(visit.panel.engine, row.name)
    return visit.render("casefile/editions.html", editions=found)


async def _marks(visit: Visit, row: Row[Any], wrong: str = "", note: str = "") -> web.StreamResponse:
    if not visit.partial and not wrong:
        return visit.redirect(f"/panel/cases/{row.code}")
    async with visit.panel.engine.connect() as connection:
        found = await marks.listed(connection, [row.name])
    return visit.render(
        "casefile/marks.html", recording=row, marks=found, wrong=wrong, note=note,
        may_write=visit.allowed("notes_write"), status=422 if wrong else 200,
    )  # fmt: skip


async def _names(visit: Visit) -> casefile.CaseNames:
    async with visit.panel.engine.connect() as connection:
        return await casefile.names(connection)
