"""Twenty thousand cases as `bench.panel` makes them, in a database that the tests of a module share."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.panel.books import fill
from tests.fixtures.database import create, drop, named, warm_engine
from tests.fixtures.province import read_page

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
COUNT = 20_000


@pytest.fixture(scope="module")
async def many(postgres_url: str, template: str) -> AsyncIterator[AsyncEngine]:
    name = f"seda_many_{uuid.uuid4().hex[:12]}"
    await create(postgres_url, name, template)
    engine = warm_engine(named(postgres_url, name))
    async with engine.connect() as connection:
        page = await read_page(connection)
    await fill(engine, page, COUNT, NOW)
    yield engine
    await engine.dispose()
    await drop(postgres_url, name)
