"""The inbox itself, and lines of it alone for pages that are open already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from aiohttp import web
from markupsafe import Markup

from ivr.cases.transitions import Side
from ivr.desk.reading import queues, saved_views
from ivr.desk.reading.inbox import InboxPage, rows_of
from ivr.desk.reading.queues import MOST_COUNTED, Queue
from ivr.web.inbox.asked import ALL, FIELDS, InboxQuery, key_text, queues_for, read, sight
from ivr.web.inbox.line import lines
from ivr.web.inbox.names import InboxNames, NameBook
from ivr.web.inbox.seeking import found as look
from ivr.web.panel.locale import digits
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Visit
from ivr.web.window import tracking_code

MOST_ROWS = 100  # lines asked for by code


async def inbox(book: NameBook, visit: Visit) -> web.StreamResponse:
    names, its = await book.names(visit.panel), await sight(visit)
    asked, may = read(visit, names, its), _deeds(visit)
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        seen = await look(connection, visit, asked, its)
        if seen.opens:
            return visit.redirect(visit.path("case", code=seen.opens))
        found = seen.page
        tabs = queues_for(its)
        counts = await queues.counts(connection, its, visit.now, tabs)
        saved = await saved_views.views(connection, visit.person.id)
        colleagues = await book.colleagues(connection, page, its.body, visit.now)
    called = {code: names.shorts.get(code, name) for code, name in names.bodies.items()}
    return visit.render(
        "inbox/inbox.html",
        asked=asked,
        lines=lines(visit, found.rows, names, its, may["play"]),
        tabs=_tabs(visit, asked, tabs, counts),
        title=visit.words(f"inbox.queue.{asked.tab}"),
        next_page=_next(asked, found),
        partial=found.partial,
        remark=seen.remark,
        gone=seen.gone,
        choices={name: _choices(visit, names, name, asked.fields[name]) for name in FIELDS},
        saved=saved,
        colleagues=colleagues,
        bodies=options(called, names.bodies.values()),
        may=may,
        stream=f"/panel/inbox/events?{asked.address()}",
    )


async def rows(book: NameBook, visit: Visit) -> web.StreamResponse:
    """`…,…`: these lines as they are now, those that may be seen."""
    names, its = await book.names(visit.panel), await sight(visit)
    codes = codes_in(visit.request.match_info["codes"].split(","))
    async with visit.panel.engine.connect() as connection:
        found = (await connection.execute(rows_of(codes, its))).all()
    heard = visit.allowed(P.RECORDINGS_BLIND)
    return visit.render("inbox/rows.html", lines=lines(visit, found, names, its, heard))


def codes_in(texts: Sequence[str]) -> list[str]:
    """Those that are codes, each once."""
    return list(dict.fromkeys(filter(None, map(tracking_code, texts))))[:MOST_ROWS]


def _next(asked: InboxQuery, found: InboxPage) -> str:
    return asked.address(after=key_text(found.after)) if found.after else ""


def _tabs(
    visit: Visit, asked: InboxQuery, tabs: Sequence[Queue], counts: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Each with its name, its number and its address; filters stay, the search doesn't."""
    return [
        {
            "name": name,
            "word": visit.words(f"inbox.queue.{name}"),
            "number": number(visit, counts[name]) if name in counts else "",
            "address": asked.address(queue=name, q=""),
            "here": name == asked.tab,
        }
        for name in (*map(str, tabs), ALL)
    ]


def number(visit: Visit, count: int) -> str:
    """A tab's number; "" for nothing."""
    if count >= MOST_COUNTED:
        return visit.words("inbox.many", n=MOST_COUNTED - 1)
    return digits(count) if count else ""


def _choices(visit: Visit, names: InboxNames, name: str, chosen: str) -> Markup:
    """The options of a filter. Hundreds of them are escaped once and not for every page."""
    lists = {"topic": names.topics, "county": names.counties, "agency": names.agencies}
    if name in lists:
        made = options(lists[name], lists[name].keys())
    else:
        group = {"kind": "common.kind", "status": "common.status", "channel": "inbox.channel"}[name]
        words = {value: visit.words.get(f"{group}.{value}", value) for value in names.choices(name)}
        made = options(words, words.keys())
    return made.replace(f'value="{chosen}"', f'value="{chosen}" selected', 1) if chosen else made


@lru_cache(64)
def _options(pairs: tuple[tuple[str, str], ...]) -> Markup:
    return Markup("").join(Markup('<option value="{}">{}</option>').format(*pair) for pair in pairs)


def options(names: Mapping[str, str], values: Iterable[str]) -> Markup:
    return _options(tuple(zip(values, names.values(), strict=True)))


def _deeds(visit: Visit) -> dict[str, bool]:
    """What this person may press. What stands as things are is decided at the desk."""
    agency = visit.actor.side is Side.AGENCY
    return {
        "refer": visit.allowed(P.CASES_REFER),
        "hand": visit.allowed(P.CASES_ANSWER),
        "accept": visit.allowed(P.CASES_ANSWER) and agency,
        "pause": visit.allowed(P.CASES_ANSWER),
        "close": visit.allowed(P.CASES_CLOSE),
        "collect": visit.allowed(P.CASES_CLOSE) and not agency,
        "play": visit.allowed(P.RECORDINGS_BLIND),
        "share": visit.allowed(P.CASES_REFER),
        "number": visit.allowed(P.IDENTITY_REVEAL),
    }
