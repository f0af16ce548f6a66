"""What bears on a case's deadline without moving it. One function is one transaction and one event.

None of them gives time back that was used: `ivr.cases.clock`.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Action
from ivr.desk.book import Page
from ivr.desk.change import Ask, changing
from ivr.desk.refusals import Refused

MOST_PAUSED_DAYS = 10  # working days, all pauses of a case together


async def pause(engine: AsyncEngine, page: Page, ask: Ask, days: int, cap: int = MOST_PAUSED_DAYS) -> None:
    """Stop the clock for so many working days; it runs again by itself."""
    async with changing(engine, page, Action.PAUSE, ask) as change:
        change.clock = change.clock.pause(page.calendar, ask.now, days, cap, change.county)
        assert change.clock.paused_until is not None
        change.details |= {"days": days, "until": change.clock.paused_until.isoformat()}


async def resume(engine: AsyncEngine, page: Page, ask: Ask) -> None:
    """Let the clock run again; only the days that the pause lasted are left out."""
    async with changing(engine, page, Action.RESUME, ask) as change:
        change.clock = change.clock.resume(page.calendar, ask.now, change.county)


async def change_topic(
    engine: AsyncEngine, page: Page, ask: Ask, topic: str = "", county: str | None = None
) -> None:
    """Another topic or county; what is not given stays. The agency stays too: moving it is a referral.

    Raises Refused for what the book does not know, and when nothing would change.
    """
    async with changing(engine, page, Action.CHANGE_TOPIC, ask) as change:
        before = (change.topic, change.county)
        change.topic = topic or change.topic
        change.county = change.county if county is None else county
        if change.topic not in page.deadlines:
            raise Refused(f"there is no topic {topic}")
        if change.county and change.county not in page.counties:
            raise Refused(f"there is no county {county}")
        if (change.topic, change.county) == before:
            raise Refused(f"case {ask.code} is about {change.topic} already")
        change.details |= {"before": before, "topic": change.topic, "county": change.county}
