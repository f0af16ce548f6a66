"""A citizen follows her case by its code, without signing in: what 111 → 6 would tell, and nothing about her.

A code that is no code takes the same way as one that is nobody's. Each address may ask so often, and all of
them together may miss so often: with a million cases in the books a well-formed guess hits one in 900 times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.statuses import OPEN, Status
from ivr.desk import limiting
from ivr.desk.limiting import Limit, TooOften
from ivr.store.tables import agencies, cases

LOOKS = Limit(30, timedelta(minutes=10))  # of one address
MISSES = Limit(300, timedelta(minutes=10))  # of all addresses
_ALL = "track"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a case stands. `answer`: the last that was given; `voiced`: spoken, to be heard by telephone.

    `due_at`: only while an answer is owed.
    """

    code: str
    status: Status
    agency: str
    answer: str
    voiced: bool
    due_at: datetime | None
    overdue: bool


async def track(engine: AsyncEngine, code: str, address: str, now: datetime) -> Tracked | None:
    """None when the code is nobody's, or no code at all. Raises TooOften."""
    async with engine.begin() as connection:
        until = await limiting.count(connection, f"{_ALL}/{_network(address)}", LOOKS, now)
        until = until or await limiting.spent(connection, _ALL, MISSES, now)
        found = None if until else await _find(connection, code[:_LONGEST], now)
        if found is None and not until:
            await limiting.count(connection, _ALL, MISSES, now)
    if until:
        raise TooOften(until)
    return found


async def _find(connection: AsyncConnection, code: str, now: datetime) -> Tracked | None:
    its = cases.c
    query = select(its.code, its.status, its.answer, its.answer_voice, its.due_at, agencies.c.name)
    query = query.join(agencies, agencies.c.code == its.agency).where(its.code == code)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    status, told = Status(row.status), bool(row.answer or row.answer_voice)
    owed = status in OPEN and not told
    return Tracked(
        row.code,
        status,
        row.name,
        row.answer,
        bool(row.answer_voice),
        row.due_at if owed else None,
        owed and row.due_at < now,
    )


def _network(address: str) -> str:
    """A household's IPv6 addresses are one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address
