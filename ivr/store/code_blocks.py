"""Where tracking codes come from: leased blocks of sequence numbers, the key, and who guessed wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Pool,
    Row,
    Sequence,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store import copying
from ivr.store.base import metadata, moment
from ivr.store.engine import make_engine

BLOCK = 10_000  # sequence numbers in one lease
DESK_FIRST = 890_000_000  # from here up the desk takes numbers one by one
# After a restore: more than any hotline gives out between a backup and the day when it is needed. There is
# room for some 180 restores.
SKIPPED_BLOCKS, SKIPPED_NUMBERS = 500, 50_000
# Of those of one past each begins so far behind the one before: between where that one's life goes on after
# two turns and after three.
APART_BLOCKS, APART_NUMBERS = 125, 12_500
# Whenever another server took over, lagging or not: less, for there may be such a day every week. So many
# for each timeline since numbers were last given: a past's second server begins elsewhere than its first.
TURNED_BLOCKS, TURNED_NUMBERS = 50, 5_000
MOST_TURNS = 100  # a timeline far ahead is another installation's; room is left for all that is to come
# No block: `used` of this row is PostgreSQL's timeline on which numbers were last given, `holder` in which
# database.
TIMELINE = -1
TRACKING_KEY = "tracking_code"

# Block n holds the sequence numbers n*BLOCK … n*BLOCK+BLOCK-1; never handed out twice. One row is TIMELINE.
code_blocks = Table(
    "code_blocks",
    metadata,
    Column(
        "number",
        BigInteger,
        Identity(always=True, start=0, minvalue=0, maxvalue=DESK_FIRST // BLOCK - 1),
        primary_key=True,
    ),
    Column("holder", Text, nullable=False),
    moment("leased_at"),
    # How many of its numbers may have been given, as its holder told: it only grows.
    Column("used", Integer, nullable=False, server_default="0"),
)
desk_numbers = Sequence("desk_numbers", metadata=metadata, start=DESK_FIRST, maxvalue=899_999_999)

key_material = Table(
    "key_material",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    moment("made_at"),
)

code_misses = Table(
    "code_misses",
    metadata,
    Column("caller_key", Text, nullable=False),
    moment("at"),
    Index(None, "caller_key", "at"),
)


_BLOCKS = f"{code_blocks.name}_number_seq"
_HOLD = text(
    f"INSERT INTO {code_blocks.name} (number, holder, leased_at) OVERRIDING SYSTEM VALUE "
    "SELECT number, :holder, now() FROM unnest(CAST(:numbers AS bigint[])) AS number ON CONFLICT DO NOTHING"
)
_LAST = text(
    f"SELECT (SELECT last_value FROM {_BLOCKS}) AS given, "
    f"(SELECT last_value FROM {desk_numbers.name}) AS desk, "
    f"(SELECT coalesce(max(number), 0) FROM {code_blocks.name}) AS known"
)
# The service's role may take from a sequence, not set it.
_SKIP = text("SELECT max(nextval(CAST(:name AS regclass))) FROM generate_series(1, :many)")
# Each promotion begins another timeline, a fail-over's as a point-in-time restore's; the log's name tells it.
_NOW = "CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS bit(32)) AS integer)"
# What was dumped and taken in elsewhere keeps the row, and most databases are on timeline 1.
# So the name holds the server's, the database's and the table's: `pg_restore --clean` makes that anew.
_MAY_ASK = text(copying.MAY_ASK)
_HERE = text(
    "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), oid, "
    f"CAST('{code_blocks.name}' AS regclass)::oid) FROM pg_database WHERE datname = current_database()"
)
_TURNED = text(
    f"SELECT NOT EXISTS (SELECT FROM {code_blocks.name} WHERE number = {TIMELINE} AND used = {_NOW} "
    "AND (CAST(:here AS text) = '' OR holder = :here))"
)
# The inner SELECTs see the row as it was.
_TURN = text(
    f"INSERT INTO {code_blocks.name} AS its (number, holder, leased_at, used) OVERRIDING SYSTEM VALUE "
    f"VALUES ({TIMELINE}, :here, now(), {_NOW}) ON CONFLICT (number) DO UPDATE "
    "SET used = excluded.used, holder = coalesce(nullif(excluded.holder, ''), its.holder), leased_at = now() "
    "WHERE its.used <> excluded.used OR excluded.holder NOT IN ('', its.holder) RETURNING "
    f"(SELECT is_called FROM {_BLOCKS}) OR (SELECT is_called FROM {desk_numbers.name}) AS given, "
    f"its.used - (SELECT used FROM {code_blocks.name} WHERE number = {TIMELINE}) AS turns, "
    f"(SELECT holder FROM {code_blocks.name} WHERE number = {TIMELINE}) AS was"
)
_turning: WeakKeyDictionary[Pool, asyncio.Lock] = WeakKeyDictionary()


async def tracking_key(connection: AsyncConnection) -> bytes:
    """The key of all tracking codes; made once by `ivr.store.schema.upgrade`."""
    query = select(key_material.c.value).where(key_material.c.name == TRACKING_KEY)
    return bytes((await connection.execute(query)).scalar_one())


async def lease(connection: AsyncConnection, holder: str) -> int:
    """The first sequence number of a fresh block."""
    await _notice_turn(connection)
    row = insert(code_blocks).values(holder=holder, leased_at=func.now()).returning(code_blocks.c.number)
    return int((await connection.execute(row)).scalar_one()) * BLOCK


async def tell_used(connection: AsyncConnection, far: dict[int, int]) -> None:
    """Block → how many of its numbers may have been given."""
    its = code_blocks.c
    for number, used in far.items():
        more = func.greatest(its.used, used)
        await connection.execute(update(code_blocks).where(its.number == number).values(used=more))


async def used(connection: AsyncConnection, numbers: Collection[int]) -> dict[int, int]:
    """What was told of these blocks."""
    its = code_blocks.c
    rows = await connection.execute(select(its.number, its.used).where(its.number.in_(numbers)))
    return {row.number: row.used for row in rows}


async def hold(connection: AsyncConnection, holder: str, numbers: Collection[int]) -> None:
    """These blocks are in use, whether the database was told so before or has forgotten it."""
    await connection.execute(_HOLD, {"holder": holder, "numbers": [*numbers]})


async def skip(connection: AsyncConnection) -> None:
    """This database went back in time: what it gave out since is not given again. Twice is as once."""
    last = (await connection.execute(_LAST)).one()
    if last.given >= last.known + SKIPPED_BLOCKS:
        return
    await _skip(connection, last, SKIPPED_BLOCKS, SKIPPED_NUMBERS)


async def _notice_turn(connection: AsyncConnection) -> None:
    """What the server before this one gave and this one never heard of is not given again.

    Before any number: whoever finds that facts are missing (`skip`) comes later, or, where none is, never.
    """
    here = {"here": await _here(connection)}

    async def turned() -> bool:
        return bool((await connection.execute(_TURNED, here)).scalar_one())

    if not await turned():
        return
    # A transaction of its own: numbers that are passed over stay so though the caller's is undone, and nobody
    # waits for the row until that ends. Not of the caller's pool, all of which may be held by who waits here.
    engine = connection.engine
    async with _turning.setdefault(engine.pool, asyncio.Lock()):  # one connection more, not one for each
        if not await turned():  # who had the lock before has seen to it
            return
        url = engine.url.render_as_string(hide_password=False)
        one = make_engine(url, pool=1, isolation_level="READ COMMITTED")  # whatever the database's own is
        try:
            async with one.begin() as own:
                await _turn(own)
        finally:
            await one.dispose()


async def begin_here(connection: AsyncConnection) -> None:
    """Whoever restored has passed over enough: that this is another server is nothing to notice any more."""
    await connection.execute(_TURN, {"here": await _here(connection)})


async def _here(connection: AsyncConnection) -> str:
    """Which database of which server; "" where we may not ask. Not kept: a pooler may lead elsewhere."""
    if not (await connection.execute(_MAY_ASK)).scalar_one():
        return ""
    return str((await connection.execute(_HERE)).scalar_one())


async def _turn(connection: AsyncConnection) -> None:
    # Who comes second waits for the first and gets no row; of a new database nobody was given a number.
    here = await _here(connection)
    its = (await connection.execute(_TURN, {"here": here})).one_or_none()
    if its is None or not its.given:
        return
    last = (await connection.execute(_LAST)).one()
    if here and "/" in (its.was or "") and its.was != here:  # a restore, by whatever means
        await _skip(connection, last, SKIPPED_BLOCKS, SKIPPED_NUMBERS)
        return
    turns = min(max(1, its.turns or 1), MOST_TURNS)  # a restored backup's may be lower than was noted
    await _skip(connection, last, turns * TURNED_BLOCKS, turns * TURNED_NUMBERS)


async def _skip(connection: AsyncConnection, last: Row[Any], blocks: int, numbers: int) -> None:
    identity = code_blocks.c.number.identity
    assert identity is not None and identity.maxvalue is not None and desk_numbers.maxvalue is not None
    for name, many, most in (
        (_BLOCKS, blocks, identity.maxvalue - last.given),
        (desk_numbers.name, numbers, desk_numbers.maxvalue - last.desk),
    ):
        await connection.execute(_SKIP, {"name": name, "many": max(0, min(many, most))})


async def next_desk_number(connection: AsyncConnection) -> int:
    """A single number for a case that opens while the database is there."""
    await _notice_turn(connection)
    return int((await connection.execute(select(desk_numbers.next_value()))).scalar_one())


def fingerprint(key: bytes) -> str:
    """Which hotline's codes these are; it tells nothing of the key."""
    return blake2b(key, digest_size=8).hexdigest()


def after_restore(last: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """Where these two sequences of a backup go on, so that no code is given out twice.

    What was promised after the backup, from the blocks leased until then or from later ones, is not in it.
    `before`: where the furthest of earlier restores began; what was given after that is not in it either.
    """
    identity, numbers = code_blocks.c.number.identity, desk_numbers
    assert identity is not None and identity.maxvalue is not None and numbers.maxvalue is not None
    blocks = (_BLOCKS, 0, SKIPPED_BLOCKS, APART_BLOCKS, identity.maxvalue)
    desk = (numbers.name, DESK_FIRST, SKIPPED_NUMBERS, APART_NUMBERS, numbers.maxvalue)
    begins = {}
    for name, first, skipped, apart, most in (blocks, desk):
        begins[name] = min(last.get(name, first) + skipped, most)
        if begins[name] < before.get(name, 0) + apart < most:  # beyond, they would be at their end at once
            begins[name] = before[name] + apart
    return begins
