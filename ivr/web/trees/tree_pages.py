"""Which trees there are, what is on the air, what was, and the texts themselves."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup

from ivr.desk.book import menus
from ivr.desk.reading.casefile import CaseNames
from ivr.desk.refusals import Refused
from ivr.desk.trees import drafts, publishing, step_statistics, tree_history
from ivr.voice.footprints import Did
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.step_figures import ENTERED, TreeFigures
from ivr.web.panel import refusals
from ivr.web.panel.mistake_words import in_persian
from ivr.web.panel.tree_tools import TreeTools, shown_figures
from ivr.web.panel.visit import NotFound, Route, Visit

# What the picture may be coloured by.
HEATS = (ENTERED, Did.HUNG_UP, Did.SILENT, Did.WRONG, Did.PRESSED)
HEAT_DAYS = 14
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/menus", "menus", listed),
        Route("GET", "/panel/menus/schema.json", "menus.schema", schema),
        Route("GET", "/panel/menus/{name}", "menus.tree", tree),
        Route("GET", "/panel/menus/{name}/text", "menus.text", text),
    ]


@dataclass(frozen=True, slots=True)
class ShownTree:
    """A text, looked at. `mistakes`: why there is neither picture nor figures, nor a menu."""

    picture: Markup
    figures: list[dict[str, Any]]
    mistakes: tuple[Any, ...]
    menu: Menu | None


async def listed(visit: Visit) -> web.Response:
    engine, own = visit.panel.engine, visit.panel.trees
    names = await menus.names(engine)
    names = [*([own.name] if own and own.name not in names else []), *names]
    rows = []
    for name in names:
        now = await menus.on_the_air(engine, name)
        rows.append({"name": name, "now": now, "newest": await drafts.head(engine, name)})
    return visit.render("trees/list.html", rows=rows)


async def tree(visit: Visit) -> web.Response:
    """What is on the air, or waits to be published for the first time."""
    tools, name, engine = tools_of(visit), name_of(visit), visit.panel.engine
    now, newest = await menus.on_the_air(engine, name), await drafts.head(engine, name)
    if newest is None:
        raise NotFound
    on_air = now.revision.text if now is not None else newest.text
    did = visit.request.query.get("heat", "")
    heat = await _heat(visit, name, did) if did in HEATS else None
    shown = await asyncio.to_thread(look, tools, on_air, name, heat[0] if heat else None, did)
    revisions = await tree_history.revisions(engine, name)
    since = {each.draft: each.at for each in reversed(revisions)}  # it was tried, or more
    unkept = [
        each
        for each in await tree_history.unkept(engine, name)
        if each.draft not in since or each.at > since[each.draft]
    ]
    return visit.render(
        "trees/tree.html",
        name=name,
        air=now,
        newest=newest,
        text=on_air,
        shown=shown,
        revisions=revisions,
        drafts=await drafts.drafts(engine, name, 12),
        planned=await publishing.planned(engine, name),
        unkept={each.draft: replace(each, why=told(visit, Refused(each.why))) for each in reversed(unkept)},
        dials=tools.name == name and visit.panel.telephones.citizens is not None,
        heats=HEATS,
        did=did if heat else "",
        counted=heat[1] if heat else 0,
        said=visit.request.query.get("said", ""),
    )


def told(visit: Visit, refused: Refused) -> str:
    """Why a draft does not go on the air; no body and no topic is named in it."""
    return refusals.in_persian(refused, visit.words, CaseNames({}, {}, {}))


async def text(visit: Visit) -> web.Response:
    """Exactly what is held, as a file."""
    name, which = name_of(visit), visit.request.query.get("which", "live")[:20]
    found = await tree_history.text_of(visit.panel.engine, name, which)
    end = "" if which == "live" else "-" + which.replace(" ", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}{end}.yaml"'}
    return web.Response(body=found.encode(), headers=headers, content_type="application/yaml")


async def schema(visit: Visit) -> web.Response:
    body = await asyncio.to_thread(lambda: json.dumps(tools_of(visit).schema(), ensure_ascii=False))
    return web.json_response(text=body)


async def lately(visit: Visit, name: str) -> tuple[date, TreeFigures]:
    """What callers did at the steps of that menu in the last days, and since which."""
    zone = visit.panel.book.timezone
    since = (visit.now.astimezone(ZoneInfo(zone)) - timedelta(days=HEAT_DAYS)).date()
    return since, await step_statistics.tree_figures(visit.panel.engine, name, since, zone, visit.now)


async def _heat(visit: Visit, name: str, did: str) -> tuple[dict[str, float], int]:
    """Step → how often callers did that there in the last days, and of how many calls."""
    _, found = await lately(visit, name)
    many = {
        step: float(figure.entered if did == ENTERED else figure.many(Did(did)))
        for step, figure in found.steps.items()
    }
    return many, found.calls


def look(
    tools: TreeTools, text: str, name: str, heat: dict[str, float] | None = None, did: str = ""
) -> ShownTree:
    """Check and draw a text; with `heat` its steps lead to the calls that did that. Blocks."""
    try:
        menu, proof = drafts.check_as(name, text.encode(), name, tools.check)
    except MenuMistakes as error:
        return ShownTree(
            Markup(),
            [],
            tuple(each.as_json() | {"told": in_persian(each.message)} for each in error.mistakes),
            None,
        )
    # Every word in the picture was escaped where it was drawn.
    return ShownTree(
        Markup(tools.drawing(menu, heat, partial(_calls_of, name, did) if heat is not None else None)),
        shown_figures(menu, proof),
        (),
        menu,
    )


def _calls_of(name: str, did: str, step: str) -> str:
    return f"/panel/menus/{name}/steps/{step}?did={did}"


def tools_of(visit: Visit) -> TreeTools:
    """Raises NotFound where no trees are edited."""
    if visit.panel.trees is None:
        raise NotFound
    return visit.panel.trees


def name_of(visit: Visit) -> str:
    """Raises NotFound for what is no name of a tree."""
    name = visit.request.match_info["name"]
    if not _NAME.fullmatch(name):
        raise NotFound
    return name
