"""What others could see of people's words: modes of files, codes in logs; what `ivr doctor` says of it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ivr.asterisk.rights import ENTER, READ, Runner, barred
from ivr.cases.code import is_valid
from ivr.settings import Settings

OTHERS = 0o007
_ANYBODY = Runner(2**31, frozenset())  # a user that nobody is, without groups
_DIGITS = re.compile(r"(?<![\d.])[1-9]\d{9}(?!\d|\.\d)", re.ASCII)
_SHOWN = 3


class Exposed(NamedTuple):
    """`found` is empty when nothing is."""

    found: str
    mend: str = ""


def keep_private(settings: Settings) -> None:
    """Nothing that this process makes is for others; folders that hold words are closed to them.

    Asterisk writes its files as its own umask says: there the folders are what holds.
    """
    os.umask(os.umask(OTHERS) | OTHERS)
    for place in _places(settings):
        mode = place.stat().st_mode
        if mode & OTHERS:
            with suppress(PermissionError):  # not ours: the doctor tells
                place.chmod(mode & 0o7777 & ~OTHERS)


class Masking(logging.Formatter):
    """Writes no tracking code in full, wherever in a line or traceback it stands."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def masked(text: str) -> str:
    """Ten digits that can be a code keep three; Asterisk's call ids ("1764211234.5") are none."""
    return _DIGITS.sub(lambda found: _mask(found[0]), text)


def _mask(digits: str) -> str:
    return digits[:_SHOWN] + "*" * (len(digits) - _SHOWN) if is_valid(digits) else digits


def modes(settings: Settings) -> Exposed:
    """Whether a user of this machine without our group comes at recordings or secrets."""
    for place in _places(settings):
        if barred(_ANYBODY, place, READ) is None or barred(_ANYBODY, place, ENTER) is None:
            return Exposed(f"every user of this machine may look into {place}", f"chmod o-rwx {place}")
    return Exposed("")


def proxies(settings: Settings) -> Exposed:
    """Who speaks to the panel through TLS does it through a proxy, and that must be named."""
    if settings.browser_phone.url and not settings.web.proxies:
        found = "browser_phone.url is behind a proxy, but web.proxies names none: all share one address"
        return Exposed(found, "IVR_WEB__PROXIES, as in docs/production.md (The panel)")
    return Exposed("")


async def websocket(settings: Settings) -> Exposed:
    """Whether a page of another site can open the browser telephone's WebSocket: the proxy must refuse it."""
    import aiohttp

    url = settings.browser_phone.url
    if not url or not settings.browser_phone.supervisors:
        return Exposed("")
    try:
        async with (
            asyncio.timeout(5),
            aiohttp.ClientSession() as session,
            session.ws_connect(url, origin="https://elsewhere.invalid", protocols=("sip",)),
        ):
            mend = "let the proxy refuse other Origins, as in docs/production.md (In the browser)"
            return Exposed(f"{url} opens to pages of any site", mend)
    except aiohttp.WSServerHandshakeError:
        return Exposed("")
    except (OSError, TimeoutError, aiohttp.ClientError) as error:
        return Exposed(f"{url} does not answer: {error or type(error).__name__}", "look at the proxy")


async def factors(settings: Settings) -> Exposed:
    """Whether an admin of a panel that others reach signs in by a password alone."""
    if not settings.web.proxies and settings.web.host in ("127.0.0.1", "::1", "localhost"):
        return Exposed("")
    from sqlalchemy import select

    from ivr.installation import database_url
    from ivr.store.engine import make_engine
    from ivr.store.tables import people

    its = people.c
    query = select(its.name).where(its.totp_since.is_(None), its.locked_at.is_(None), its.role == "admin")
    engine = make_engine(database_url(settings), pool=1)
    try:
        async with engine.connect() as connection:
            names = (await connection.execute(query.order_by(its.name))).scalars().all()
    finally:
        await engine.dispose()
    if not names:
        return Exposed("")
    found = f"{len(names)} admins sign in by a password alone: {', '.join(names[:5])}"
    return Exposed(found, "set up the second factor (under the name in the menu), and make it compulsory")


def _places(settings: Settings) -> Iterator[Path]:
    state, second = settings.state_path, settings.second_path
    places = [settings.recordings, state / "fallback", state / "secrets", settings.spool, second]
    return (place for place in places if place and place.is_dir())
