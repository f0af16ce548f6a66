"""`python -m bench.panel`: the inbox over 10,000 and 1,000,000 cases, as real requests to the real panel.

The time of each page from its request to its last byte, sign-in, queries and rendering included; one after
the other, over the smaller and the larger books in turn. Of the larger also the first request when none of
the books is in PostgreSQL's memory (cold; what the operating system keeps of its files stays), and requests
beside fifty callers (beside). Exit 1 when a page takes longer than its target, or grows with the books.
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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from aiohttp import ClientSession, CookieJar
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.agi.building import build_c
from bench.agi.product import calling
from bench.escalation.books import books
from bench.panel.books import fill, tell
from bench.panel.pages import Look, looks
from bench.panel.serving import person, serving, signed_in
from bench.served import publish_menu
from bench.served import serving as serving_calls
from ivr.asterisk.server import prepare_process, settle
from ivr.cases.roles import Role
from ivr.desk.editing.listing import Files
from ivr.desk.reading.inbox import Sight
from ivr.store.tables import cases
from ivr.web.panel.visit import Folders, Panel
from tests.fixtures.database import SEED
from tests.fixtures.province import book_of

MOST_MS = 50.0  # p95 of each page over the larger books
MOST_GROWTH = 2.0  # of a page's median, when the books are a hundred times as large …
LEAST_MS = 4.0  # … beyond a growth that is noise
CALLS_SECONDS = 10.0  # until calls stand at all their steps
COUNTIES = ("ahar", "sarab")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds of one page. `rows`: cases on it. `cpu`: here and in PostgreSQL, on average.

    `beside`: the p95 beside callers; 0: not asked.
    """

    name: str
    rows: int
    p50: float
    p95: float
    cpu: float
    cold: float
    beside: float = 0.0


async def measure(counts: Sequence[int], rounds: int) -> list[tuple[Figure, ...]]:
    """Of each page a figure over each of the books, asked in turn: what else goes on hits both."""
    prepare_process()
    now = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        panels = [await stack.enter_async_context(_panel(count, now)) for count in counts]
        settle()
        found = []
        for looks_alike in zip(*[_looks(panel, now) for panel in panels], strict=True):
            found.append(await _figures(panels, looks_alike, rounds))
        large, few = panels[-1], max(5, rounds // 4)
        async with _callers(large):
            for place, (who, look) in enumerate(_looks(large, now)):
                page = _Asked(large, who, look)
                for _ in range(few):
                    await page.ask()
                found[place] = (*found[place][:-1], replace(found[place][-1], beside=page.figure().p95))
        return found


@asynccontextmanager
async def _callers(panel: Served) -> AsyncIterator[None]:
    """Fifty of them, on an `ivr serve` of the same books."""
    build_c()
    await publish_menu(panel.engine)
    state = panel.server / "state"
    (state / "fallback").mkdir(parents=True)
    async with serving_calls(panel.engine, state) as line, calling(line):
        await asyncio.sleep(CALLS_SECONDS)
        yield


@dataclass(frozen=True, slots=True)
class Served:
    """Books of some size behind a panel. `clients`: by who signed in; `code`, `caller`: of a case."""

    engine: AsyncEngine
    server: Path
    clients: Mapping[str, ClientSession]
    sights: Mapping[str, Sight]
    code: str
    caller: str


@asynccontextmanager
async def _panel(count: int, now: datetime) -> AsyncIterator[Served]:
    with tempfile.TemporaryDirectory(prefix="bench-panel-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with books(folder, "panel") as (engine, page), AsyncExitStack() as stack:
            say(f"{count:,} cases …")
            async with engine.begin() as connection:
                await connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_buffercache"))
            desk = page.rules.desk
            supervisor = await person(engine, Role.SUPERVISOR, now)
            await fill(engine, page, count, now, supervisor.id)
            say(f"{await tell(engine) / 1000:.1f} kB a case")
            agency = await _largest(engine, desk)
            officer = await person(engine, Role.OFFICER, now, agency=agency)
            neighbour = await person(engine, Role.SUPERVISOR, now, areas=COUNTIES)
            people = {"supervisor": supervisor, "officer": officer, "two counties": neighbour}
            panel = Panel(engine, book_of(engine), Folders(folder / "recordings", folder, Files(SEED)))
            url = await stack.enter_async_context(serving(panel))
            clients = {}
            async with engine.begin() as connection:
                for who, somebody in people.items():
                    cookies = {"seda": await signed_in(connection, somebody, now)}
                    client = ClientSession(url, cookie_jar=CookieJar(unsafe=True), cookies=cookies)
                    clients[who] = await stack.enter_async_context(client)
                some = select(cases.c.code, cases.c.caller_key).where(cases.c.channel == "phone")
                some = some.where(cases.c.agency == agency).order_by(cases.c.opened_at.desc()).offset(20)
                case = (await connection.execute(some.limit(1))).one()
            sights = {
                "supervisor": Sight(desk),
                "officer": Sight(agency, agency),
                "two counties": Sight(desk, counties=frozenset(COUNTIES)),
            }
            yield Served(engine, folder, clients, sights, case.code, case.caller_key)


def _looks(served: Served, now: datetime) -> Iterator[tuple[str, Look]]:
    for who, sight in served.sights.items():
        for look in looks(who, sight, now, served.code, served.caller):
            yield who, look


async def _figures(
    panels: Sequence[Served], asked: Sequence[tuple[str, Look]], rounds: int
) -> tuple[Figure, ...]:
    pages = [_Asked(panel, who, look) for panel, (who, look) in zip(panels, asked, strict=True)]
    for page in pages:
        await page.ask_cold()
    for number in range(rounds + 2):
        if number == 2:  # the first two are statements being prepared
            for page in pages:
                page.begin()
        for page in pages:
            await page.ask()
    return tuple(page.figure() for page in pages)


class _Asked:
    """One page over one of the books, asked for again and again."""

    def __init__(self, panel: Served, who: str, look: Look) -> None:
        self.engine, self.client, self.look, self.server = (
            panel.engine,
            panel.clients[who],
            look,
            panel.server,
        )
        self.cold = 0.0
        self.begin()

    def begin(self) -> None:
        self.rows, self.times, self.own, self.base = 0, list[float](), 0.0, _cpu(self.server)

    async def ask(self) -> None:
        own, began = time.process_time(), time.perf_counter()
        async with self.client.get(f"/panel/inbox?{self.look.address}", allow_redirects=False) as answer:
            page = await answer.text()
        self.times.append(1000 * (time.perf_counter() - began))
        self.own += time.process_time() - own
        where = answer.headers.get("Location", "")
        assert self.look.is_shown(answer.status, where), (self.look, answer.status, where)
        self.rows = page.count('data-code="')

    async def ask_cold(self) -> None:
        """Once, with nothing in PostgreSQL's memory."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT pg_buffercache_evict_all()"))
        await self.ask()
        self.cold = self.times[-1]

    def figure(self) -> Figure:
        cpu = 1000 * (self.own + _cpu(self.server) - self.base) / len(self.times)
        p95 = statistics.quantiles(self.times, n=20)[-1]
        return Figure(self.look.name, self.rows, statistics.median(self.times), p95, cpu, self.cold)


def _cpu(folder: Path) -> float:
    """Seconds of CPU that the PostgreSQL of a folder has used."""
    used = 0.0
    for server in (p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"):
        with suppress(psutil.Error):
            if str(folder) in " ".join(server.cmdline()):
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
    heads = ("rows", "p50", "p95", "cpu", "rows", "p50", "p95", "cpu", "cold", "beside", "ratio")
    print(f"{'':52}" + "".join(f"{head:>7}" for head in heads))
    for before, after in zip(small, large, strict=True):
        ratio = after.p50 / before.p50
        print(
            f"{after.name:52}{before.rows:>7}{before.p50:>7.1f}{before.p95:>7.1f}{before.cpu:>7.1f}"
            f"{after.rows:>7}{after.p50:>7.1f}{after.p95:>7.1f}{after.cpu:>7.1f}{after.cold:>7.1f}{after.beside:>7.1f}"
            f"{ratio:>7.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.panel", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="in the larger books")
    parser.add_argument("--rounds", type=int, default=40, help="requests of each page")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="100,000 cases, fewer rounds")
    asked = parser.parse_args()
    count, rounds = (100_000, 8) if asked.quick else (asked.cases, asked.rounds)
    counts = (min(10_000, count), count)
    load = os.getloadavg()[0]
    small, large = zip(*asyncio.run(measure(counts, rounds)), strict=True)
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


if __name__ == "__main__":
    main()
