"""The sweep: cases whose time has come climb their ladder. One batch is one transaction.

A case that was overlooked for days climbs at once to the rung that is due now, with one event and one
message, which name the rungs it passed: ten days of outage mean one message for each case, not ten. Several
workers may sweep at once; each takes the longest overdue cases that no other holds.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.escalation import Rung, climb
from ivr.desk.book.book import Page
from ivr.desk.case.change import clock_of
from ivr.desk.case.event_log import Told, tell_all
from ivr.desk.case.rows import outbox_row
from ivr.store.aside import AGAIN, Aside
from ivr.store.tables import cases, outbox

log = logging.getLogger(__name__)

BATCH = 200  # small, so that calls in the same process wait for no more than some ten milliseconds
ESCALATED, REMINDED = "escalated", "reminded"  # after the deadline, and before it


@dataclass(frozen=True, slots=True)
class Climb:
    """What becomes of one case. `passed` ends with the rung on which it stands now; empty: none was due."""

    case: Row[Any]
    passed: Sequence[Rung]
    level: str
    next_rung_at: datetime | None

    @property
    def rung(self) -> int:
        return int(self.case.rung) + len(self.passed)

    @property
    def event(self) -> str:
        return REMINDED if self.passed[-1].days < 0 else ESCALATED

    @property
    def values(self) -> dict[str, Any]:
        return {"rung": self.rung, "level": self.level, "next_rung_at": self.next_rung_at}


async def sweep(
    engine: AsyncEngine,
    page: Page,
    now: datetime | None = None,
    batch: int = BATCH,
    aside: Aside | None = None,
) -> int:
    """Let every case climb that is due and held by nobody else; how many did. Safe to interrupt anywhere."""
    now, aside = now or datetime.now(UTC), aside or Aside()

    async def let_climb(connection: AsyncConnection, found: Sequence[Row[Any]]) -> int:
        climbs = await asyncio.to_thread(lambda: [climb_of(case, page, now) for case in found])
        await _save(connection, climbs, now)
        return sum(bool(each.passed) for each in climbs)

    return await aside.batches("escalation", engine, due(now, batch), let_climb, now, batch)


def due(now: datetime, batch: int) -> Select[Any]:
    """The cases that must climb, the longest overdue first, locked; what others hold is left to them."""
    running = (cases.c.closed_at.is_(None), cases.c.stopped_at.is_(None))
    query = select(cases).where(*running, cases.c.next_rung_at <= now).order_by(cases.c.next_rung_at)
    return query.limit(batch).with_for_update(skip_locked=True)


def climb_of(case: Row[Any], page: Page, now: datetime) -> Climb:
    """Where a case stands by its own clock; what `next_rung_at` said is only why it is looked at.

    A case that the book can't time comes again in an hour: it must not keep the others waiting.
    """
    try:
        return _climb(case, page, now)
    except (KeyError, ValueError) as error:
        log.error("case %s can't climb its ladder: %r", case.code, error)
        return Climb(case, (), case.level, now + AGAIN)


def _climb(case: Row[Any], page: Page, now: datetime) -> Climb:
    term = page.term(clock_of(case), case.kind, case.topic, case.county or "")
    ladder = page.ladder(case.kind, case.topic, case.agency)
    passed, next_rung_at = climb(ladder, term, case.rung, now)
    level = case.level or page.ladders.levels[0]
    for rung in passed:
        level = page.ladders.higher(level, rung.level)
    return Climb(case, passed, level, next_rung_at)


async def _save(connection: AsyncConnection, climbs: Sequence[Climb], now: datetime) -> None:
    idle = [{"its_id": c.case.id, "its_next": c.next_rung_at} for c in climbs if not c.passed]
    if idle:
        await connection.execute(_WAIT, idle)
    moved = [c for c in climbs if c.passed]
    if not moved:
        return
    told = [Told(c.case.id, _cause(c), c.event, _details(c), c.values) for c in moved]
    await tell_all(connection, told, now)
    messages = [
        outbox_row(f"{kind}:{one.cause}", kind, now, {"case": each.case.code} | one.details)
        for each, one in zip(moved, told, strict=True)
        if each.case.member_of is None  # its collective case climbs too, and speaks for all
        for kind in [f"case_{one.event}"]
    ]
    if messages:
        # A key that is there already is this very message: it never leaves twice, and hinders no climb.
        await connection.execute(insert(outbox).on_conflict_do_nothing(index_elements=["key"]), messages)


def _cause(climb: Climb) -> uuid.UUID:
    return uuid.uuid5(climb.case.id, f"{climb.event}:{climb.case.last_seq + 1}")


def _details(climb: Climb) -> dict[str, Any]:
    rung = climb.passed[-1]
    details: dict[str, Any] = {"rung": climb.rung, "name": rung.name, "level": climb.level}
    details |= {"agency": climb.case.agency, "due_at": climb.case.due_at.isoformat()}
    skipped = dict.fromkeys(passed.name for passed in climb.passed[:-1] if passed.name != rung.name)
    return details | ({"skipped": list(skipped)} if skipped else {})


_WAIT = update(cases).where(cases.c.id == bindparam("its_id")).values(next_rung_at=bindparam("its_next"))
