"""`ivr doctor`: what others could see of people's words, by modes of files, proxies, passwords alone."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any, NamedTuple

from ivr.asterisk.rights import ENTER, READ, Runner, barred
from ivr.cases.roles import MAY_BE_TRUSTED, Role
from ivr.installation import OTHERS, private_places
from ivr.settings import Settings

_ANYBODY = Runner(2**31, frozenset())  # a user that nobody is, without groups


class Exposed(NamedTuple):
    """`found` is empty when nothing is."""

    found: str
    mend: str = ""


def modes(settings: Settings) -> Exposed:
    """Whether a user of this machine without our group comes at recordings or secrets."""
    for place in private_places(settings):
        if barred(_ANYBODY, place, READ) is None or barred(_ANYBODY, place, ENTER) is None:
            return Exposed(f"every user of this machine may look into {place}", f"chmod o-rwx {place}")
    return Exposed("")


def umask(settings: Settings) -> Exposed:
    """Whether the newest recording of a disk is for every user: Asterisk writes as its own umask says."""
    second = settings.second_path
    disks = [settings.recordings, *([second / "recordings"] if second else [])]
    days = [sorted(day for day in disk.glob("[0-9]*/*/*") if day.is_dir())[-1:] for disk in disks]
    for day in chain(*days):
        newest = max((each for each in day.iterdir()), key=lambda each: each.stat().st_mtime, default=None)
        if newest and newest.stat().st_mode & OTHERS:
            told = f"Asterisk writes recordings that others could read were the folder open: {newest}"
            return Exposed(told, "UMask=0007 for Asterisk, as in docs/production.md")
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
    if not settings.web.is_reached:
        return Exposed("")
    names = [each["name"] for each in await _people(settings) if each["role"] == Role.ADMIN
             and not each["second_factor"]]  # fmt: skip
    if not names:
        return Exposed("")
    found = f"{len(names)} admins sign in by a password alone: {', '.join(names[:5])}"
    return Exposed(found, "set up the second factor (under the name in the menu), and make it compulsory")


async def few(settings: Settings) -> list[Exposed]:
    """Whether there are two for what takes two, once others reach the panel."""
    if not settings.web.is_reached:
        return []
    there, found = await _people(settings), []
    trusted = sum(each["trusted"] and each["role"] in MAY_BE_TRUSTED for each in there)
    if trusted < 2:
        told = f"{trusted or 'nobody'} is trusted with the seal: no confidential case can be opened"
        found.append(Exposed(told, "ivr user trust NAME, two of them or more"))
    if sum(each["role"] == Role.ADMIN for each in there) < 2:
        told = "there are fewer than two admins: nobody allows what takes another one"
        found.append(Exposed(told, "ivr user add NAME --role admin"))
    return found


async def _people(settings: Settings) -> list[dict[str, Any]]:
    """Who may sign in."""
    from ivr.desk.people import people
    from ivr.installation import database_url
    from ivr.store.engine import make_engine

    engine = make_engine(database_url(settings), pool=1)
    try:
        return [each for each in await people.listed(engine) if not each["locked"]]
    finally:
        await engine.dispose()


async def seeds(settings: Settings) -> Exposed:
    """Whether a copy of the database tells the seeds of second factors, or no key opens them."""
    from ivr.desk.people.resealing import look
    from ivr.installation import CommandError, database_url, factor_keys
    from ivr.store.engine import make_engine

    keys = factor_keys(settings, make=False)
    try:
        url = database_url(settings)
    except CommandError:
        return Exposed("")  # the doctor tells of that elsewhere
    engine = make_engine(url, pool=1)
    try:
        found = await look(engine, keys)
    finally:
        await engine.dispose()
    if found.lost:
        told = f"no key in {keys.path} opens the second factor of {', '.join(found.lost[:5])}"
        return Exposed(told, "bring the file back, or ivr user totp-reset NAME")
    if found.others:
        told = f"{found.others} seeds of second factors are in clear or under an older key"
        return Exposed(told, "ivr user seal-factors")
    return Exposed("")
