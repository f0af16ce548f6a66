"""An agency's answer to a case."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Action
from ivr.desk import callbacks
from ivr.desk.book import Page, read_page
from ivr.desk.change import Ask, actor_named, changing
from ivr.desk.refusals import Refused


async def give(engine: AsyncEngine, page: Page, ask: Ask, words: str) -> None:
    """Store an answer, which the citizen hears when she follows her code up. Not a closure.

    Raises NoSuchCase, or Refused as the table says and when there are no words.
    """
    words = words.strip()
    if not words:
        raise Refused("an answer needs words")
    async with changing(engine, page, Action.ANSWER, ask) as change:
        change.values = {"answer": words, "answered_at": ask.now}
        change.details = {"text": words}
        await callbacks.plan(change.connection, change.case, f"answer:{ask.cause}", ask.now)


async def answer(
    engine: AsyncEngine, code: str, officer: str, words: str, now: datetime | None = None
) -> None:
    """The same for an `officer` by name (`actor_named`), with the book as it is in the database."""
    async with engine.connect() as connection:
        page = await read_page(connection)
    await give(engine, page, Ask(code, actor_named(page, officer), now=now or datetime.now(UTC)), words)
