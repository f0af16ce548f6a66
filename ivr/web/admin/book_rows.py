"""The book's rows: list, form, save, retire or remove. One way for every noun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.book.seeds import SeedError
from ivr.desk.editing import terms
from ivr.desk.editing.book_names import BookNames, read_names
from ivr.desk.editing.changing import Conflict, Why, Wish, change, wish
from ivr.desk.editing.listing import rows_in_force
from ivr.desk.editing.nouns import BY_NAME, FIXED, NOUNS, RETENTION, Noun
from ivr.desk.editing.undoing import history
from ivr.desk.editing.values import Row, WrongRow
from ivr.store.row_version import version
from ivr.web.admin import showing
from ivr.web.panel.visit import NotFound, Route, Visit

# What a list shows of each noun; the rest is on its form.
COLUMNS = {
    "agency": ("name", "short", "code", "level", "county", "parent", "assignable"),
    "topic": ("name", "code", "key", "deadline_days", "keywords"),
    "area": ("name", "code", "key", "capital", "towns"),
    "rule": ("topic", "scope", "county", "agency"),
    "kind": ("kind", "topic"),
    "day": ("day", "county", "is_working", "note"),
    "wording": ("name", "topic", "status", "said"),
    "notice": ("on", "to", "by", "topic", "text"),
    "limit": ("name", "value"),
    "factor": ("role", "needed"),
    "retention": ("what", "kind", "status", "delete_after", "anonymise_after"),
}
LATEST = 8


@dataclass(frozen=True, slots=True)
class RowForm:
    """A row on its form: `values` as they stand in the fields, `row` as it is in force.

    `wrong`: field → sentence.

    `seen` of a new row is "": it never takes the place of another. `current`: what somebody else made of it
    meanwhile. `sure`: whether to ask once more.
    """

    values: dict[str, Any]
    key: str = ""
    seen: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    row: Row | None = None
    current: Row | None = None
    story: Sequence[Mapping[str, Any]] = ()
    sure: bool = False


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/admin", "admin", overview),
        Route("GET", "/panel/admin/book/{noun}", "admin.noun", listed),
        Route("GET", "/panel/admin/book/{noun}/new", "admin.new", new),
        Route("GET", "/panel/admin/book/{noun}/row", "admin.row", row_page),
        Route("POST", "/panel/admin/book/{noun}/save", "admin.save", save),
        Route("POST", "/panel/admin/book/{noun}/remove", "admin.remove", remove),
    ]


def noun_of(visit: Visit) -> Noun:
    """Raises NotFound."""
    name = visit.request.match_info["noun"]
    if name not in BY_NAME:
        raise NotFound
    return BY_NAME[name]


def why(visit: Visit) -> Why:
    return Why(visit.actor, visit.form().text("reason", most=300, needed=False), visit.now)


async def overview(visit: Visit) -> web.Response:
    counts: dict[str, int] = {}
    broken: set[str] = set()
    async with visit.panel.engine.connect() as connection:
        names = await read_names(connection)
        for noun in NOUNS:
            rows, mistake = await _holding(visit, connection, noun)
            broken |= {noun.name} if mistake else set()
            counts[noun.name] = sum(not row.get("retired") for row in rows.values())
    latest = await history(visit.panel.engine, limit=LATEST)
    shown = helpers(visit, names)
    return visit.render("admin/overview.html", counts=counts, broken=broken, changes=latest, **shown)


async def listed(visit: Visit) -> web.Response:
    noun = noun_of(visit)
    names, rows, mistake = await _read(visit, noun)
    fields = {field.name: field for field in noun.fields}
    asked, all_ = visit.request.query.get("q", "").strip()[:80], "all" in visit.request.query
    wanted = [
        key
        for key, row in rows.items()
        if (all_ or not row.get("retired")) and _fits(visit, names, noun, row, asked)
    ]
    return visit.render(
        "admin/list.html",
        noun=noun,
        columns=[fields[name] for name in COLUMNS[noun.name]],
        rows={key: rows[key] for key in wanted},
        mistake=mistake,
        asked=asked,
        everything=all_,
        may_add=visit.allowed("books_edit") and noun not in FIXED,
        retired=sum(bool(row.get("retired")) for row in rows.values()),
        **helpers(visit, names),
    )


async def new(visit: Visit) -> web.Response:
    visit.require("books_edit")
    noun = noun_of(visit)
    names, *_ = await _read(visit, noun)
    return form_page(visit, noun, names, RowForm(showing.empty(noun, visit.request.query)))


async def row_page(visit: Visit) -> web.Response:
    noun, key = noun_of(visit), visit.request.query.get("key", "")
    seen = version(await _stored(visit, noun, key))  # before what is shown: no edit in between is overwritten
    names, rows, _ = await _read(visit, noun)
    if key not in rows:
        raise NotFound
    story = await history(visit.panel.engine, noun.name, key, limit=20)
    form = RowForm(showing.as_typed(noun, rows[key]), key, seen, row=rows[key], story=story)
    return form_page(visit, noun, names, form)


async def save(visit: Visit) -> web.Response:
    """The values come back with one sentence at the field; nothing that was typed is lost."""
    noun, form = noun_of(visit), visit.form()
    key, seen = form.raw("row"), form.raw("seen")
    given, wrong, notice, gone = showing.given(noun, form), dict[str, str](), "", 0
    _, held, _ = await _read(visit, noun)
    try:
        wanted = wish(noun, given, key, seen, held.get(key))
        if gone := await _would_go(visit, noun, wanted.values):
            notice = visit.words("admin.retention_sure", n=gone)
        else:
            done = await change(visit.panel.engine, why(visit), wanted)
            return visit.redirect(_saved(noun, bool(done)))
    except WrongRow as error:
        wrong = showing.by_field(visit.words, error.wrongs)
    except Conflict as error:
        notice, seen = visit.words("admin.conflict"), version(error.current)
    names, rows, _ = await _read(visit, noun)
    current = rows.get(key) if notice and not gone else None
    again = RowForm(given, key, seen, wrong, notice, rows.get(key), current, sure=bool(gone))
    return form_page(visit, noun, names, again, 422)


async def _would_go(visit: Visit, noun: Noun, values: Row | None) -> int:
    """What a change of retention takes away within the hour, for good: asked once more before it is done."""
    if noun is not RETENTION or values is None or visit.form().flag("sure"):
        return 0
    return await terms.would_go(visit.panel.engine, visit.panel.places.files.folder, values, visit.now)


async def remove(visit: Visit) -> web.Response:
    """Away with a row; what cases point at is retired on its form instead."""
    noun, form = noun_of(visit), visit.form()
    if noun.retires:
        raise NotFound
    key, seen = form.raw("row"), form.raw("seen")
    try:
        await change(visit.panel.engine, why(visit), Wish(noun.name, key, None, seen))
    except (WrongRow, Conflict) as error:
        seen = version(await _stored(visit, noun, key))
        names, rows, _ = await _read(visit, noun)
        if key not in rows:
            return visit.redirect(f"/panel/admin/book/{noun.name}")
        wrongs = showing.by_field(visit.words, error.wrongs) if isinstance(error, WrongRow) else {}
        notice = "" if wrongs else visit.words("admin.conflict")
        typed = showing.as_typed(noun, rows[key])
        return form_page(visit, noun, names, RowForm(typed, key, seen, wrongs, notice, rows[key]), 422)
    return visit.redirect(_saved(noun, True))


def form_page(visit: Visit, noun: Noun, names: BookNames, form: RowForm, status: int = 200) -> web.Response:
    return visit.render(
        "admin/form.html",
        status=status,
        noun=noun,
        key=form.key,
        seen=form.seen,
        values=form.values,
        wrong=form.wrong,
        remark=form.notice,
        row=form.row,
        current=form.current,
        story=form.story,
        sure=form.sure,
        may_edit=visit.allowed("books_edit"),
        languages=languages(visit, noun, form.values),
        hint_of=lambda name: hint(visit, noun, name),
        **helpers(visit, names),
    )


def helpers(visit: Visit, names: BookNames) -> dict[str, Any]:
    """What the templates of this section use."""
    words = visit.words

    def shown_by_name(noun: str, field: str, row: Row | None, other: Row | None) -> str:
        fields = {each.name: each for each in BY_NAME[noun].fields}
        if row is None or field not in fields:
            return words("common.none")
        return showing.changed(words, names, fields[field], row.get(field), (other or {}).get(field))

    return {
        "names": names,
        "nouns": NOUNS,
        "shown": lambda field, value: showing.shown(words, names, field, value),
        "shown_by_name": shown_by_name,
        "label": lambda noun, field: showing.label(words, noun, field),
        "title_of": lambda noun, key, row=None: showing.title(words, names, noun, key, row),
        "moment_of": datetime.fromisoformat,
        "said": visit.request.query.get("said", ""),
    }


def hint(visit: Visit, noun: Noun, field: str) -> str:
    """What helps with a field; of this noun, or wherever it is a code of one's own."""
    own = visit.words.get(f"admin.hint.{noun.name}.{field}", "")
    return own or (visit.words("admin.hint.code") if field == "code" else "")


def languages(visit: Visit, noun: Noun, values: dict[str, Any]) -> tuple[str, ...]:
    """Those that callers choose from, and whatever else a row has texts in: a form loses none."""
    prompts = visit.panel.voices.prompts
    known = tuple(prompts.languages) if prompts else ("fa",)
    written = (values[field.name] or () for field in noun.fields if field.kind == "said")
    return tuple(dict.fromkeys((*known, *chain.from_iterable(written))))


async def _read(visit: Visit, noun: Noun) -> tuple[BookNames, dict[str, Row], str]:
    async with visit.panel.engine.connect() as connection:
        return await read_names(connection), *await _holding(visit, connection, noun)


async def _holding(visit: Visit, connection: AsyncConnection, noun: Noun) -> tuple[dict[str, Row], str]:
    """The rows in force, and "". Or those of people alone, and what is wrong with the file."""
    try:
        return await rows_in_force(connection, noun.name, visit.panel.places.files), ""
    except SeedError as error:
        return await noun.rows(connection), str(error)


async def _stored(visit: Visit, noun: Noun, key: str) -> Row | None:
    """As the database has it: a wording or a notice may stand in the file alone."""
    async with visit.panel.engine.connect() as connection:
        return (await noun.rows(connection)).get(key)


def _fits(visit: Visit, names: BookNames, noun: Noun, row: Row, asked: str) -> bool:
    if not asked:
        return True
    texts = [str(value) for value in row.values()]
    texts += [showing.shown(visit.words, names, field, row[field.name]) for field in noun.fields]
    return showing.holds(asked, *texts)


def _saved(noun: Noun, changed: bool) -> str:
    where = "/panel/admin/calendar" if noun.name == "day" else f"/panel/admin/book/{noun.name}"
    return f"{where}?said={'saved' if changed else 'same'}"
