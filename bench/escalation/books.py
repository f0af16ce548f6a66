"""Many open cases in a PostgreSQL of the bench's own, by COPY."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.clock import Clock
from ivr.cases.escalation import next_at
from ivr.desk.book.book import Page
from ivr.desk.editing.seeding import seed
from ivr.lab import postgres
from ivr.settings import ROOT
from ivr.store import schema
from ivr.store.engine import async_url, make_engine, plain_url
from tests.fixtures.province import read_page

SEED = ROOT / "db" / "seed" / "east-azerbaijan"
AT_ONCE = 20_000  # rows of one COPY
HASH = bytes(range(32))  # of the events before; only its length matters here
CASES = (
    *("id", "code", "kind", "topic", "county", "agency", "status", "channel", "language", "caller"),
    *("caller_key", "caller_name", "callback", "national_id", "opened_at", "due_at", "last_seq"),
    *("rung", "level", "next_rung_at", "timed_by"),
)
REFERRALS = ("id", "case_id", "agency", "reason", "referred_at", "due_at")
EVENTS = ("id", "case_id", "seq", "at", "actor", "event", "details", "state", "previous", "hash")


@asynccontextmanager
async def books(folder: Path, name: str) -> AsyncIterator[tuple[AsyncEngine, Page]]:
    """A seeded database of its own, with the settings of the lab's server; the one that is there, if any."""
    folder.chmod(0o755)  # as root the server runs as a user of its own
    server = postgres.start(folder)
    try:
        raw: Any = await asyncpg.connect(plain_url(server.url))  # type: ignore[no-untyped-call]
        if not await raw.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await raw.execute(f'CREATE DATABASE "{name}"')
        await raw.close()
        url = make_url(async_url(server.url)).set(database=name).render_as_string(hide_password=False)
        await schema.upgrade(url)
        engine = make_engine(url)
        await seed(engine, SEED)
        async with engine.connect() as connection:
            page = await read_page(connection)
        yield engine, page
        await engine.dispose()
    finally:
        server.stop()


async def write(engine: AsyncEngine, *statements: str) -> None:
    """One after the other, without triggers and unflushed."""
    raw: Any = await asyncpg.connect(  # type: ignore[no-untyped-call]
        plain_url(engine.url.render_as_string(hide_password=False))
    )
    await raw.execute("SET synchronous_commit = off; SET session_replication_role = replica")
    for statement in statements:
        await raw.execute(statement, timeout=1800)
    await raw.close()


async def fill(engine: AsyncEngine, page: Page, count: int, due: int, now: datetime) -> None:
    """`count` open cases of every topic and county, `due` of which must climb at `now`; AT_ONCE in memory."""
    rows = _rows(page, count, due, now)
    raw: Any = await asyncpg.connect(  # type: ignore[no-untyped-call]
        plain_url(engine.url.render_as_string(hide_password=False))
    )
    while part := list(islice(rows, AT_ONCE)):
        await raw.copy_records_to_table("cases", columns=CASES, records=part)
        await raw.copy_records_to_table("referrals", columns=REFERRALS, records=[_referral(r) for r in part])
        await raw.copy_records_to_table(
            "case_events", columns=EVENTS, records=[e for r in part for e in _events(r)]
        )
    await raw.execute("VACUUM (ANALYZE) cases, referrals, case_events")
    await raw.close()


def _rows(page: Page, count: int, due: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    """Every `count / due`th is old; the others were opened today."""
    kinds = list(_kinds(page, now))
    every = count // due
    for number, (old, young) in enumerate(islice(cycle(kinds), count)):
        late = number % every == 0 and number // every < due
        yield (uuid.uuid4(), f"{number:010}", *(old if late else young))


def _kinds(page: Page, now: datetime) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """For each topic and county, old cases on several rungs and a young one."""
    topics, counties = sorted(page.deadlines), sorted(page.counties)
    for number in range(len(topics) * len(counties)):
        topic, county = topics[number % len(topics)], counties[number % len(counties)]
        agency = page.rules.route("complaint", topic, county).agency
        ladder = page.ladder("complaint", topic, agency)
        rung = number % (len(ladder.rungs) - 1)
        long_ago = now - timedelta(days=60 + number % 40)
        yield tuple(
            _case(page, topic, county, agency, climbed, opened)
            for climbed, opened in ((rung, long_ago), (0, now - timedelta(minutes=number % 500)))
        )  # type: ignore[misc]


def _case(page: Page, topic: str, county: str, agency: str, rung: int, opened: datetime) -> tuple[Any, ...]:
    term = page.term(Clock(opened), "complaint", topic, county)
    ladder = page.ladder("complaint", topic, agency)
    level = ladder.rungs[rung - 1].level if rung else page.ladders.levels[0]
    return (
        *("complaint", topic, county, agency, "referred", "phone", "fa", "09140000000"),
        *("+989140000000", "", "", "", opened, term.due_at, 2),
        *(rung, level, next_at(ladder, term, rung), page.revision),
    )


def _referral(row: tuple[Any, ...]) -> tuple[Any, ...]:
    opened, due_at = row[CASES.index("opened_at")], row[CASES.index("due_at")]
    return (uuid.uuid4(), row[0], row[CASES.index("agency")], "rule", opened, due_at)


def _events(row: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    opened, rung = row[CASES.index("opened_at")], row[CASES.index("rung")]
    for seq, event in ((1, "opened"), (2, "referred")):
        details = json.dumps({"rung": rung} if seq == 2 and rung else {})
        yield (uuid.uuid4(), row[0], seq, opened, "ivr", event, details, HASH, HASH, HASH)
