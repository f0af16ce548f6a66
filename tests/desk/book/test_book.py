"""The province's book in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.book import Book, BookEmpty, read_page
from ivr.store import schema
from ivr.store.calendar_revisions import raise_revision
from ivr.store.engine import make_engine
from ivr.store.tables import topics
from tests.fixtures.province import CONVENTIONS, book_of


async def test_it_is_reread_when_the_database_says_so(engine: AsyncEngine) -> None:
    read = asyncio.Semaphore(0)

    class Watched(Book):
        async def load(self) -> None:
            await super().load()
            read.release()

    book = Watched(engine, CONVENTIONS)
    following = asyncio.create_task(book.follow())
    await read.acquire()
    async with engine.begin() as connection:
        await connection.execute(update(topics).values(deadline_days=77))
        await connection.execute(select(func.pg_notify("ivr_directory", "")))
    await read.acquire()
    assert set((await book.page()).deadlines.values()) == {77}
    following.cancel()


async def test_an_unseeded_database_is_named(empty_url: str) -> None:
    await schema.upgrade(empty_url)
    engine = make_engine(empty_url)
    with pytest.raises(BookEmpty, match="ivr db upgrade"):
        await book_of(engine).page()
    await engine.dispose()


@pytest.mark.parametrize("after", range(1, 9))
async def test_a_page_read_while_the_days_of_topics_change_knows_them_or_is_known_to_be_old(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Else the cases that are timed by it are never timed anew."""
    asks, asked = AsyncConnection.execute, 0

    async def changing(connection: AsyncConnection, *its: Any) -> Any:
        nonlocal asked
        found, asked = await asks(connection, *its), asked + 1
        if asked == after:
            async with engine.begin() as other:
                await asks(other, update(topics).values(deadline_days=77))
                await raise_revision(other, "")
        return found

    async with engine.connect() as connection:
        before = await read_page(connection, CONVENTIONS)
        with monkeypatch.context() as patch:
            patch.setattr(AsyncConnection, "execute", changing)
            page = await read_page(connection, CONVENTIONS)
    assert page.revision == before.revision or set(page.deadlines.values()) == {77}
