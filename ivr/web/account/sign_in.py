"""Signing in and out."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.people import puzzles, signing_in
from ivr.desk.people.limiting import TooOften
from ivr.desk.people.puzzles import PuzzleFirst
from ivr.desk.people.signing_in import NotSignedIn
from ivr.web.panel import sessions
from ivr.web.panel.rendering import THEMES
from ivr.web.panel.visit import Route, Visit

_YEAR = 365 * 86_400


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/sign-in", "sign_in", page),
        Route("POST", "/panel/sign-in", "sign_in.send", send),
        Route("GET", "/panel/sign-in/code", "sign_in.second", second),
        Route("POST", "/panel/sign-in/code", "sign_in.second.send", send_second),
        Route("POST", "/panel/sign-out", "sign_out", leave),
        Route("POST", "/panel/theme", "theme", theme),
    ]


async def page(visit: Visit) -> web.Response:
    onward = sessions.own_path(visit.request.query.get("next", ""))
    if not visit.guest:
        return visit.redirect(onward)
    return visit.render("panel/sign_in.html", onward=onward, name="", wrong="", puzzle=None, waits=False)


async def send(visit: Visit) -> web.Response:
    form, panel = visit.form(), visit.panel
    onward, name = sessions.own_path(form.raw("next")), form.raw("name")[:40]
    try:
        begun = await signing_in.sign_in(
            panel.engine, name, form.raw("password"), visit.now, visit.came, panel.entry.keeping,
            form.raw("solved")[: puzzles.LONGEST],
        )  # fmt: skip
    except (NotSignedIn, PuzzleFirst) as error:
        status, wrong = _refusal(visit, error)
        return visit.render(
            "panel/sign_in.html", status=status, onward=onward, name=name, wrong=wrong, puzzle=error.puzzle,
            waits=isinstance(error, PuzzleFirst),
        )  # fmt: skip
    # Who still owes the second factor is sent on from there to the page that asks for it, and comes back.
    answer = _with(visit, begun.token, onward)
    known = sessions.known_name(visit.tls)
    sessions.set_cookie(answer, known, begun.marks, secure=visit.tls, age=_YEAR)
    return answer


async def second(visit: Visit) -> web.Response:
    onward = sessions.own_path(visit.request.query.get("next", ""))
    assert visit.session is not None
    if not visit.session.needs:
        return visit.redirect(onward)
    return visit.render("panel/second.html", onward=onward, wrong="")


async def send_second(visit: Visit) -> web.Response:
    form, panel, session = visit.form(), visit.panel, visit.session
    onward, code = sessions.own_path(form.raw("next")), sessions.plain_code(form.raw("code")[:40])
    assert session is not None
    if not session.needs:
        return visit.redirect(onward)
    try:
        token = await signing_in.second_factor(
            panel.engine, session, code, visit.now, visit.came, panel.entry.keeping
        )
    except TooOften as error:  # the password is asked for again too
        status, wrong = _refusal(visit, error)
        visit.session = None
        return visit.render("panel/wait.html", status=status, wrong=wrong)
    except NotSignedIn:
        wrong = visit.words("common.factor.wrong")
        return visit.render("panel/second.html", status=422, onward=onward, wrong=wrong)
    return _with(visit, token, onward)


def _refusal(visit: Visit, error: NotSignedIn | TooOften) -> tuple[int, str]:
    if isinstance(error, NotSignedIn):
        return 422, visit.words("common.sign_in.refused")
    minutes = max(1, round((error.until - visit.now).total_seconds() / 60))
    return 429, visit.words("common.sign_in.wait", n=minutes)


def _with(visit: Visit, token: str, onward: str) -> web.Response:
    answer = visit.redirect(onward)
    sessions.set_cookie(answer, sessions.cookie_name(visit.tls), token, secure=visit.tls)
    visit.guest_key = ""
    answer.del_cookie(sessions.guest_name(visit.tls), secure=visit.tls)
    return answer


async def leave(visit: Visit) -> web.Response:
    assert visit.session is not None
    await signing_in.sign_out(visit.panel.engine, visit.session, visit.now, visit.came)
    answer = visit.redirect("/panel/sign-in")
    # Browsers take nothing for a __Host- cookie that isn't Secure, not even its end.
    answer.del_cookie(sessions.cookie_name(visit.tls), secure=visit.tls)
    return answer


async def theme(visit: Visit) -> web.Response:
    """Light or dark from now on, else as the machine has it; back to the page it was asked on."""
    wanted = visit.form().raw("theme")
    answer = visit.redirect(sessions.own_path(visit.form().raw("back")))
    if wanted in THEMES:
        answer.set_cookie("theme", wanted, max_age=_YEAR, path="/", samesite="Lax", httponly=True)
    else:
        answer.del_cookie("theme")
    return answer
