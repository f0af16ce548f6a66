"""The watchdog over the sweep: proves from the events that every open case has its body, clock and rung.

It shares no code with the sweep and does not believe what the sweep wrote into the case: it reads deadlines
and events, the ladders as the database keeps them, and counts the working days since each deadline itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.deadlines import Calendar
from ivr.desk.book.book import Page
from ivr.store.tables import provinces

LadderJson = Mapping[str, Any]
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
# `rung`: what the log of a case told last. A case that changed a moment ago is left to settle.
_OVERDUE = """
SELECT c.kind, c.topic, coalesce(c.county, '') AS county, c.agency, c.due_at, told.rung, count(*) AS many,
    (array_agg(c.code))[1:5] AS codes
FROM cases c
LEFT JOIN LATERAL (
    SELECT max(e.at) AS at, coalesce((array_agg(e.rung::int ORDER BY e.seq DESC)
        FILTER (WHERE e.rung IS NOT NULL))[1], 0) AS rung
    FROM (
        SELECT case_id, seq, at, coalesce(details->>'rung', details->>'stands') AS rung FROM case_events
    ) e WHERE e.case_id = c.id
) told ON true
WHERE c.closed_at IS NULL AND c.stopped_at IS NULL AND c.due_at < :then AND told.at < :then
GROUP BY 1, 2, 3, 4, 5, 6
"""
_OPEN_LATE = "FROM cases WHERE closed_at IS NULL AND stopped_at IS NULL AND due_at < :then"
_OLDEST, _LATE = text(f"SELECT min(due_at) {_OPEN_LATE}"), text(f"SELECT count(*) {_OPEN_LATE}")
AT_ONCE = 500  # groups between two turns of the event loop


async def _missing_rungs(
    connection: AsyncConnection, calendar: Calendar, kinds: Mapping[str, str], then: datetime
) -> list[Alarm]:
    ladders = (await connection.execute(select(provinces.c.escalation))).scalar() or {}
    oldest = (await connection.execute(_OLDEST, {"then": then})).scalar()
    if oldest is None:
        return []
    if not ladders:
        late = (await connection.execute(_LATE, {"then": then})).scalar_one()
        return [Alarm("no_ladder", "overdue, and no ladder is configured", late, ())]
    days = await asyncio.to_thread(WorkingDays, calendar, oldest, then)
    count, codes = 0, list[str]()
    async with connection.stream(text(_OVERDUE), {"then": then}) as groups:
        async for some in groups.partitions(AT_ONCE):  # between them calls have their turn
            for group in some:
                topic = kinds.get(group.kind, group.topic)
                ladder = ladders["topics"].get(topic) or ladders["agencies"].get(group.agency)
                if group.rung < _owed(ladder or ladders["usual"], days.gone(group.due_at, group.county)):
                    count += group.many
                    codes += group.codes[: SHOWN - len(codes)]
    says = "overdue, and the log of events lacks the rung that is due"
    return [Alarm("no_rung", says, count, codes)] if count else []


def _owed(ladder: LadderJson, gone: int) -> int:
    """How many rungs a case must have climbed that is overdue by so many whole working days."""
    rungs: list[int] = [rung["days"] for rung in ladder["rungs"]]
    owed = sum(days <= gone for days in rungs)
    if ladder["repeat"] and gone > rungs[-1]:
        owed += (gone - rungs[-1]) // int(ladder["repeat"])
    return owed


class WorkingDays:
    """How many working days have gone by, for every day since the oldest deadline, as sums counted once.

    Counties without days of their own share the province's. Takes a hundredth of a second for ten years.
    """

    def __init__(self, calendar: Calendar, oldest: datetime, then: datetime) -> None:
        self._zone = ZoneInfo(calendar.timezone)
        self._first = self._day(oldest)
        last = self._day(then) - 1
        days = [date.fromordinal(day) for day in range(self._first, last + 1)]
        self._sums = {
            county: [0, *accumulate(calendar.is_working(day, county) for day in days)]
            for county in {"", *calendar.overrides}
        }

    def gone(self, due_at: datetime, county: str) -> int:
        """Since a deadline, up to yesterday."""
        sums = self._sums.get(county, self._sums[""])
        over = min(self._day(due_at) - self._first + 1, len(sums) - 1)
        return sums[-1] - sums[max(over, 0)]

    def _day(self, moment: datetime) -> int:
        return moment.astimezone(self._zone).toordinal()
