"""How often something may be tried: counted in one statement, so it holds across all processes.

What was counted while a clock was ahead is over once that is set right, not when its time comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import ColumnElement, case, delete, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.refusals import Refused
from ivr.store.clocks import FAR, NEAR
from ivr.store.old_rows import forget_older
from ivr.store.tables import attempts

LONGEST_KEY = 200
KEPT = timedelta(days=1)  # no limit that the code sets counts for longer
PROOF_GOOD_FOR = timedelta(minutes=10)  # an answered sum, a solved puzzle


class TooOften(Refused):
    """It was tried too often. `until`: when it may be tried again."""

    def __init__(self, until: datetime) -> None:
        super().__init__("it was tried too often")
        self.until = until


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` tries within `within` from the first of them."""

    most: int
    within: timedelta


_ONCE = Limit(1, 2 * PROOF_GOOD_FOR)


async def count(connection: AsyncConnection, key: str, limit: Limit, now: datetime) -> datetime | None:
    """One more try of `key`, like "address/192.0.2.7". None: go on; else until when it may not be tried."""
    its, key = attempts.c, key[:LONGEST_KEY]
    over = or_(its.since <= now - limit.within, is_ahead(its.since, now))
    counted = insert(attempts).values(key=key, since=now, many=1)
    counted = counted.on_conflict_do_update(
        index_elements=[its.key],
        set_={
            "many": case((over, literal(1)), else_=its.many + 1),
            "since": case((over, now), else_=its.since),
        },
    )
    row = (await connection.execute(counted.returning(its.since, its.many))).one()
    return row.since + limit.within if row.many > limit.most else None


async def spent(connection: AsyncConnection, key: str, limit: Limit, now: datetime) -> datetime | None:
    """As `count`, without trying: None, or until when."""
    its = attempts.c
    query = select(its.since).where(its.key == key[:LONGEST_KEY], its.many >= limit.most)
    query = query.where(its.since > now - limit.within, ~is_ahead(its.since, now))
    since = (await connection.execute(query)).scalar()
    return since and since + limit.within


async def tried(connection: AsyncConnection, key: str, limit: Limit, now: datetime) -> int:
    """How many tries are counted, which those over the limit are as well."""
    its = attempts.c
    query = select(its.many).where(its.key == key[:LONGEST_KEY], its.since > now - limit.within)
    return (await connection.execute(query.where(~is_ahead(its.since, now)))).scalar() or 0


async def give_back(connection: AsyncConnection, key: str) -> None:
    """One try that turned out right, or was not made, is no try."""
    its = attempts.c
    fewer = update(attempts).where(its.key == key[:LONGEST_KEY], its.many > 0)
    await connection.execute(fewer.values(many=its.many - 1))


async def forgive(connection: AsyncConnection, key: str) -> None:
    """As if it had never been tried, nor what is counted below it: "name/…/signed-in" with "name/…"."""
    key = key[:LONGEST_KEY]
    below = attempts.c.key.startswith(f"{key}/", autoescape=True)
    await connection.execute(delete(attempts).where((attempts.c.key == key) | below))


def is_ahead(moment: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether that was noted by a clock that was ahead: servers' differ by less."""
    return moment > now + FAR


def source_of(address: str) -> str:
    """What is one source for limits: an address, of IPv6 a household's network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address


def is_in_time(made: int, now: datetime) -> bool:
    """Whether a proof that we gave out then, in seconds since 1970, is still good."""
    apart = 2 * NEAR.total_seconds()  # the clocks of two servers
    return -apart <= now.timestamp() - made + 1 <= PROOF_GOOD_FOR.total_seconds()


async def is_first(connection: AsyncConnection, proof: str, now: datetime) -> bool:
    """Whether it is used for the first time, which it is by this."""
    return await count(connection, proof, _ONCE, now) is None


async def forget(engine: AsyncEngine, now: datetime, longest: timedelta = KEPT) -> int:
    """What was tried so long ago that no limit counts it; how many. `longest`: of those that people set."""
    async with engine.begin() as connection:
        await connection.execute(delete(attempts).where(is_ahead(attempts.c.since, now)))
    return await forget_older(engine, attempts, "since", now - max(KEPT, longest))
