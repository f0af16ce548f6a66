"""`python -m bench.halt`: what callers notice of people who click, an export, and a backlog worked through.

Calls of the real menu come in over FastAGI at a steady rate; measured is the time from Asterisk's answer to
our next command, alone and beside each load, with each role in a process of its own and with all in one.
Exit 1 when, with the roles apart, p99 beside a load is more than MOST_MS above alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench import say
from bench.calls.report import percentile
from bench.escalation.books import books
from bench.halt.clicking import EXPORT, INBOX, GaveUp, clicking
from bench.panel.books import catch_up, fill
from bench.panel.serving import person, signed_in
from bench.served import ServedLine, publish_menu, serving
from ivr.cases.roles import Role
from ivr.desk.call.intake import CallFacts, Intake
from ivr.desk.case.codes import CodeBlock
from ivr.store.journal import Journal
from ivr.store.journal.applied import identity_of
from ivr.store.journal.journal_marks import journal_marks
from ivr.voice.actions import OpenCase
from ivr.voice.events import Ended, Recorded
from tests.asterisk.pretend import Pretend
from tests.fixtures.province import book_of

MOST_MS = 5.0
WARM_SECONDS = 20.0  # statements are prepared, and pages drawn for the first time
_CALLERS = itertools.count()
LOADS = ("alone", "four people clicking", "one XLSX after the other", "a backlog")
BACKLOG = "20"  # the slot in which it lies


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds from Asterisk's answer to our next command."""

    roles: str
    beside: str
    commands: int
    p50: float
    p99: float
    longest: float


@dataclass
class Timed(Pretend):
    """A call that notes how long each of our commands was in coming."""

    since: float = 0.0
    waited: list[float] = field(default_factory=list)

    async def during(self, line: str) -> None:
        if self.since:
            self.waited.append((time.perf_counter() - self.since) * 1000)

    def answer(self, line: str) -> list[str]:
        found = super().answer(line)
        self.since = time.perf_counter()
        return found


def another(line: ServedLine, keys: str) -> Timed:
    """The call of somebody who has not called before, nor will."""
    caller = f"0412{next(_CALLERS):07}"
    return Timed(keys, [40_000], arguments=(line.secret,), header={"callerid": caller})


async def complain(line: ServedLine) -> list[float]:
    """One complaint, without its end: nothing waits there."""
    call = another(line, "1111011")
    await call.run(line.settings.agi.port)
    return call.waited


async def measure(line: ServedLine, seconds: float, rate: int) -> list[float]:
    """Calls for so long; what each command waited."""
    calls, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        calls.append(asyncio.create_task(complain(line)))
        await asyncio.sleep(1 / rate)
    return [each for waited in await asyncio.gather(*calls) for each in waited]


@asynccontextmanager
async def beside(line: ServedLine, load: str, cookie: str, backlog: int) -> AsyncIterator[None]:
    """That load, in a process of its own, until the end. Raises GaveUp."""
    pages = {LOADS[1]: INBOX, LOADS[2]: (EXPORT,)}.get(load, ())
    async with AsyncExitStack() as stack:
        if load == LOADS[3]:
            await leave_backlog(line, backlog)
            await asyncio.sleep(3)  # until it is found
            await stack.enter_async_context(worked_through(line))
        await stack.enter_async_context(clicking(cookie, line.settings.web.port, pages))
        yield


@asynccontextmanager
async def worked_through(line: ServedLine) -> AsyncIterator[None]:
    """Raises GaveUp when nothing of the backlog came into the books meanwhile: it was beside nothing."""
    before = await _applied(line)
    yield
    if await _applied(line) == before:
        raise GaveUp("nothing of the backlog was worked through while callers were measured beside it")


async def _applied(line: ServedLine) -> Any:
    """How far it is in the books; None before it is found."""
    its, journal = journal_marks.c, identity_of(line.settings.spool / BACKLOG / "journal")
    async with line.engine.connect() as connection:
        found = await connection.execute(select(its.segment, its.byte).where(its.journal == journal))
        return found.one_or_none()


async def leave_backlog(line: ServedLine, many: int) -> None:
    """As if a process had died with so many cases in its journal."""
    slot = line.settings.spool / BACKLOG
    journal, at = Journal(slot / "journal"), datetime.now(UTC)
    journal.open()
    intake = Intake(journal, CodeBlock(slot / "codes"), book_of(line.engine))
    for _ in range(many):
        call = CallFacts(str(uuid.uuid4()), "1.1", "02155500111", "", at, at, "fa", "111", "1")
        words = Recorded(f"2026/11/25/{uuid.uuid4().hex}", 6.0, 4.5, Ended.HASH, "ab" * 32, 96_044)
        opening = OpenCase("complaint", "water.supply", "ahar", "fa", (words,))
        journal.note(intake._opened(call.id, "", call, opening))
    await journal.close()


async def halts(cases: int, seconds: float, rate: int, backlog: int) -> list[Figure]:
    """All figures."""
    now, found = datetime.now(UTC), []
    with tempfile.TemporaryDirectory(prefix="halt-", dir="/tmp", ignore_cleanup_errors=True) as name:
        home = Path(name)
        async with books(home, "halt") as (engine, page):
            say(f"{cases:,} cases …")
            supervisor = await person(engine, Role.SUPERVISOR, now)
            await fill(engine, page, cases, now, supervisor.id)
            await publish_menu(engine)
            await catch_up(engine, home / "lists")
            async with engine.begin() as connection:
                cookie = await signed_in(connection, supervisor, now)
            for together in (True, False):
                roles = "all in one" if together else "apart"
                state = home / roles.replace(" ", "-")
                state.mkdir()
                async with serving(engine, state, together) as line:
                    await measure(line, WARM_SECONDS, rate)
                    for load in LOADS:
                        async with beside(line, load, cookie, backlog):
                            waited = await measure(line, seconds, rate)
                        found.append(_figure(roles, load, waited))
                        say(_row(found[-1]))
    return found


def _figure(roles: str, load: str, waited: list[float]) -> Figure:
    p50, p99 = percentile(waited, 50), percentile(waited, 99)
    return Figure(roles, load, len(waited), round(p50, 2), round(p99, 2), round(max(waited), 1))


def _row(each: Figure) -> str:
    return (
        f"{each.roles:11} {each.beside:26} {each.commands:6} commands  "
        f"p50 {each.p50:6.2f}  p99 {each.p99:7.2f}  longest {each.longest:7.1f} ms"
    )


def missed(found: Sequence[Figure]) -> list[str]:
    """A sentence for each load that halts callers where the roles are apart."""
    apart = {each.beside: each.p99 for each in found if each.roles == "apart"}
    more = {load: p99 - apart["alone"] for load, p99 in apart.items()}
    return [
        f"beside {load} p99 is {ms:.1f} ms above alone > {MOST_MS:g} ms"
        for load, ms in more.items()
        if ms > MOST_MS
    ]


def main() -> None:
    """Exit 1 with a sentence when callers are halted."""
    parser = argparse.ArgumentParser(prog="python -m bench.halt", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="in the books (1,000,000)")
    parser.add_argument("--seconds", type=float, default=60, help="beside each load (60)")
    parser.add_argument("--rate", type=int, default=13, help="calls a second (13)")
    parser.add_argument("--backlog", type=int, default=20_000, help="cases in a dead one's journal (20,000)")
    parser.add_argument("--quick", action="store_true", help="20,000 cases, 15 s, a backlog of 4,000")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    asked = parser.parse_args()
    if asked.quick:
        asked.cases, asked.seconds, asked.backlog = 20_000, 15, 4_000
    try:
        found = asyncio.run(halts(asked.cases, asked.seconds, asked.rate, asked.backlog))
    except GaveUp as error:
        sys.exit(str(error))
    rows = [asdict(each) for each in found]
    print(json.dumps(rows, indent=1) if asked.json else "\n".join(map(_row, found)))
    if late := missed(found):
        sys.exit(f"missed: {'; '.join(late)}")


if __name__ == "__main__":
    main()
