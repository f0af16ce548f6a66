"""From a figure in the picture to the calls themselves: who did that at this step, in this second of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.trees.step_calls import calls_at
from ivr.voice.footprints import WAY, Did, Fate
from ivr.voice.step_figures import ENTERED, StepFigure
from ivr.web.panel.permissions import Permission
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.trees.tree_pages import lately, name_of

DEEDS = (ENTERED, *Did)


def routes() -> list[Route]:
    return [Route("GET", "/panel/menus/{name}/steps/{step:[a-z][A-Za-z0-9_.-]*}", "menus.step", step)]


async def step(visit: Visit) -> web.Response:
    """`did`: what they did, or of a `share` step which way they went; `second`: only those of that one."""
    name, id, query = name_of(visit), visit.request.match_info["step"], visit.request.query
    did, at = query.get("did", ""), query.get("second", "")
    second = int(at) if at.isdecimal() and len(at) < 4 else None
    since, found = await lately(visit, name)
    figure = found.steps.get(id) or StepFigure()
    if not figure.entered and not found.calls:
        raise NotFound
    ways = sorted(figure.shares().items(), key=lambda way: -way[1][0])  # that with most calls first
    deeds = [(f"{WAY}{to}", many) for to, (many, _) in ways] or [
        (each, figure.entered if each == ENTERED else figure.many(Did(each))) for each in DEEDS
    ]
    did = did if did in dict(deeds) else deeds[0][0]
    began = datetime.combine(since, time(), ZoneInfo(visit.panel.book.timezone))
    rows = await calls_at(visit.panel.engine, visit.scope, name, id, did, began, second)
    return visit.render(
        "trees/step.html",
        name=name,
        step=id,
        did=did,
        second=second,
        deeds=deeds,
        bars=bars(figure, did),
        rows=rows,
        ways=ways,
        fates=list(Fate),
        chance=figure.chance(),
        may_open=visit.allowed(Permission.CASES_SEE),
    )


def bars(figure: StepFigure, did: str) -> list[tuple[int, int]]:
    """Second → how often, from the step's first second to the last in which anybody did that."""
    if did == ENTERED or did.startswith(WAY):
        return []
    many = figure.seconds.get(Did(did), Counter[int]())
    return [(second, many.get(second, 0)) for second in range(max(many) + 1)] if many else []
