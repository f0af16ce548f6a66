"""A noun as a file, out and in: what it would change is shown first, and nothing of it stays here."""

from __future__ import annotations

import base64
import binascii
from functools import partial

from aiohttp import web

from ivr.desk.book.seeds import SeedError
from ivr.desk.editing.book_names import read_names
from ivr.desk.editing.changing import Conflict, Done
from ivr.desk.editing.exchange import FORMS, ImportRefused, bring_in, export, looked_at
from ivr.desk.editing.nouns import RETENTION, Noun
from ivr.desk.editing.row_files import LARGEST
from ivr.desk.editing.values import Wrong
from ivr.voice.mistakes import MOST_MISTAKES, Mistake
from ivr.web.admin import showing
from ivr.web.admin.book_rows import helpers, noun_of, why
from ivr.web.panel.mistake_words import in_persian
from ivr.web.panel.visit import NotFound, Route, Visit

TYPES = {"csv": "text/csv", "yaml": "application/yaml"}
MOST = 4 * LARGEST


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/admin/book/{noun}/export/{form}", "admin.export", out),
        Route("GET", "/panel/admin/book/{noun}/import", "admin.import", page),
        Route("POST", "/panel/admin/book/{noun}/import", "admin.import.send", come_in, most=MOST),
    ]


async def out(visit: Visit) -> web.Response:
    noun, form = noun_of(visit), visit.request.match_info["form"]
    if form not in FORMS:
        raise NotFound
    try:
        data = await export(visit.panel.engine, noun.name, form, visit.panel.places.files)
    except SeedError:
        return visit.redirect(f"/panel/admin/book/{noun.name}")  # which tells it
    name = f'attachment; filename="{noun.plural}.{form}"'
    kind = f"{TYPES[form]}; charset=utf-8"
    return web.Response(body=data, headers={"Content-Type": kind, "Content-Disposition": name})


async def page(visit: Visit) -> web.Response:
    return await _page(visit, _importable(visit))


def _importable(visit: Visit) -> Noun:
    """Raises NotFound also for what takes things away for good: that is decided row by row."""
    noun = noun_of(visit)
    if noun is RETENTION:
        raise NotFound
    return noun


async def come_in(visit: Visit) -> web.Response:
    """A new file is only looked at; one that was looked at comes in whole."""
    noun, form = _importable(visit), visit.form()
    sent, name, data = form.file("file"), form.raw("name")[:80], b""
    if sent is not None:
        name, data = sent.filename[-80:], sent.file.read(MOST)
    else:
        try:
            data = base64.b64decode(form.raw("data"), validate=True)
        except binascii.Error:
            data = b""
    if not name or not data:
        return await _page(visit, noun, said=visit.words("admin.import.no_file"))
    looked, said = "" if sent else form.raw("looked"), ""
    bring = partial(bring_in, visit.panel.engine, why(visit), noun.name, data, name, visit.panel.places.files)
    try:
        try:
            done = await bring(rehearse=not looked, looked=looked or None)
        except Conflict:
            looked, said = "", visit.words("admin.conflict")
            done = await bring()
    except ImportRefused as error:
        return await _page(visit, noun, name=name, mistakes=_mistakes(visit, error))
    except SeedError:
        return await _page(visit, noun, said=visit.words("admin.file_broken"))
    if looked:
        return visit.redirect(f"/panel/admin/book/{noun.name}?said=imported")
    return await _page(visit, noun, said=said, name=name, data=base64.b64encode(data).decode(), done=done)


def _mistakes(visit: Visit, error: ImportRefused) -> list[tuple[Mistake, str]]:
    return [(mistake, _told(visit, mistake, wrong)) for mistake, wrong in error.found]


def _told(visit: Visit, mistake: Mistake, wrong: Wrong | None) -> str:
    if wrong is not None:
        return showing.told(visit.words, wrong)
    return showing.with_nearest(visit.words, in_persian(mistake.message), mistake.nearest)


async def _page(
    visit: Visit,
    noun: Noun,
    *,
    said: str = "",
    name: str = "",
    data: str = "",
    done: list[Done] | None = None,
    mistakes: list[tuple[Mistake, str]] | None = None,
) -> web.Response:
    async with visit.panel.engine.connect() as connection:
        names = await read_names(connection)
    values = helpers(visit, names) | {"said": said}
    return visit.render(
        "admin/import.html",
        status=422 if said or mistakes else 200,
        noun=noun,
        name=name,
        data=data,
        done=done,
        looked=looked_at(done or ()),
        mistakes=mistakes or [],
        most=MOST_MISTAKES,
        largest=LARGEST // 1024,
        **values,
    )
