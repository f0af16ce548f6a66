"""From a figure in the picture to the calls themselves: who did that at this step, in this second of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.trees.step_calls import calls_at
from ivr.desk.trees.step_statistics import tree_figures
from ivr.voice.footprints import Did
from ivr.voice.step_figures import ENTERED, StepFigure
from ivr.web.panel.permissions import Permission
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.trees.tree_pages import HEAT_DAYS, name_of

DEEDS = (ENTERED, *Did)


def routes() -> list[Route]:
    return [Route("GET", "/panel/menus/{name}/steps/{step:[a-z][a-z0-9_]*}", "menus.step", step)]


async def step(visit: Visit) -> web.Response:
    """`did`: what they did; `second`: only those who did it in that second of the step."""
    name, id, query, panel = (
        name_of(visit),
        visit.request.match_info["step"],
        visit.request.query,
        visit.panel,
    )
    did = query.get("did", "") if query.get("did", "") in DEEDS else ENTERED
    second = (
        int(query["second"]) if query.get("second", "").isdecimal() and len(query["second"]) < 4 else None
    )
    zone = ZoneInfo(panel.book.timezone)
    since = (visit.now.astimezone(zone) - timedelta(days=HEAT_DAYS)).date()
    found = await tree_figures(panel.engine, name, since, panel.book.timezone, visit.now)
    figure = found.steps.get(id) or StepFigure()
    if not figure.entered and not found.calls:
        raise NotFound
    began = datetime.combine(since, time(), zone)
    rows = await calls_at(panel.engine, visit.scope, name, id, did, began, second)
    return visit.render(
        "trees/step.html",
        name=name,
        step=id,
        did=did,
        second=second,
        deeds=[(each, figure.entered if each == ENTERED else figure.many(Did(each))) for each in DEEDS],
        bars=bars(figure, did),
        rows=rows,
        may_open=visit.allowed(Permission.CASES_SEE),
    )


def bars(figure: StepFigure, did: str) -> list[tuple[int, int]]:
    """Second → how often, from the step's first second to the last in which anybody did that."""
    if did == ENTERED:
        return []
    many = figure.seconds.get(Did(did), Counter[int]())
    return [(second, many.get(second, 0)) for second in range(max(many) + 1)] if many else []
