"""`python -m bench.painting`: from the click on a link to the painted page, in a real Chromium.

A panel over 10,000 cases in a PostgreSQL of its own. Every page is clicked in turn, a bare static page of the
same server too; the times are the browser's own: from the click to the answer's last byte, to the first
contentful paint, and to the second frame after `load`, when all is there. Exit 1 when a page takes
200 ms longer than the bare one, which on a busy machine says more of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from playwright.async_api import BrowserContext, Page, async_playwright
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.escalation.books import SEED, books
from bench.panel.books import fill
from bench.panel.serving import person, serving, signed_in
from ivr.cases.roles import Role
from ivr.cases.zone import TIMEZONE
from ivr.desk.editing.listing import Files
from ivr.desk.reading.counting import count_days
from ivr.lab.browser import FLAGS, chromium
from ivr.store.tables import cases
from ivr.web.panel.visit import Folders, Panel
from tests.fixtures.province import book_of

MOST_MS = 200.0
BARE = "a bare static page"
STATIC = "<!doctype html><html lang=fa dir=rtl><meta charset=utf-8><title>111</title><h1>111</h1>"
# In every page: when a link was clicked, and how long after it the next page was painted.
CLOCK = """
const moment = () => performance.timeOrigin + performance.now();
addEventListener("click", () => sessionStorage.setItem("clicked", moment()), true);
const since = performance.timeOrigin - Number(sessionStorage.getItem("clicked"));
const times = {};
const note = (name, at) => {
  times[name] = since + at;
  if (times.first && times.painted) {
    const [came] = performance.getEntriesByType("navigation");
    window.painted = [since + came.responseEnd, times.first, times.painted];
  }
};
new PerformanceObserver((paints) => {
  const first = paints.getEntriesByName("first-contentful-paint")[0];
  if (first) note("first", first.startTime);
}).observe({type: "paint", buffered: true});
const twice = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
addEventListener("load", () => twice(() => note("painted", performance.now())));
"""
# The same link on every page, so that each is clicked from the same place.
LINK = """(address) => {
  const link = document.createElement("a");
  Object.assign(link, {href: address, id: "bench-link", textContent: "111"});
  link.style.cssText = "position: fixed; z-index: 99; top: 0; left: 0; padding: 9px";
  document.body.append(link);
}"""
PAINTED = """() => new Promise((done) => {
  const look = () => (window.painted ? done(window.painted) : requestAnimationFrame(look));
  look();
})"""


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians in milliseconds after the click. `slowest`: the slowest time of `painted`."""

    name: str
    answer: float
    first: float
    painted: float
    slowest: float


async def measure(count: int, rounds: int) -> list[Figure]:
    now = datetime.now(UTC)
    found = chromium(say)
    with tempfile.TemporaryDirectory(prefix="bench-painting-", ignore_cleanup_errors=True) as folder:
        async with books(Path(folder), "painting") as (engine, page), async_playwright() as driver:
            say(f"{count:,} cases …")
            tokens = {role: await _token(engine, role, now) for role in (Role.SUPERVISOR, Role.ADMIN)}
            await fill(engine, page, count, now)
            await count_days(engine, TIMEZONE, now)
            browser = await driver.chromium.launch(
                executable_path=found.program, args=list(FLAGS), env={**os.environ, **found.environment}
            )
            try:
                async with serving(_panel(engine, Path(folder)), [web.get("/bare", _bare)]) as url:
                    pages = await _pages(engine)
                    figures: list[Figure] = []
                    for role, token in tokens.items():
                        context = await browser.new_context(base_url=url, reduced_motion="reduce")
                        await context.add_cookies([{"name": "seda", "value": token, "url": url}])
                        figures += await _as(context, pages[role], rounds)
                    return figures
            finally:
                await browser.close()


async def _pages(engine: AsyncEngine) -> dict[Role, dict[str, str]]:
    """Name → address of the usual pages."""
    phoned = select(cases.c.code).where(cases.c.channel == "phone").order_by(cases.c.opened_at.desc())
    async with engine.connect() as connection:
        code = (await connection.execute(phoned.offset(20).limit(1))).scalar_one()
    return {
        Role.SUPERVISOR: {
            BARE: "/bare",
            "inbox": "/panel/inbox?queue=all",
            "case": f"/panel/cases/{code}",
            "numbers": "/panel/numbers",
            "live": "/panel/live",
        },
        Role.ADMIN: {"admin": "/panel/admin", "admin: agencies": "/panel/admin/book/agency"},
    }


async def _as(context: BrowserContext, pages: Mapping[str, str], rounds: int) -> list[Figure]:
    """Each page in turn, so that a busy moment of the machine meets all of them."""
    await context.add_init_script(CLOCK)
    page = await context.new_page()
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in pages}
    await page.goto("/panel/account")
    for number in range(rounds + 1):
        for name, address in pages.items():
            took = await _clicked(page, address)
            if number:  # the first time statements are prepared, and what the browser keeps is fetched
                times[name].append(took)
    await context.close()
    return [_figure(name, each) for name, each in times.items()]


async def _clicked(page: Page, address: str) -> tuple[float, ...]:
    await page.goto("/panel/account")
    await page.evaluate(LINK, address)
    async with page.expect_navigation(wait_until="load") as came:
        await page.locator("#bench-link").click(no_wait_after=True)
    answer = await came.value
    assert answer is not None and answer.status == 200, address
    return tuple(map(float, await page.evaluate(PAINTED)))


def _figure(name: str, times: list[tuple[float, ...]]) -> Figure:
    answer, first, painted = (list(each) for each in zip(*times, strict=True))
    middle = statistics.median
    return Figure(name, middle(answer), middle(first), middle(painted), max(painted))


def _panel(engine: AsyncEngine, folder: Path) -> Panel:
    places = Folders(folder / "recordings", folder, Files(SEED), SEED)
    return Panel(engine, book_of(engine), places)


async def _bare(_: web.Request) -> web.Response:
    return web.Response(text=STATIC, content_type="text/html")


async def _token(engine: AsyncEngine, role: Role, now: datetime) -> str:
    somebody = await person(engine, role, now)
    async with engine.begin() as connection:
        return await signed_in(connection, somebody, now)


def bare_of(figures: list[Figure]) -> Figure:
    return next(figure for figure in figures if figure.name == BARE)


def show(figures: list[Figure]) -> None:
    bare = bare_of(figures)
    head = f"{'answer':>8}{'first paint':>14}{'painted':>10}{'slowest':>10}{'ratio':>8}"
    print(f"{'ms after the click':20}{head}")
    for each in figures:
        times = f"{each.answer:>8.0f}{each.first:>14.0f}{each.painted:>10.0f}{each.slowest:>10.0f}"
        print(f"{each.name:20}{times}{each.painted / bare.painted:>7.1f}×")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.painting", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=25, help="clicks on each page")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="1,000 cases, fewer rounds")
    asked = parser.parse_args()
    count, rounds = (1_000, 7) if asked.quick else (asked.cases, asked.rounds)
    load = os.getloadavg()[0]
    figures = asyncio.run(measure(count, rounds))
    if asked.json:
        print(json.dumps([asdict(figure) for figure in figures]))
    else:
        show(figures)
        print(
            f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
        )
    bare = bare_of(figures).painted
    if slow := [each.name for each in figures if each.painted - bare > MOST_MS]:
        sys.exit(f"missed: more than {MOST_MS:g} ms beyond the bare page: {', '.join(slow)}")


if __name__ == "__main__":
    main()
