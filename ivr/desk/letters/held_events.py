"""Events of which `notices.yaml` lets some not be written: they wait for the file, however long that takes.

They come again when the file has changed (`release`), and each HELD_FOR. It counts as no attempt. Then they
reach those for whom they waited, and nobody who could not be written to when they happened.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.letters.notices import FILE, AddressedNotice
from ivr.store.tables import cases, outbox, referrals

log = logging.getLogger(__name__)

HELD_FOR = timedelta(minutes=10)  # where nobody saw that the file changed
ANYBODY = frozenset({"citizen", "sms", "email", "webhook"})  # `AddressedNotice.whom`
_WAITS = f"waits for {FILE}: "  # begins `last_error`: the seal covers what an event says


def held_for(reason: str | None) -> frozenset[str]:
    """For whom such an event waits, by that `last_error`. None at all: it was not spread before."""
    if not reason or not reason.startswith(_WAITS):
        return frozenset()
    names, there, _ = reason.removeprefix(f"{_WAITS}for ").partition(": ")
    whom = frozenset(names.split(", "))
    return whom if there and whom <= ANYBODY else ANYBODY  # as releases before this one held it


def why(lacking: Sequence[AddressedNotice]) -> str:
    """For whom it waits, and one sentence of what is wrong with what can't be written to them."""
    whom = sorted({letter.whom for letter in lacking})
    return f"for {', '.join(whom)}: {lacking[0].fault}"


def as_held(reason: str, now: datetime) -> dict[str, Any]:
    """The values of an event that waits. The attempt that its lease counted was none."""
    return {
        "last_error": f"{_WAITS}{reason}",
        "next_at": now + HELD_FOR,
        "attempts": outbox.c.attempts - 1,
    }


def _held() -> tuple[ColumnElement[bool], ...]:
    its = outbox.c
    return its.delivered_at.is_(None), its.dead_at.is_(None), its.last_error.startswith(_WAITS)


async def held(engine: AsyncEngine) -> int:
    """How many wait."""
    async with engine.connect() as connection:
        query = select(func.count()).select_from(outbox).where(*_held())
        return (await connection.execute(query)).scalar_one()


async def release(engine: AsyncEngine, now: datetime) -> None:
    """The file may be mended: they are due at once."""
    async with engine.begin() as connection:
        await connection.execute(update(outbox).where(*_held(), outbox.c.next_at > now).values(next_at=now))


async def gone_elsewhere(connection: AsyncConnection, events: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those that waited and whose case another body has by now than had it then (by its referrals).

    Neither is to be written to: the one has it no more, perhaps must not know of it any more, and what would
    be written is of the case as it is now; to the other it never happened.
    """
    if not events:
        return set()
    # A merge writes no referral: from then on whoever has the other case has this one.
    merged = and_(cases.c.merged_into.is_not(None), outbox.c.created_at >= cases.c.closed_at)
    whose = case((merged, cases.c.merged_into), else_=cases.c.id)
    then = select(referrals.c.agency).where(
        referrals.c.case_id == whose, referrals.c.referred_at <= outbox.c.created_at
    )
    then = then.order_by(referrals.c.referred_at.desc()).limit(1)
    had = then.correlate(cases, outbox).scalar_subquery()
    query = select(outbox.c.id, outbox.c.key, had, cases.c.agency)
    query = query.join(cases, cases.c.code == outbox.c.payload["case"].as_string())
    found = (await connection.execute(query.where(outbox.c.id.in_(events), had != cases.c.agency))).all()
    for _, key, before, now in found:
        log.warning("what waited of %s goes to no body: %s had the case, %s has it", key, before, now)
    return {row.id for row in found}
