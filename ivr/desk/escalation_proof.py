"""The watchdog over the sweep: proves from the events that every open case has its body, clock and rung.

It shares no code with the sweep and does not believe what the sweep wrote into the case: it reads deadlines
and events, the ladders as the database keeps them, and counts the working days since each deadline itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.deadlines import Calendar
from ivr.desk.book import Page
from ivr.store.tables import provinces

Json = Mapping[str, Any]
GRACE = timedelta(minutes=10)  # the sweep comes every minute
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """`why`: a stable name. `cases`: codes of a few of the `count` cases."""

    why: str
    says: str
    count: int
    cases: Sequence[str]

    def __str__(self) -> str:
        return f"{self.says} ({self.count}): {', '.join(self.cases)}{' …' if self.count > SHOWN else ''}"


async def prove(engine: AsyncEngine, page: Page, now: datetime | None = None) -> list[Alarm]:
    """What is wrong; nothing when every open case is where it must be. Changes nothing."""
    then = (now or datetime.now(UTC)) - GRACE
    async with engine.connect() as connection:
        missing = await _missing_rungs(connection, page.calendar, page.rules.kinds, then)
        return [
            *missing,
            *[alarm for why in _PLAIN if (alarm := await _plain(connection, why, then)) is not None],
        ]


async def _plain(connection: AsyncConnection, why: str, then: datetime) -> Alarm | None:
    says, condition = _PLAIN[why]
    found = (await connection.execute(text(f"{_CODES} {condition}"), {"then": then})).one()
    return Alarm(why, says, found.many, found.codes or ()) if found.many else None


_CODES = f"SELECT count(*) AS many, (array_agg(c.code))[1:{SHOWN}] AS codes FROM cases c"
_PLAIN = {
    "no_body": (
        "open without a running referral to the agency that the case names",
        """LEFT JOIN referrals r ON r.case_id = c.id AND r.ended_at IS NULL AND r.agency = c.agency
        WHERE c.closed_at IS NULL AND r.id IS NULL""",
    ),
    "no_clock": (
        "open and waiting for nobody, yet without a time to climb",
        """WHERE c.closed_at IS NULL AND c.stopped_at IS NULL AND c.next_rung_at IS NULL AND c.rung = 0""",
    ),
    "late": (
        "should have climbed by now, is the sweep running?",
        "WHERE c.closed_at IS NULL AND c.stopped_at IS NULL AND c.next_rung_at < :then",
    ),
}
# `rung`: what the log of a case tells. A case that changed a moment ago is left to settle.
_OVERDUE = """
SELECT c.kind, c.topic, coalesce(c.county, '') AS county, c.agency, c.due_at, told.rung, count(*) AS many,
    (array_agg(c.code))[1:5] AS codes
FROM cases c
LEFT JOIN LATERAL (
    SELECT coalesce(max((e.details->>'rung')::int), 0) AS rung, max(e.at) AS at
    FROM case_events e WHERE e.case_id = c.id
) told ON true
WHERE c.closed_at IS NULL AND c.stopped_at IS NULL AND c.due_at < :then AND told.at < :then
GROUP BY 1, 2, 3, 4, 5, 6
"""


async def _missing_rungs(
    connection: AsyncConnection, calendar: Calendar, kinds: Mapping[str, str], then: datetime
) -> list[Alarm]:
    ladders = (await connection.execute(select(provinces.c.escalation))).scalar() or {}
    groups = await connection.execute(text(_OVERDUE), {"then": then})
    if not ladders:
        late = sum(group.many for group in groups)
        return [Alarm("no_ladder", "overdue, and no ladder is configured", late, ())] if late else []
    count, codes = 0, list[str]()
    for group in groups:
        topic = kinds.get(group.kind, group.topic)
        ladder = ladders["topics"].get(topic) or ladders["agencies"].get(group.agency) or ladders["usual"]
        if group.rung < _owed(ladder, calendar, group.due_at, then, group.county):
            count += group.many
            codes += group.codes
    says = "overdue, and the log of events lacks the rung that is due"
    return [Alarm("no_rung", says, count, codes[:SHOWN])] if count else []


def _owed(ladder: Json, calendar: Calendar, due_at: datetime, then: datetime, county: str) -> int:
    """How many rungs an overdue case must have climbed: one whose last working day is over is due."""
    zone = ZoneInfo(calendar.timezone)
    last = then.astimezone(zone).date() - timedelta(days=1)
    gone = sum(calendar.is_working(day, county) for day in _days(due_at.astimezone(zone).date(), last))
    rungs: list[int] = [rung["days"] for rung in ladder["rungs"]]
    owed = sum(days <= gone for days in rungs)
    if ladder["repeat"] and gone > rungs[-1]:
        owed += (gone - rungs[-1]) // int(ladder["repeat"])
    return owed


def _days(after: date, last: date) -> Iterator[date]:
    for n in range(1, (last - after).days + 1):
        yield after + timedelta(days=n)
