"""Cookies, and forms that can't be forged. The database has only the hash of what the cookie holds."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

from ivr.desk.people.signing_in import From
from ivr.web.doors import unmapped
from ivr.web.panel.forms import latin

FIELD, HEADER = "csrf", "X-CSRF-Token"
WATCHING = "X-Watching"  # an open page asks by itself
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NONCE = 16


def cookie_name(secure: bool) -> str:
    """Behind TLS the browser itself sees to it that nobody else set it."""
    return "__Host-seda" if secure else "seda"


def known_name(secure: bool) -> str:
    """Of the cookie by which a browser is known that signed in before."""
    return "__Host-seda-known" if secure else "seda-known"


def guest_name(secure: bool) -> str:
    """Of the cookie that forms are bound to before signing in."""
    return "__Host-seda-form" if secure else "seda-form"


def set_cookie(
    answer: web.StreamResponse, name: str, value: str, *, secure: bool, age: int | None = None
) -> None:
    answer.set_cookie(name, value, path="/", httponly=True, samesite="Lax", secure=secure, max_age=age)


def came_from(request: web.Request, proxies: Sequence[str]) -> tuple[From, bool]:
    """The address, and whether the browser speaks TLS; a header counts only when a known proxy wrote it."""
    peer = unmapped(request.remote or "")
    address, secure = peer, request.secure
    if _within(peer, proxies):
        lines = request.headers.getall("X-Forwarded-For", [])  # a proxy may add one of its own
        forwarded = [unmapped(each.strip()) for line in lines for each in line.split(",")]
        outside = [each for each in forwarded if _is_address(each) and not _within(each, proxies)]
        address = outside[-1] if outside else peer
        secure = request.headers.get("X-Forwarded-Proto", "") == "https"
    marks = request.cookies.get(known_name(secure), "")
    return From(address, request.headers.get("User-Agent", ""), marks), secure


def token_for(key: str) -> str:
    """What forms of this session carry; another one each time, so that compression betrays nothing."""
    nonce = secrets.token_hex(_NONCE // 2)
    return nonce + _mac(key, nonce)


def is_own(request: web.Request) -> bool:
    """Whether the browser says that a page of ours sent this request."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin", "")
    return site in {"same-origin", "none"} and (not origin or urlsplit(origin).netloc == request.host)


def says_own(request: web.Request) -> bool:
    """The same of a browser that says anything: one from before 2020 may not."""
    return is_own(request) and ("Sec-Fetch-Site" in request.headers or "Origin" in request.headers)


def is_genuine(request: web.Request, key: str, given: str) -> bool:
    """Whether our own page, in this very session, sent this request."""
    if not key or not is_own(request):
        return False
    nonce, mac = given[:_NONCE], given[_NONCE:]
    return hmac.compare_digest(_mac(key, nonce).encode(), mac.encode("utf-8", "replace"))


def own_path(path: str, otherwise: str = "/panel/") -> str:
    """Where to go on after signing in: a page of the panel, never another host."""
    plain = path.isascii() and path.isprintable() and "\\" not in path and "//" not in path
    return path if plain and path.startswith("/panel/") else otherwise


def page_of(request: web.Request) -> str:
    """The page of ours that sent this request."""
    came = urlsplit(request.headers.get("Referer", ""))
    path = came.path + (came.query and f"?{came.query}")
    return own_path(path if came.netloc == request.host else "")


def plain_code(text: str) -> str:
    """A one-time code as it may be typed: in any digits, with blanks."""
    return latin("".join(text.split()))


def _mac(key: str, nonce: str) -> str:
    return hmac.digest(key.encode(), f"form/{nonce}".encode("utf-8", "replace"), hashlib.sha256).hex()


def _within(address: str, networks: Sequence[str]) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
