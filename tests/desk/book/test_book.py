"""The province's book in memory."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book, BookEmpty
from ivr.store import schema
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
