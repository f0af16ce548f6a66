"""The web side as it is served, on a port of its own over a real database, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from aiohttp import ClientSession, web
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.learning import Learning
from ivr.desk.counter import channels
from ivr.store.tables import areas, topics
from ivr.web.health import application
from ivr.web.outside import attach
from ivr.web.window import Counter
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import SEED
from tests.fixtures.province import book_of

LEARNING = Learning(SEED)  # learned once for all tests


@dataclass(slots=True)
class Clock:
    now: datetime = WEDNESDAY

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Service:
    url: str
    client: ClientSession
    clock: Clock
    counter: Counter
    tokens: dict[str, str] = field(default_factory=dict)

    def headers(self, channel: str = "city_app", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[channel]}"} | more

    async def retire(self, topic: str, county: str) -> None:
        async with self.counter.engine.begin() as connection:
            for table, code in ((topics, topic), (areas, county)):
                gone = update(table).where(table.c.code == code).values(retired_at=self.clock())
                await connection.execute(gone)
        await self.counter.book.load()


@asynccontextmanager
async def serving(
    engine: AsyncEngine,
    folder: Path,
    per_minute: int = 10_000,
    learning: Learning = LEARNING,
    proxies: tuple[str, ...] = (),
) -> AsyncIterator[Service]:
    """Two channels, city_app and other_app, may send."""
    clock = Clock()
    here = (folder / "recordings", SEED.name, clock, proxies)
    counter = Counter(engine, book_of(engine), learning, *here)
    app = application()
    attach(app, counter)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    try:
        async with ClientSession(url) as client:
            service = Service(url, client, clock, replace(counter))
            for name in ("city_app", "other_app"):
                service.tokens[name] = await channels.add(engine, name, clock(), per_minute)
            yield service
    finally:
        await runner.cleanup()
