"""`python -m bench.figures`: counting the days of many cases, and what a page of figures then takes.

A PostgreSQL of its own with the cases of bench/panel. Exit 1 when a page takes longer than its target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.escalation.books import books, write
from bench.panel.books import fill
from ivr.cases import figures
from ivr.cases.figures import Numbering
from ivr.cases.periods import Grain, period
from ivr.cases.zone import TIMEZONE
from ivr.desk.book.names import called
from ivr.desk.reading import exporting
from ivr.desk.reading.counting import count_days, facts_of
from ivr.desk.reading.figures import Archive, Subject
from ivr.store.figure_days import figure_days
from ivr.web.numbers.asked import FiguresQuery
from ivr.web.numbers.dashboard import WAITS, see
from ivr.web.panel.sheets import Column, Sheet, Workbook

MOST_MS = 200.0  # a page's figures …
MOST_COLD_MS = 500.0  # … when this process has not read its days yet: two years of them for a year
TIMES = 9
EXPORTED = 100_000
SQL = Path(__file__).with_name("events.sql")
PAGES = {
    "month": (Grain.MONTH, Subject()),
    "week": (Grain.WEEK, Subject()),
    "year": (Grain.YEAR, Subject()),
    "month, an agency": (Grain.MONTH, Subject(agency="abfa")),
    "year, a county and a topic": (Grain.YEAR, Subject(county="tabriz", topic="water.supply")),
}


@dataclass
class Result:
    """Milliseconds where not told otherwise. `cold`: the process has read no day yet."""

    cases: int
    days: int
    count_seconds: float
    bytes_a_day: int
    today_ms: float
    pages: dict[str, tuple[float, float]] = field(default_factory=dict)  # cold, warm (median)
    export_seconds: float = 0.0
    export_rows: int = 0
    export_growth_mb: float = 0.0


async def measure(folder: Path, count: int) -> Result:
    now = datetime.now(UTC)
    async with books(folder, "figures") as (engine, page):
        say(f"{count:,} cases …")
        await fill(engine, page, count, now)
        await write(engine, *SQL.read_text(encoding="utf-8").split(";\n"))
        began = time.perf_counter()
        days = await count_days(engine, TIMEZONE, now)
        seconds = time.perf_counter() - began
        say(f"{days} days counted in {seconds:.0f} s")
        async with engine.connect() as connection:
            size = func.avg(func.octet_length(figure_days.c.facts))
            each = int((await connection.execute(select(size))).scalar_one())
            today = now.astimezone(ZoneInfo(TIMEZONE)).date()
            live = await _timed(lambda: facts_of(connection, Numbering(), today, now, TIMEZONE))
        result = Result(count, days, seconds, each, live)
        for name, (grain, subject) in PAGES.items():
            result.pages[name] = await _page(engine, grain, subject, now)
            say(f"  {name}: {result.pages[name][0]:.0f} ms cold, {result.pages[name][1]:.0f} ms warm")
        await _export(engine, folder, now, result)
        return result


async def _page(engine: AsyncEngine, grain: Grain, subject: Subject, now: datetime) -> tuple[float, float]:
    """A finished period and the one before, as the dashboard sees them."""
    today = now.astimezone(ZoneInfo(TIMEZONE)).date()
    span = period(grain, today).before
    asked = FiguresQuery(span, subject, "agency", await called(engine), today, {})
    archive = Archive(engine, lambda: now, TIMEZONE)

    async def once() -> None:
        seen = await see(archive, asked)
        parts = [part.since.toordinal() for part in span.parts()] + [span.until.toordinal()]
        figures.series(seen.facts, parts)
        figures.waits(seen.facts, WAITS)

    cold = await _timed(once)
    return cold, median([await _timed(once) for _ in range(TIMES)])


async def _export(engine: AsyncEngine, folder: Path, now: datetime, result: Result) -> None:
    """So many cases as a workbook."""
    today = now.date()
    taken = exporting.Export(Subject(), today - timedelta(days=1100), today, TIMEZONE, uuid.UUID(int=1))
    columns = [Column(name) for name in ("code", "topic_name", "agency_name", "status")]
    columns += [Column(name, "moment") for name in ("opened_at", "due_at", "answered_at", "closed_at")]
    book = Workbook(folder / "sheet.xlsx", Sheet("bench", columns, ZoneInfo(TIMEZONE)))
    before, began = _memory(), time.perf_counter()
    async for rows in exporting.rows(engine, taken, now):
        book.add([[getattr(row, column.title) for column in columns] for row in rows])
        result.export_rows += len(rows)
        if result.export_rows >= EXPORTED:
            break
    book.close()
    result.export_seconds = time.perf_counter() - began
    result.export_growth_mb = _memory() - before


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return 1000 * (time.perf_counter() - began)


def _memory() -> float:
    """The most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(result: Result) -> None:
    print(
        f"{result.cases:,} cases: {result.days} days counted in {result.count_seconds:.0f} s"
        f" ({1000 * result.count_seconds / max(result.days, 1):.0f} ms a day,"
        f" {result.bytes_a_day / 1000:.0f} kB each), today's part {result.today_ms:.0f} ms"
    )
    for name, (cold, warm) in result.pages.items():
        print(f"  {name:<28} {cold:6.0f} ms cold {warm:6.0f} ms warm")
    print(
        f"  {result.export_rows:,} cases as XLSX in {result.export_seconds:.0f} s,"
        f" memory grew by {result.export_growth_mb:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="20,000 cases")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-fig-", ignore_cleanup_errors=True) as folder:
        result = asyncio.run(measure(Path(folder), 20_000 if asked.quick else asked.cases))
    if asked.json:
        print(json.dumps(asdict(result), indent=2))
    else:
        show(result)
    slow = [
        f"{name} {cold:.0f} ms cold, {warm:.0f} ms warm"
        for name, (cold, warm) in result.pages.items()
        if cold > MOST_COLD_MS or warm > MOST_MS
    ]
    if slow:
        sys.exit(f"missed ({MOST_COLD_MS:g} ms cold, {MOST_MS:g} ms warm): {', '.join(slow)}")


if __name__ == "__main__":
    main()
