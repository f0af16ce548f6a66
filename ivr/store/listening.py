"""LISTEN with a memory for what was missed: after every (re)connection the listener rereads."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg

from ivr.store.engine import is_away, plain_url

log = logging.getLogger(__name__)

_ALIVE_SECONDS = 20.0  # how soon a half-open connection is noticed
_RETRY_SECONDS = 1.0
HEARD_SECONDS = 10.0  # only who waits for what never comes waits as long


Hearer = Callable[[frozenset[str] | None], Awaitable[None]]


async def listen(url: str, channel: str, callback: Callable[[], Awaitable[None]]) -> None:
    """For ever: call back after each notification and each connection. Bursts are answered once.

    The callback must reread what it cares about. Where the database is away from it, it is called again with
    the next connection; whatever else it raises ends the listening, and who begins that anew is told.
    """

    async def told(_: frozenset[str] | None) -> None:
        await callback()

    await hear(url, channel, told)


async def hear(url: str, channel: str, callback: Hearer) -> None:
    """The same with what was said since; None after each connection: anything may have been missed."""
    while True:
        try:
            await _listen_once(url, channel, callback)
        except Exception as error:  # asyncpg's errors have no common base
            if not is_away(error):
                raise
            log.warning("not listening on %s for now: %s", channel, error)
        await asyncio.sleep(_RETRY_SECONDS)


async def hears(url: str) -> bool:
    """Whether one connection is told what another says: a pooler of transactions keeps it back, silently."""
    channel, heard = f"ivr_heard_{secrets.token_hex(8)}", asyncio.Event()
    listening: Any = await asyncpg.connect(plain_url(url), timeout=5)  # type: ignore[no-untyped-call]
    try:
        await listening.add_listener(channel, lambda *_: heard.set())
        saying: Any = await asyncpg.connect(plain_url(url), timeout=5)  # type: ignore[no-untyped-call]
        try:
            await saying.execute(f"NOTIFY {channel}", timeout=5)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_SECONDS):
                    await heard.wait()
            return heard.is_set()
        finally:
            saying.terminate()
    finally:
        listening.terminate()


async def _listen_once(url: str, channel: str, callback: Hearer) -> None:
    changed, said = asyncio.Event(), set[str]()

    def wake(*notice: Any) -> None:
        if len(notice) > 1:  # a termination has only the connection
            said.add(notice[-1])
        changed.set()

    connection: Any = await asyncpg.connect(plain_url(url), timeout=5)  # type: ignore[no-untyped-call]
    try:
        connection.add_termination_listener(wake)
        await connection.add_listener(channel, wake)
        await callback(None)
        while not connection.is_closed():
            await _turn(connection, changed, said, callback)
    finally:
        connection.terminate()


async def _turn(connection: Any, changed: asyncio.Event, said: set[str], callback: Hearer) -> None:
    try:
        async with asyncio.timeout(_ALIVE_SECONDS):
            await changed.wait()
    except TimeoutError:
        await connection.execute("SELECT 1", timeout=5)
        return
    changed.clear()
    told = frozenset(said)
    said.clear()
    await callback(told)
