"""Many cases of three years, as a province's books would have them, made by PostgreSQL itself.

Most are closed, the young ones open; topics, counties and words are as uneven as in life; what is said comes
from the province's own examples. Everything is a function of a case's number, so that two runs make the same.
"""

from __future__ import annotations

import re
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.escalation.books import SEED, write
from ivr.cases.code import KEY_BYTES, code_for
from ivr.cases.search import words_of
from ivr.cases.zone import TIMEZONE
from ivr.desk.book.book import Page
from ivr.desk.book.seeds import load_seeds
from ivr.desk.book.suggesting import labelled, read_examples
from ivr.desk.keeping import custody
from ivr.desk.reading.counting import count_days
from ivr.desk.trees.step_statistics import count_steps
from ivr.store.code_blocks import BLOCK, TRACKING_KEY
from ivr.store.engine import plain_url

SQL = Path(__file__).with_suffix(".sql")
STORIES = SQL.with_name("stories.sql")
NAME, INTO = re.compile(r"(?<!:):([a-z]+)"), re.compile(r"INSERT INTO (\w+)")
YEARS = 3
GREETING = "سلام خسته نباشید"  # in most of what is said: the most frequent word
RARE = "زرافه"  # in one case of ten thousand, and at least in one
PERSON = uuid.UUID(int=1)  # whose some of the cases are
KEY = bytes(KEY_BYTES)  # of all codes
SAYS_FROM = 100_000  # so many rows take long enough to say how it goes
# All there is, as if it had been sealed in one: without this it would be sealed in the course of the run.
SEAL = """
INSERT INTO custody_seals (seal, previous, root, entries, complete_to, up_to, made_at)
SELECT 1, sha256('previous'), sha256('root'), 0, last_value, last_value, now() FROM custody_numbers
WHERE NOT EXISTS (SELECT FROM custody_seals)
"""
PLACES = 4_096  # of the wheel from which topic and county are drawn


async def fill(
    engine: AsyncEngine, page: Page, count: int, now: datetime, officer: uuid.UUID = PERSON
) -> None:
    """`count` cases with recordings, referrals and entries; indexes are made when the rows are there."""
    async with _filling(engine, "cases", "recordings", "referrals", "inbox_entries") as raw:
        # What is told to callers who come later is none of these.
        await raw.execute(f"UPDATE key_material SET value = $1 WHERE name = '{TRACKING_KEY}'", KEY)
        await raw.execute("SELECT setval('code_blocks_number_seq', $1)", count // BLOCK)
        texts = await _lists(raw, page, count)
        values = {"count": count, "now": now.isoformat(), "officer": officer, "desk": page.rules.desk}
        values |= {
            "days": YEARS * 365,
            "places": PLACES,
            "texts": texts,
            "rare": RARE,
            "stem": min(words_of(RARE)),
        }
        for statement in SQL.read_text(encoding="utf-8").strip().removesuffix(";").split(";\n"):
            began = time.monotonic()
            await raw.execute(_filled(statement, values), timeout=1800)
            if count >= SAYS_FROM and (table := INTO.search(statement)):
                print(f"  {table[1]}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


async def tell(engine: AsyncEngine) -> float:
    """Calls, events and messages of those cases, as the real path writes them. Bytes a case, indexes too."""
    async with _filling(engine, "calls", "case_events", "outbox") as raw:
        for statement in STORIES.read_text(encoding="utf-8").strip().removesuffix(";").split(";\n"):
            await raw.execute(statement, timeout=1800)
    async with engine.connect() as connection:
        return float((await connection.exec_driver_sql(_BYTES_A_CASE)).scalar_one())


async def catch_up(engine: AsyncEngine, lists: Path) -> None:
    """What is done once for each day that is over: books that came at once are three years behind."""
    say("their days are closed and counted …")
    lists.mkdir(parents=True, exist_ok=True)
    await custody.keep(engine, lists)
    await write(engine, SEAL)
    await count_days(engine, TIMEZONE)
    await count_steps(engine, TIMEZONE)


@asynccontextmanager
async def _filling(engine: AsyncEngine, *tables: str) -> AsyncIterator[Any]:
    """A connection past triggers. Indexes that no constraint needs are made when the rows are there."""
    raw: Any = await asyncpg.connect(  # type: ignore[no-untyped-call]
        plain_url(engine.url.render_as_string(hide_password=False))
    )
    try:
        await raw.execute("SET synchronous_commit = off; SET work_mem = '128MB'")
        await raw.execute("SET maintenance_work_mem = '256MB'; SET session_replication_role = replica")
        indexes = await raw.fetch(_INDEXES, tables)
        for index in indexes:
            await raw.execute(f'DROP INDEX "{index["indexname"]}"')
        yield raw
        for index in indexes:
            await raw.execute(index["indexdef"], timeout=1800)
        await raw.execute(f"VACUUM (ANALYZE) {', '.join(tables)}", timeout=1800)
    finally:
        await raw.close()


_BYTES_A_CASE = "SELECT pg_database_size(current_database())::float / count(*) FROM cases"


def _filled(statement: str, values: dict[str, Any]) -> str:
    return NAME.sub(lambda found: str(values[found[1]]), statement)


async def _lists(raw: Any, page: Page, count: int) -> int:
    """What the statements draw from: codes, places of the wheel, texts with their lexemes. How many texts."""
    await raw.execute("CREATE TEMP TABLE codes (n int PRIMARY KEY, code text)")
    await raw.copy_records_to_table("codes", records=_codes(count))
    await raw.execute("CREATE TEMP TABLE wheel (n int PRIMARY KEY, topic text, county text, agency text)")
    await raw.copy_records_to_table("wheel", records=list(_wheel(page)))
    await raw.execute("CREATE TEMP TABLE texts (n int PRIMARY KEY, body text, terms text[])")
    texts = [(n, body, sorted(words_of(body))) for n, body in enumerate(_texts())]
    await raw.copy_records_to_table("texts", records=texts)
    await raw.execute("ANALYZE codes, wheel, texts")
    return len(texts)


def _codes(count: int) -> Iterator[tuple[int, str]]:
    return ((n, code_for(n, KEY)) for n in range(count))


def _wheel(page: Page) -> Iterator[tuple[int, str, str, str]]:
    """The n-th topic and county come up less and less often, none never."""
    topics, counties = sorted(page.deadlines), sorted(page.counties)
    for n in range(PLACES):
        topic = topics[int((n / PLACES) ** 2 * len(topics))]
        county = counties[int((n * 37 % PLACES / PLACES) ** 2 * len(counties))]
        yield n, topic, county, page.rules.route("complaint", topic, county).agency


def _texts() -> Iterator[str]:
    """What callers say, each with and some without a greeting."""
    seeds = load_seeds(SEED)
    said = [example.text for example in read_examples(SEED, seeds)]
    said += [case.text for case in labelled(SEED / "cases.jsonl", seeds)]
    for n, text in enumerate(said):
        yield text if n % 3 == 0 else f"{GREETING} {text}"


_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes i
WHERE schemaname = current_schema() AND tablename = ANY($1::text[])
AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""
