"""The public pages. Search engines are asked to leave them alone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases import phone
from ivr.cases.code import DIGITS
from ivr.cases.search import plain_number
from ivr.desk.counter import tracking
from ivr.desk.counter.tracking import Doubted, ProofAnswer
from ivr.desk.letters import indicator
from ivr.desk.meetings import meeting_counting
from ivr.desk.meetings.meeting_counting import MeetingsInPublic
from ivr.desk.people import puzzles
from ivr.store.engine import AWAY
from ivr.web.panel.guard import policy
from ivr.web.panel.sessions import plain_code
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.window import tracking_code

LONGEST_TOKEN = 40
_ROBOTS = {"X-Robots-Tag": "noindex, nofollow"}


def routes() -> list[Route]:
    return [
        Route("GET", "/", "start", start),
        Route("GET", "/call", "call", call),
        Route("GET", "/track", "track", ask),
        Route("POST", "/track", "track.send", track, looks_up=True),
        Route("GET", "/paper/{token}", "paper", paper),
    ]


async def start(visit: Visit) -> web.Response:
    phones = visit.panel.telephones
    heard, phone = await _heard(visit), phones.citizens
    return _public(visit, "public/start.html", phone=phone, calls_back=phones.calls_back, heard=heard)


async def _heard(visit: Visit) -> MeetingsInPublic | None:
    """How many met an official, without names. The page is there while the books are away."""
    try:
        async with visit.panel.engine.connect() as connection:
            return await meeting_counting.in_public(connection)
    except AWAY:
        return None


async def call(visit: Visit) -> web.Response:
    """Only where there is such a telephone: in the lab."""
    phone = visit.panel.telephones.citizens
    if phone is None:
        raise NotFound
    answer = _public(visit, "public/call.html", phone=phone)
    answer.headers["Content-Security-Policy"] = policy(phone.origin)
    return answer


async def ask(visit: Visit) -> web.Response:
    """A letter's QR code brings the code along (`letters.yaml`, track); she sends it."""
    code = tracking_code(visit.request.query.get("code", "")[:60])
    return _public(visit, "public/track.html", code=code, found=None, wrong="", doubted=None, number="")


async def track(visit: Visit) -> web.Response:
    """The code is posted, so that what she writes stands in no address, log or history."""
    form = visit.form()
    given = form.raw("code")[:60]
    code = plain_number(given)
    if len(code) != DIGITS or not code.isdigit():  # no guess, so it costs nothing
        return _asked(visit, given, "public.track.ten_digits", 422)
    solved = form.raw("solved")[: puzzles.LONGEST]
    answer = ProofAnswer(form.raw("proof")[:60], plain_code(form.raw("total")[:10]), solved)
    book = visit.panel.book
    number = phone.key(plain_number(form.raw("number")[:60]), book.area_code)
    now = visit.now.astimezone(ZoneInfo(book.timezone))
    try:
        found = await tracking.track(visit.panel.engine, code, visit.came.address, now, answer, number)
    except Doubted as doubted:
        again = "sum_again" if answer.proof else "sum_first"
        return _asked(
            visit, given, f"public.track.{again if doubted.question else 'too_often'}", 429, doubted
        )
    if found is None:
        return _asked(visit, given, "public.track.unknown", 404)
    tells = number and found.locked and not found.sealed
    wrong = visit.words("public.track.not_hers") if tells else ""
    return _public(visit, "public/track.html", code="", found=found, wrong=wrong, doubted=None)


async def paper(visit: Visit) -> web.Response:
    """Whether a paper is genuine: its kind, number, day and office, and nothing of what it says."""
    token = visit.request.match_info["token"][:LONGEST_TOKEN]
    async with visit.panel.engine.connect() as connection:
        found = await indicator.found(connection, token)
    return _public(visit, "public/paper.html", status=200 if found else 404, found=found)


def _asked(visit: Visit, given: str, key: str, status: int, doubted: Doubted | None = None) -> web.Response:
    wrong = visit.words(key)
    return _public(
        visit, "public/track.html", status=status, code=given, found=None, wrong=wrong, doubted=doubted,
        number=visit.form().raw("number")[:60],
    )  # fmt: skip


def _public(visit: Visit, template: str, *, status: int = 200, **values: object) -> web.Response:
    answer = visit.render(template, status=status, **values)
    answer.headers.update(_ROBOTS)
    return answer
