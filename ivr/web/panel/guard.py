"""Before every route: who asks, whether they may, whether the form is ours, and what goes wrong."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from ivr.desk.people import signing_in
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.engine import is_a_row_s
from ivr.web import bodies
from ivr.web.panel import sessions
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import Locale
from ivr.web.panel.permissions import ROUTES, Permission, may
from ivr.web.panel.rendering import Pages
from ivr.web.panel.typed import typed
from ivr.web.panel.visit import FORM_BYTES, OURS, Forbidden, NotFound, Panel, Route, Visit

log = logging.getLogger(__name__)

_POLICY: Mapping[str, str] = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
    "Cache-Control": "no-store",
}
FIRST_THINGS = {
    "totp": "sign_in.second",
    "password": "account.password",
    "factor": "account.factor",
}  # what is missing → where it is given


class SignedOut(Exception):
    """Nobody is signed in, or not wholly any more, who could do what was sent or see the piece asked for."""


class Unfinished(SignedOut):
    """Something must be done before anything else: `FIRST_THINGS`."""


class Stale(Forbidden):
    """What was sent is of a page from before the last signing in, or of none of ours."""


def policy(*connect: str, style_nonce: str = "") -> str:
    """The content security policy; `connect`: further addresses scripts may open, like ws://127.0.0.1:8188.

    `style_nonce`: a style sheet that bears it is taken beside our files.
    """
    parts = {**_POLICY, "connect-src": " ".join(("'self'", *connect))}
    if style_nonce:
        parts["style-src"] = f"'self' 'nonce-{style_nonce}'"
    return "; ".join(f"{name} {value}" for name, value in parts.items())


async def secure(request: web.Request, answer: web.StreamResponse) -> None:
    """Headers of every answer of the panel, a stream's too, unless it has its own."""
    if OURS not in request:
        return
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Content-Security-Policy", policy())
    if request[OURS]:
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


@dataclass(frozen=True, slots=True)
class Guard:
    panel: Panel
    words: Locale
    pages: Pages

    def around(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        needed = ROUTES[route.name]

        async def act(request: web.Request) -> web.StreamResponse:
            visit = await self._arrive(request)
            try:
                if (turned_away := await self._admit(visit, route, needed)) is not None:
                    return turned_away
                answer = await route.act(visit)
            except Exception as error:
                await self._read_unread(visit, error)
                answer = self._wrong(visit, error)
            self._remember(visit, answer)
            return answer

        return act

    async def _arrive(self, request: web.Request) -> Visit:
        came, tls = sessions.came_from(request, self.panel.entry.proxies)
        request[OURS] = tls
        form = Form(MultiDictProxy(MultiDict()), self.words)
        return Visit(
            request,
            self.panel,
            self.words,
            came,
            tls,
            None,
            "",
            "",
            form,
            self.pages.render,
            self.pages.macro,
            self.pages.path,
            self.panel.clock(),
        )

    async def _admit(self, visit: Visit, route: Route, needed: Permission) -> web.Response | None:
        """None: they may. Fills in who they are and what they sent."""
        request = visit.request
        if any("\0" in text for text in (*request.query.values(), *request.match_info.values())):
            raise web.HTTPBadRequest  # no database takes it
        token = request.cookies.get(sessions.cookie_name(visit.tls), "")
        if token:
            # A stream is no use: a browser begins it anew after each cut.
            streams = request.headers.get("Accept") == "text/event-stream"
            uses = not streams and sessions.WATCHING not in request.headers
            visit.session = await signing_in.session(
                self.panel.engine, token, visit.now, self.panel.entry.keeping, uses=uses
            )
        key = token if visit.session else self._guest(visit)
        visit.csrf = sessions.token_for(key)
        if (elsewhere := self._elsewhere(visit, route, needed)) is not None:
            return elsewhere
        if needed is not Permission.PUBLIC and not may(visit.person, needed):
            raise Forbidden
        if request.method not in sessions.SAFE:
            visit.sent = await self._sent(visit, route, key)
        return None

    def _elsewhere(self, visit: Visit, route: Route, needed: Permission) -> web.Response | None:
        """To the sign-in page, or to what must be done first."""
        if needed is Permission.PUBLIC:
            return None
        of_a_page = visit.partial or visit.request.method not in sessions.SAFE  # something may be typed there
        if visit.session is None:
            if of_a_page and route.name != "sign_out":
                raise SignedOut
            return visit.redirect(f"/panel/sign-in{_next(visit)}")
        missing = visit.session.needs
        if visit.person.must_change and missing != "totp":
            missing = "password"
        first = FIRST_THINGS.get(missing, "")
        if not first or route.name.startswith(first) or route.name == "sign_out":
            return None
        if of_a_page:
            raise Unfinished
        return visit.redirect(self.pages.paths[first] + _next(visit))

    async def _sent(self, visit: Visit, route: Route, key: str) -> Form:
        """What was posted. Raises Stale when it is not from a page of ours."""
        request = visit.request
        given = request.headers.get(sessions.HEADER, "")
        ours = route.looks_up and sessions.says_own(request)  # each visit without cookies has another key
        if given and not ours and not sessions.is_genuine(request, key, given):
            raise Stale  # before its body costs anything
        visit.sent = Form(await bodies.form(request, route.most), self.words)
        if not ours and not sessions.is_genuine(request, key, given or visit.sent.raw(sessions.FIELD)):
            raise Stale
        return visit.sent

    def _guest(self, visit: Visit) -> str:
        """The key that forms are bound to before anybody has signed in."""
        key = visit.request.cookies.get(sessions.guest_name(visit.tls), "")
        visit.guest_key = key if len(key) > 20 else secrets.token_urlsafe(24)
        return visit.guest_key

    def _remember(self, visit: Visit, answer: web.StreamResponse) -> None:
        key = visit.guest_key
        name = sessions.guest_name(visit.tls)
        if key and not answer.prepared and visit.request.cookies.get(name) != key:
            sessions.set_cookie(answer, name, key, secure=visit.tls)

    async def _read_unread(self, visit: Visit, error: Exception) -> None:
        """What somebody wrote is shown to them though it came to nothing before it was read."""
        if isinstance(error, web.HTTPException) or visit.sent.sent or not _from_a_form(visit):
            return
        with suppress(web.HTTPException):
            visit.sent = Form(await bodies.form(visit.request, FORM_BYTES), self.words)

    def _wrong(self, visit: Visit, error: Exception) -> web.Response:
        """A page for whatever went wrong; what we can mend is logged."""
        match error:
            case Unfinished():
                answer = self.error(visit, 401, "unfinished")
                answer.headers[sessions.HEADER] = "unfinished"
                return answer
            case SignedOut():
                return self.error(visit, 401)
            case Stale():
                answer = self.error(visit, 403)
                answer.headers[sessions.HEADER] = "stale"
                return answer
            case NotFound() | NoSuchCase():
                return self.error(visit, 404)
            case Forbidden():
                return self.error(visit, 403)
            case Refused():
                log.info("refused: %s", error)
                return self.error(visit, 409)
            case web.HTTPException():
                return self.error(visit, error.status)
            case _ if not is_a_row_s(error):
                log.warning("a page waits for the database: %s", type(error).__name__)
                return self.error(visit, 503)
        log.exception("%s %s failed", visit.request.method, visit.request.path, exc_info=error)
        return self.error(visit, 500)

    def error(self, visit: Visit, status: int, what: str = "") -> web.Response:
        """`what`: its words, where they are not those of the status."""
        number = what or (str(status) if f"common.error.{status}.title" in self.words else "500")
        back = sessions.page_of(visit.request)
        return visit.render(
            "panel/error.html", status=status, number=number, written=_written(visit), back=back
        )


def _from_a_form(visit: Visit) -> bool:
    """Whether a page of the panel sent it, which has given way to the answer."""
    headers, path = visit.request.headers, visit.request.path
    whole = not visit.partial and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    posted = visit.request.method not in sessions.SAFE and path.startswith("/panel/")
    return posted and whole and sessions.is_own(visit.request)


def _written(visit: Visit) -> list[tuple[str, str]]:
    """Their own words and numbers in what was sent, with the names of their fields; no password."""
    if not _from_a_form(visit):
        return []
    return list(typed(visit.sent.sent.items(), visit.request.path, visit.words))


def _next(visit: Visit) -> str:
    """The query that brings them back to where they wanted to go."""
    wanted = visit.request.path_qs
    return "" if visit.request.method not in sessions.SAFE else f"?next={quote(wanted, safe='/')}"
