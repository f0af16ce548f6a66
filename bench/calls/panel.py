"""The panel beside calls: books with something to see, and people who click through them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bench import say
from bench.calls.hotline import Hotline
from bench.halt.clicking import INBOX, clicking
from bench.panel.books import fill
from bench.panel.serving import person, signed_in
from ivr.cases.roles import Role
from ivr.store.engine import make_engine
from tests.fixtures.province import read_page

CASES = 20_000


async def filled(line: Hotline) -> str:
    """Cases in its books. The token of a supervisor's session."""
    say(f"{CASES:,} cases …")
    now, engine = datetime.now(UTC), make_engine(line.database_url)
    try:
        async with engine.connect() as connection:
            page = await read_page(connection)
        supervisor = await person(engine, Role.SUPERVISOR, now)
        await fill(engine, page, CASES, now, supervisor.id)
        async with engine.begin() as connection:
            return await signed_in(connection, supervisor, now)
    finally:
        await engine.dispose()


@asynccontextmanager
async def busy(line: Hotline, cookie: str) -> AsyncIterator[None]:
    """Four people look at one page of the inbox after the other; without a cookie nobody. Raises GaveUp."""
    async with clicking(cookie, line.settings.web.port, INBOX if cookie else ()):
        yield
