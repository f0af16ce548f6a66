"""An agency's answer to a case."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Action
from ivr.desk.book import Page, read_page
from ivr.desk.change import Ask, actor_named, changing
from ivr.desk.refusals import Refused


async def answer(
    engine: AsyncEngine,
    code: str,
    officer: str,
    words: str,
    now: datetime | None = None,
    page: Page | None = None,
) -> None:
    """Store an answer, which the citizen hears when she follows her code up. Not a closure.

    Raises NoSuchCase, or Refused when there are no words, the case takes no answer any more, or `officer`
    (as `actor_named` reads it) is of an agency that the case is not with.
    """
    words, now = words.strip(), now or datetime.now(UTC)
    if not words:
        raise Refused("an answer needs words")
    if page is None:
        async with engine.connect() as connection:
            page = await read_page(connection)
    ask = Ask(code, actor_named(page, officer), now=now)
    async with changing(engine, page, Action.ANSWER, ask) as change:
        change.values = {"answer": words, "answered_at": now}
        change.details = {"text": words}
