"""The receipt that she takes away: code, body, deadline, how she will hear of it. Nothing of the matter."""

from __future__ import annotations

from aiohttp import web

from ivr.cases.channels import DESK
from ivr.cases.statuses import OPEN, Status
from ivr.desk.case import callback_planning
from ivr.desk.reading import casefile
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code


async def receipt(visit: Visit) -> web.StreamResponse:
    """Of a case that a service desk opened; also later, when she has lost hers.

    Whoever registered her has it also where her case belongs to counties that are not theirs.
    """
    code, engine = tracking_code(visit.request.match_info["code"]), visit.panel.engine
    case = await casefile.case_of(engine, visit.scope, code) if code else None
    theirs = case is not None
    if code and not theirs:
        case = await casefile.opened_by(engine, visit.scope, visit.actor, code)
    if case is None or case.channel != DESK:
        raise NotFound
    async with visit.panel.engine.connect() as connection:
        spoken = visit.panel.book.conventions.languages
        by_phone = await casefile.reach_of(connection, case.id, visit.now, spoken)
        names = await casefile.names(connection)
    return visit.render(
        "servicedesk/receipt.html",
        case=case,
        names=names,
        by_phone=by_phone,
        number=callback_planning.number_of(case._mapping),
        theirs=theirs,
        owed=case.status in OPEN - {Status.ANSWERED},
    )
