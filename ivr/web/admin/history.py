"""What was changed, by whom and why, and taking it back."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.editing import terms
from ivr.desk.editing.book_names import read_names
from ivr.desk.editing.changing import Conflict
from ivr.desk.editing.nouns import BY_NAME
from ivr.desk.editing.undoing import PAGE, CannotUndo, history, undo
from ivr.desk.editing.values import WrongRow
from ivr.web.admin import showing
from ivr.web.admin.book_rows import helpers, why
from ivr.web.panel.forms import whole_number
from ivr.web.panel.visit import Route, Visit


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/admin/history", "admin.history", page),
        Route("POST", "/panel/admin/undo", "admin.undo", take_back),
    ]


async def page(visit: Visit, wrong: str = "", number: int = 0) -> web.Response:
    query = visit.request.query
    noun = query.get("noun", "") if query.get("noun", "") in BY_NAME else ""
    before = whole_number(query.get("before", ""))
    found = await history(visit.panel.engine, noun, query.get("key", ""), before, PAGE + 1)
    async with visit.panel.engine.connect() as connection:
        names = await read_names(connection)
    return visit.render(
        "admin/history.html",
        status=422 if wrong else 200,
        changes=found[:PAGE],
        older=found[PAGE - 1]["number"] if len(found) > PAGE else 0,
        noun=noun,
        key=query.get("key", ""),
        wrong=wrong,
        number=number,
        **helpers(visit, names),
    )


async def take_back(visit: Visit) -> web.Response:
    form, words = visit.form(), visit.words
    number = form.number("number", 1)
    folder = visit.panel.places.files.folder
    if gone := await terms.undone_would_go(visit.panel.engine, folder, number, visit.now):
        return await page(visit, words("admin.cannot_undo_retention", n=gone), number)
    try:
        await undo(visit.panel.engine, why(visit), number)
    except CannotUndo as error:
        params = error.params | ({"at": ""} if "at" in error.params else {})
        return await page(visit, words(f"admin.cannot_undo.{error.what}", **params), number)
    except WrongRow as error:
        return await page(visit, " ".join(showing.by_field(words, error.wrongs).values()), number)
    except Conflict:
        return await page(visit, words("admin.conflict"), number)
    return visit.redirect("/panel/admin/history?said=undone")
