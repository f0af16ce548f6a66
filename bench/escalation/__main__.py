"""`python -m bench.escalation`: a tenth of many open cases must climb: how fast, none missed, at what growth.

Two tables, one ten times the other, in a PostgreSQL of its own. Exit 1 when a target is missed. However many
they are, only a batch of them is in this process's memory; the figures tell how much that was at most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.escalation.books import books, fill
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import closures
from ivr.store.tables import case_events, outbox
from tests.fixtures.province import read_page

MOST_SECONDS, THEN_DUE = 60.0, 30_000  # for so many due cases of the larger table; for more as much longer
MOST_PROVE_SECONDS = 30.0  # a tenth of the time from one proof to the next
MOST_HALT_MS = 20.0  # of the event loop by the proof, which runs beside calls
MOST_GROWTH = 1.5  # of the cost per due case, when the table is ten times as large; a busy machine's noise


@dataclass
class Result:
    """Seconds of wall clock; `cpu_ms` of this process for each due case, PostgreSQL's apart."""

    open: int
    due: int
    climbed: int
    events: int
    messages: int
    alarms: int
    sweep_seconds: float
    cpu_ms: float
    prove_seconds: float
    prove_halt_ms: float
    retimed: int
    retime_seconds: float
    peak_mb: float

    @property
    def ms(self) -> float:
        return 1000 * self.sweep_seconds / self.due


async def measure(folder: Path, count: int, due: int, workers: int) -> Result:
    now = datetime.now(UTC)
    async with books(folder, f"bench{count}") as (engine, page):
        say(f"{count:,} open cases, {due:,} of them due …")
        await fill(engine, page, count, due, now)
        began, cpu = time.perf_counter(), _cpu()
        climbed = sum(await asyncio.gather(*(sweep(engine, page, now) for _ in range(workers))))
        swept, cpu = time.perf_counter() - began, _cpu() - cpu
        began = time.perf_counter()
        async with halts() as longest:
            alarms = await prove(engine, page, now + GRACE)
        proved = time.perf_counter() - began
        for alarm in alarms:
            say(str(alarm))
        climbs = case_events.c.event.in_(["reminded", "escalated"])
        events = await _count(engine, select(func.count()).where(climbs))
        messages = await _count(engine, select(func.count()).select_from(outbox))
        retimed, seconds = await _closure(engine, page, now)
        return Result(
            *(count, due, climbed, events, messages, len(alarms)),
            *(swept, 1000 * cpu / due, proved, 1000 * max(longest), retimed, seconds),
            peak_mb=_peak_mb(),
        )


@asynccontextmanager
async def halts() -> AsyncIterator[list[float]]:
    """For how many seconds the event loop, and so every call, had no turn: each time it came late."""
    found = [0.0]

    async def look() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(0.001)
            found.append(time.perf_counter() - asked - 0.001)

    looking = asyncio.create_task(look())
    try:
        yield found
    finally:
        looking.cancel()


async def _closure(engine: AsyncEngine, page: Page, now: datetime) -> tuple[int, float]:
    """A county closes on its next working day: how many deadlines move, in what time."""
    day = page.calendar.due_at(now, 1, "tabriz").date()
    await closures.declare(engine, page, Actor("bench", Side.DESK), day, "tabriz", "snow", now)
    async with engine.connect() as connection:
        fresh = await read_page(connection)
    began = time.perf_counter()
    return await retime(engine, fresh, now), time.perf_counter() - began


async def _count(engine: AsyncEngine, query: object) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(query)).scalar_one())  # type: ignore[call-overload]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def missed(small: Result, large: Result) -> list[str]:
    found = []
    for result in (small, large):
        if not result.due == result.climbed == result.events == result.messages or result.alarms:
            found.append(f"{result.open:,} cases: {result.climbed:,} of {result.due:,} climbed")
    if large.sweep_seconds > (most := MOST_SECONDS * max(1.0, large.due / THEN_DUE)):
        found.append(f"the sweep took {large.sweep_seconds:.1f} s > {most:g} s")
    if large.prove_seconds > MOST_PROVE_SECONDS:
        found.append(f"the proof took {large.prove_seconds:.1f} s > {MOST_PROVE_SECONDS:g} s")
    if large.prove_halt_ms > MOST_HALT_MS:
        found.append(f"the proof halted every call for {large.prove_halt_ms:.0f} ms > {MOST_HALT_MS:g} ms")
    if large.ms > MOST_GROWTH * small.ms:
        found.append(f"a due case costs {large.ms:.2f} ms, {small.ms:.2f} ms in a table of a tenth")
    return found


def show(result: Result) -> None:
    print(
        f"{result.open:>9,} open {result.due:>7,} due  swept in {result.sweep_seconds:6.1f} s"
        f"  {result.ms:.2f} ms a case ({result.cpu_ms:.2f} ms our CPU)"
        f"  proved in {result.prove_seconds:.1f} s, halting calls for {result.prove_halt_ms:.0f} ms"
        f"  closure: {result.retimed:,} deadlines moved in {result.retime_seconds:.1f} s"
        f"  at most {result.peak_mb:.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.escalation", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="open cases in the larger table")
    parser.add_argument("--due", type=int, default=0, help="of them due; a tenth if not given")
    parser.add_argument("--workers", type=int, default=1, help="sweeps at once")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="20,000 cases")
    asked = parser.parse_args()
    count = 20_000 if asked.quick else asked.cases
    due = asked.due or count // 10
    results = []
    for size, late in ((count // 10, min(due, count // 10)), (count, due)):
        with tempfile.TemporaryDirectory(prefix="bench-esc-", ignore_cleanup_errors=True) as folder:
            results.append(asyncio.run(measure(Path(folder), size, late, asked.workers)))
        if not asked.json:
            show(results[-1])
    if asked.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    if mistakes := missed(*results):
        sys.exit(f"missed: {'; '.join(mistakes)}")


if __name__ == "__main__":
    main()
