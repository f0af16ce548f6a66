"""The live board's pages: what goes on, and a supervisor who listens in, takes over or ends a call."""

from __future__ import annotations

import uuid
from functools import partial

from aiohttp import web

from ivr.desk.call import interventions
from ivr.desk.call.interventions import Intervening, Intervention, Unentered
from ivr.desk.call.live import Unreachable
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.web.browser_phone import Telephone
from ivr.web.live import announcements
from ivr.web.live.stream import Drawing, seen_by, stream
from ivr.web.panel.guard import policy
from ivr.web.panel.permissions import Permission
from ivr.web.panel.visit import NotFound, Route, Visit

DIALLED = "8"  # before a code: ivr/asterisk/dialplan.py's context seda111-desk


def routes() -> list[Route]:
    found = [
        Route("GET", "/panel/live", "live", board),
        Route("GET", "/panel/live/stream", "live.stream", stream),
    ]
    for action in Intervening:
        path, name = f"/panel/live/calls/{{call}}/{action}", f"live.{action}"
        found.append(Route("GET", path, name, partial(ask, action=action)))
        found.append(Route("POST", path, f"{name}.send", partial(intervene, action=action)))
    return [*found, *announcements.routes()]


async def board(visit: Visit) -> web.Response:
    drawing, phone = Drawing(visit), _phone(visit)
    look = seen_by(visit, await visit.panel.board.now())
    answer = visit.render("live/board.html", look=look, phone=phone, drawing=drawing)
    if phone is not None:
        answer.headers["Content-Security-Policy"] = policy(phone.origin)
    return answer


async def ask(visit: Visit, action: Intervening) -> web.Response:
    """The reason, on a page of its own: for who has no JavaScript."""
    return _form(visit, action, await _call(visit))


async def intervene(visit: Visit, action: Intervening) -> web.Response:
    """Done, as a page or as JSON: what her telephone is to dial, or what is wrong."""
    try:
        call = await _call(visit)
        begun = await interventions.begin(
            visit.panel.engine, call, action, visit.person, visit.form().raw("reason"), visit.now,
            visit.came.address,
        )  # fmt: skip
        if action is Intervening.END:
            await _end(visit, begun)
    except (NotFound, NoSuchCase):
        if not _wants_json(visit):
            raise NotFound from None
        return web.json_response({"wrong": visit.words("live.wrong.elsewhere")}, status=404)
    except WrongField:
        return _wrong(visit, action, call, "live.wrong.reason", 422)
    except Unentered:
        return _wrong(visit, action, call, "live.wrong.unentered", 409)
    except Refused:
        return _wrong(visit, action, call, "live.wrong.over", 409)
    except Unreachable:
        return _wrong(visit, action, call, "live.wrong.asterisk", 503)
    dial = f"{DIALLED}{begun.code}" if begun.code else ""
    if _wants_json(visit):
        return web.json_response({"dial": dial, "browser": _phone(visit) is not None})
    return visit.render("live/done.html", action=action, dial=dial)


async def _end(visit: Visit, begun: Intervention) -> None:
    switchboard = visit.panel.board.switchboard
    if switchboard is None:
        raise Unreachable("there is no Asterisk")
    await switchboard.end(begun.unique_id)
    await interventions.over(visit.panel.engine, begun.id, visit.now)


def _wrong(visit: Visit, action: Intervening, call: uuid.UUID, key: str, status: int) -> web.Response:
    if _wants_json(visit):
        return web.json_response({"wrong": visit.words(key)}, status=status)
    return _form(visit, action, call, visit.words(key), status)


def _form(
    visit: Visit, action: Intervening, call: uuid.UUID, wrong: str = "", status: int = 200
) -> web.Response:
    asked = {"action": action, "call": call, "reason": visit.form().raw("reason"), "wrong": wrong}
    return visit.render("live/intervene.html", status=status, **asked)


async def _call(visit: Visit) -> uuid.UUID:
    """Raises NotFound, also where the board has it and does not show it to them."""
    try:
        call = uuid.UUID(visit.request.match_info["call"])
    except ValueError:
        raise NotFound from None
    if visit.person.areas:
        look = await visit.panel.board.now()
        shown = seen_by(visit, look).calls
        if any(each["id"] == str(call) and each not in shown for each in look.calls):
            raise NotFound
    return call


def _phone(visit: Visit) -> Telephone | None:
    return visit.panel.telephones.desk if visit.allowed(Permission.PHONE_USE) else None


def _wants_json(visit: Visit) -> bool:
    return "application/json" in visit.request.headers.get("Accept", "")
