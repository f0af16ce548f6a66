"""What halts callers is told, load by load; and who clicks sees what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.halt.__main__ import Figure, leave_backlog, missed, worked_through
from bench.halt.clicking import INBOX, GaveUp, clicking
from bench.served import ServedLine
from ivr.desk.facts.adopting import adopt_left
from ivr.lab.pace import patience
from ivr.settings import Settings
from tests.fixtures.province import book_of


def figures(clicked: float, roles: str = "apart") -> list[Figure]:
    return [Figure(roles, "alone", 9, 1.0, 4.0, 9.0), Figure(roles, "clicks", 9, 1.0, clicked, 90.0)]


def test_a_load_that_halts_callers_is_told() -> None:
    assert missed(figures(8.9)) == []
    assert missed(figures(9.5)) == ["beside clicks p99 is 5.5 ms above alone > 5 ms"]


def test_all_in_one_process_may_halt_them() -> None:
    assert missed([*figures(40.0, "all in one"), *figures(8.0)]) == []


@asynccontextmanager
async def panel(seen: asyncio.Queue[tuple[str, str]]) -> AsyncIterator[int]:
    """Something that answers as the panel does: the inbox is there, the first page leads to it. Its port."""

    async def inbox(request: web.Request) -> web.Response:
        seen.put_nowait((request.query_string, request.cookies["seda"]))
        return web.Response(text="cases")

    async def home(request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/panel/inbox")

    app = web.Application()
    app.router.add_routes([web.get("/panel/inbox", inbox), web.get("/panel/", home)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_who_clicks_looks_at_the_same_queue_again_and_again() -> None:
    seen = asyncio.Queue[tuple[str, str]]()
    async with panel(seen) as port, clicking("token", port, INBOX[:1]), asyncio.timeout(patience(20)):
        assert {await seen.get() for _ in range(3)} == {("queue=new", "token")}


async def test_who_is_led_elsewhere_has_looked_at_nothing() -> None:
    async with panel(asyncio.Queue()) as port:
        with pytest.raises(GaveUp, match="1 of 1 who clicked"):
            async with clicking("token", port, ["?queue=new"]) as [somebody], asyncio.timeout(patience(20)):
                await somebody.wait()


async def test_a_backlog_that_nobody_works_through_is_nothing_to_be_measured_beside(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    line = ServedLine(Settings(state=tmp_path), engine, "", 0)
    await leave_backlog(line, 2)
    with pytest.raises(GaveUp, match="nothing of the backlog"):
        async with worked_through(line):
            pass
    async with worked_through(line):
        assert await adopt_left(engine, book_of(engine), line.settings.spool) == 1
