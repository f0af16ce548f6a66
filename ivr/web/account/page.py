"""The first page, and one's own account: password, second factor, sessions."""

from __future__ import annotations

from uuid import UUID

import segno
from aiohttp import web

from ivr.desk.people import account_news, own_account, totp
from ivr.desk.people.limiting import TooOften
from ivr.desk.refusals import Refused, WrongField
from ivr.web.panel import sessions
from ivr.web.panel.navigation import entries
from ivr.web.panel.visit import NotFound, Route, Visit

HOME = "/panel/account"
FACTOR = f"{HOME}/second-factor"
PASSWORD = f"{HOME}/password"


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/", "home", home),
        Route("GET", HOME, "account", page),
        Route("GET", PASSWORD, "account.password", password),
        Route("POST", PASSWORD, "account.password.send", change_password),
        Route("GET", FACTOR, "account.factor", factor),
        Route("POST", FACTOR, "account.factor.send", confirm_factor),
        Route("GET", f"{FACTOR}/anew", "account.factor.anew", factor_anew),
        Route("POST", f"{FACTOR}/anew", "account.factor.anew.send", replace_factor),
        Route("POST", f"{FACTOR}/drop", "account.factor.drop", drop_factor),
        Route("POST", f"{HOME}/seen", "account.seen", seen),
        Route("POST", f"{HOME}/sessions/{{id}}/end", "account.session.end", end_session),
        Route("POST", f"{HOME}/sessions/end", "account.sessions.end", end_others),
    ]


async def home(visit: Visit) -> web.Response:
    """Where their work is; those whose work has no page yet see who they are."""
    theirs = entries(visit.person)
    return visit.redirect(visit.path(theirs[0].route)) if theirs else visit.render("panel/home.html")


async def page(visit: Visit) -> web.Response:
    mine = await own_account.account(
        visit.panel.engine, visit.person.id, visit.now, visit.panel.entry.keeping
    )
    return visit.render("panel/account.html", account=mine)


async def seen(visit: Visit) -> web.Response:
    """They have read what others did to their account."""
    await account_news.seen(visit.panel.engine, visit.person.id)
    return visit.redirect(HOME)


async def password(visit: Visit) -> web.Response:
    onward = sessions.own_path(visit.request.query.get("next", ""), HOME)
    return visit.render("panel/password.html", wrong={}, onward=onward)


async def change_password(visit: Visit) -> web.Response:
    form, panel = visit.form(), visit.panel
    old, new, onward = form.secret("old"), form.secret("password"), sessions.own_path(form.raw("next"), HOME)
    if new != form.raw("again"):
        form.refuse("again", "common.password.differs")
    token = ""
    if not form.wrong:
        try:
            assert visit.session is not None
            token = await own_account.change_password(
                panel.engine, visit.session, old, new, visit.now, visit.came, panel.entry.keeping
            )
        except WrongField as error:
            form.refused(error, {"old": "common.password.wrong", "password": "common.password.poor"})
        except TooOften:
            form.refuse("old", "common.sign_in.too_often")
    if form.wrong:
        return visit.render("panel/password.html", status=422, wrong=form.wrong, onward=onward)
    answer = visit.redirect(onward)
    sessions.set_cookie(answer, sessions.cookie_name(visit.tls), token, secure=visit.tls)
    return answer


async def factor(visit: Visit) -> web.Response:
    onward = sessions.own_path(visit.request.query.get("next", ""), HOME)
    if visit.person.second_factor:
        return visit.redirect(onward)
    return await _factor_page(visit, {}, 200, onward)


async def _factor_page(visit: Visit, wrong: dict[str, str], status: int, onward: str) -> web.Response:
    secret = await own_account.propose_factor(
        visit.panel.engine, visit.person.id, visit.panel.entry.keeping.keys
    )
    return _shown(visit, secret, wrong, status, onward=onward)


def _shown(
    visit: Visit,
    secret: str,
    wrong: dict[str, str],
    status: int,
    anew: bool = False,
    onward: str = HOME,
) -> web.Response:
    code = segno.make(totp.address(secret, visit.person.name, visit.words("common.factor.issuer")), error="m")
    picture = code.svg_data_uri(scale=5, border=3, light="#fff")
    spelt = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    compelled = visit.session is not None and visit.session.needs == "factor"
    shown = {"picture": picture, "secret": secret, "spelt": spelt, "wrong": wrong, "compelled": compelled}
    return visit.render("panel/factor.html", status=status, anew=anew, onward=onward, **shown)


async def confirm_factor(visit: Visit) -> web.Response:
    form = visit.form()
    code, onward = sessions.plain_code(form.text("code", most=20)), sessions.own_path(form.raw("next"), HOME)
    codes: list[str] = []
    if not form.wrong:
        try:
            assert visit.session is not None
            codes = await own_account.confirm_factor(
                visit.panel.engine, visit.session, code, visit.now, visit.came, visit.panel.entry.keeping.keys
            )
        except WrongField:
            form.refuse("code", "common.factor.wrong")
        except TooOften:
            form.refuse("code", "common.sign_in.too_often")
    if form.wrong:
        return await _factor_page(visit, form.wrong, 422, onward)
    return visit.render("panel/recovery.html", codes=codes, onward=onward)


async def factor_anew(visit: Visit) -> web.Response:
    """For another telephone."""
    if not visit.person.second_factor:
        return visit.redirect(FACTOR)
    return _shown(visit, totp.new_secret(), {}, 200, anew=True)


async def replace_factor(visit: Visit) -> web.Response:
    if not visit.person.second_factor:
        return visit.redirect(FACTOR)
    assert visit.session is not None
    form = visit.form()
    secret, old = form.raw("secret"), form.secret("old")
    code = sessions.plain_code(form.text("code", most=20))
    codes: list[str] = []
    if not form.wrong:
        try:
            codes = await own_account.replace_factor(
                visit.panel.engine,
                visit.session,
                old,
                secret,
                code,
                visit.now,
                visit.came,
                visit.panel.entry.keeping.keys,
            )
        except WrongField as error:
            form.refused(error, {"old": "common.password.wrong", "code": "common.factor.wrong"})
        except TooOften:
            form.refuse("old", "common.sign_in.too_often")
    if form.wrong:
        secret = secret if totp.is_secret(secret) else totp.new_secret()
        return _shown(visit, secret, form.wrong, 422, anew=True)
    return visit.render("panel/recovery.html", codes=codes, onward=HOME)


async def drop_factor(visit: Visit) -> web.Response:
    assert visit.session is not None
    try:
        await own_account.drop_factor(
            visit.panel.engine,
            visit.session,
            visit.form().raw("old"),
            visit.now,
            visit.came,
            visit.panel.entry.keeping,
        )
    except (WrongField, TooOften) as error:
        key = "common.password.wrong" if isinstance(error, WrongField) else "common.sign_in.too_often"
        mine = await own_account.account(
            visit.panel.engine, visit.person.id, visit.now, visit.panel.entry.keeping
        )
        wrong = {"old": visit.words(key)}
        return visit.render("panel/account.html", status=422, account=mine, wrong=wrong)
    return visit.redirect(HOME)


async def end_session(visit: Visit) -> web.Response:
    try:
        id = UUID(visit.request.match_info["id"])
        await own_account.end_session(visit.panel.engine, visit.person.id, id, visit.now, visit.came)
    except (ValueError, Refused):
        raise NotFound from None
    return visit.redirect(HOME)


async def end_others(visit: Visit) -> web.Response:
    assert visit.session is not None
    await own_account.end_others(visit.panel.engine, visit.session, visit.now, visit.came)
    return visit.redirect(HOME)
