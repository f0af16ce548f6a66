"""`python -m bench.panel`: the inbox over 10,000 and 1,000,000 cases, as real requests to the real panel.

The time of each page from its request to its last byte, sign-in, queries and rendering included; one after
the other. Exit 1 when a page takes longer than its target, or grows with the books.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from aiohttp import ClientSession, CookieJar
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.escalation.books import books
from bench.panel.books import fill
from bench.panel.pages import Look, looks
from bench.panel.serving import person, serving, signed_in
from ivr.cases.roles import Role
from ivr.desk import people
from ivr.desk.book import Book
from ivr.desk.book import Page as Reading
from ivr.desk.inbox import Sight
from ivr.store.tables import cases
from ivr.web.panel.visit import Panel

MOST_MS = 50.0  # p95 of each page over the larger books
MOST_GROWTH = 2.0  # of a page's median, when the books are a hundred times as large …
LEAST_MS = 4.0  # … beyond a growth that is noise
COUNTIES = ("ahar", "sarab")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds of one page. `rows`: cases on it. `cpu`: here and in PostgreSQL, on average."""

    name: str
    rows: int
    p50: float
    p95: float
    cpu: float


async def measure(count: int, rounds: int) -> list[Figure]:
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="bench-panel-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        async with books(Path(folder), "panel") as (engine, page):
            _say(f"{count:,} cases …")
            supervisor = await person(engine, Role.SUPERVISOR, now)
            await fill(engine, page, count, now, supervisor.id)
            panel = Panel(engine, Book(engine), Path(folder) / "recordings", state=Path(folder))
            async with serving(panel) as url:
                return [figure async for figure in _figures(engine, page, url, supervisor, now, rounds)]


async def _figures(
    engine: AsyncEngine, page: Reading, url: str, supervisor: people.Person, now: datetime, rounds: int
) -> AsyncIterator[Figure]:
    desk = Sight(page.rules.desk)
    agency = await _largest(engine, page.rules.desk)
    officer = await person(engine, Role.OFFICER, now, agency=agency)
    neighbour = await person(engine, Role.SUPERVISOR, now, areas=COUNTIES)
    three = (
        ("supervisor", supervisor, desk),
        ("officer", officer, Sight(agency, agency)),
        ("two counties", neighbour, replace(desk, counties=frozenset(COUNTIES))),
    )
    for who, somebody, sight in three:
        async with engine.begin() as connection:
            token = await signed_in(connection, somebody, now)
            some = select(cases.c.code, cases.c.caller_key).where(cases.c.channel == "phone")
            some = some.where(cases.c.agency == agency).order_by(cases.c.opened_at.desc()).offset(20).limit(1)
            case = (await connection.execute(some)).one()
        jar = CookieJar(unsafe=True)
        async with ClientSession(url, cookie_jar=jar, cookies={"seda": token}) as client:
            for look in looks(who, sight, now, case.code, case.caller_key):
                yield await _figure(client, look, rounds)


async def _figure(client: ClientSession, look: Look, rounds: int) -> Figure:
    times: list[float] = []
    rows, cpu = 0, 0.0
    for number in range(rounds + 2):
        if number == 2:  # the first two are statements being prepared
            times, cpu = [], _cpu()
        began = time.perf_counter()
        async with client.get(f"/panel/inbox?{look.address}") as answer:
            text = await answer.text()
            took = 1000 * (time.perf_counter() - began)
        assert answer.status == 200, (look, answer.status)
        rows = text.count('data-code="')
        times.append(took)
    cpu = 1000 * (_cpu() - cpu) / rounds
    return Figure(look.name, rows, statistics.median(times), statistics.quantiles(times, n=20)[-1], cpu)


def _cpu() -> float:
    """Seconds of CPU that this process and its PostgreSQL have used; on a busy machine a fairer measure."""
    servers = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"]
    used = time.process_time()
    for server in servers:
        with suppress(psutil.Error):
            if "bench-panel-" in " ".join(server.cmdline()):
                used += sum(sum(c.cpu_times()[:2]) for c in server.children()) + sum(server.cpu_times()[:2])
    return used


async def _largest(engine: AsyncEngine, desk: str) -> str:
    query = select(cases.c.agency).where(cases.c.agency != desk).group_by(cases.c.agency)
    async with engine.connect() as connection:
        found = await connection.execute(query.order_by(func.count().desc()).limit(1))
        return str(found.scalar_one())


def missed(small: Sequence[Figure], large: Sequence[Figure]) -> list[str]:
    found = []
    for before, after in zip(small, large, strict=True):
        if after.p95 > MOST_MS:
            found.append(f"{after.name}: p95 {after.p95:.0f} ms > {MOST_MS:g} ms")
        if after.p50 > MOST_GROWTH * before.p50 and after.p50 - before.p50 > LEAST_MS:
            found.append(f"{after.name}: {after.p50 / before.p50:.1f} times the time of the smaller books")
    return found


def show(counts: Sequence[int], small: Sequence[Figure], large: Sequence[Figure]) -> None:
    few, many = (f"{count:,}" for count in counts)
    print(f"{'ms':62}{few:>14}{many:>32}")
    print(
        f"{'':52}{'rows':>6}{'p50':>7}{'p95':>7}{'cpu':>7}{'rows':>6}{'p50':>7}{'p95':>7}{'cpu':>7}{'ratio':>7}"
    )
    for before, after in zip(small, large, strict=True):
        ratio = after.p50 / before.p50
        print(
            f"{after.name:52}{before.rows:>6}{before.p50:>7.1f}{before.p95:>7.1f}{before.cpu:>7.1f}"
            f"{after.rows:>6}{after.p50:>7.1f}{after.p95:>7.1f}{after.cpu:>7.1f}{ratio:>7.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.panel", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="in the larger books")
    parser.add_argument("--rounds", type=int, default=25, help="requests of each page")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="100,000 cases, fewer rounds")
    asked = parser.parse_args()
    count, rounds = (100_000, 8) if asked.quick else (asked.cases, asked.rounds)
    counts = (min(10_000, count), count)
    load = os.getloadavg()[0]
    small, large = (asyncio.run(measure(size, rounds)) for size in counts)
    if asked.json:
        print(
            json.dumps(
                {str(n): [asdict(f) for f in fs] for n, fs in zip(counts, (small, large), strict=True)}
            )
        )
    else:
        show(counts, small, large)
        print(
            f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
        )
    if mistakes := missed(small, large):
        sys.exit(f"missed: {'; '.join(mistakes)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
