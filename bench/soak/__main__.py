"""`python -m bench.soak`: an hour of calls with panel, export and escalation beside them, on large books.

Each role is a process of its own, as `ivr serve` begins them. Callers walk the real menu on so many lines,
two people click through the inbox, one exports the cases of a year again and again, and all the time some
climb. It takes 20 GB below /tmp, and making the books comes on top of the time, unless `--books` names a
folder that keeps them for the next time. Exit 1 when a loop of any role stood still for more than HALT_MS
(as its own watch saw it, and as a caller did), when a role ended or its memory grows, when a statement of
the server's takes longer than STATEMENT_SECONDS, when a call is lost or none ends for a minute, or when
nothing climbed; halts before the first look do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from aiohttp import ClientSession
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.agi.building import build_c
from bench.agi.product import KEYS, calling
from bench.escalation.books import books, write
from bench.halt.__main__ import WARM_SECONDS, Timed, another
from bench.halt.clicking import EXPORT, INBOX, GaveUp, clicking
from bench.panel.books import catch_up, fill, tell
from bench.panel.serving import person, signed_in
from bench.served import ServedLine, publish_menu, serving
from ivr.cases.periods import Grain, period
from ivr.cases.roles import Role
from ivr.desk.book.book import Page
from ivr.loops.lag import FAMILY
from ivr.settings import DUTIES

HALT_MS = 50.0
GROWTH = 1.10  # of a role's memory, from a sixth of the time to its end …
GROWTH_MB = 20.0  # … and at least so much: less is no growth
CLIMBING = 20_000  # cases that come due in the course of the run
MAKING = "making"  # what the mark of kept books says until they are there
PROBE_SECONDS = 1.0
STATEMENT_SECONDS = 5.0  # that one statement may take: a sixth of the time after which the server gives it up
LATE = re.compile(rf'^{FAMILY}_(bucket|count){{role="([^"]+)"(?:,le="([^"]+)")?}} (\S+)$', re.M)
# Cases that an older calendar timed would be timed anew, and all the late ones climb at once.
TIMED = "UPDATE cases SET timed_by = {revision} WHERE closed_at IS NULL"
DUE = """
UPDATE cases SET next_rung_at = now() + random() * make_interval(secs => {seconds}) WHERE id IN (
  SELECT id FROM cases WHERE status IN ('referred', 'in_progress') AND due_at < now() AND rung < 3
  LIMIT {many})
"""
COUNTS = """
SELECT (SELECT count(*) FROM case_events WHERE event = 'escalated' AND at >= :since) AS climbed,
  (SELECT count(*) FROM calls WHERE started_at >= :since AND ended_at IS NOT NULL) AS ended,
  (SELECT count(*) FROM calls WHERE started_at >= :since AND outcome = 'lost') AS lost
"""


STATEMENT = """
SELECT extract(epoch FROM clock_timestamp() - query_start)::float AS seconds,
  left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS said
FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY seconds DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Minute:
    """So far: `halts` over HALT_MS by role, and the `statement` that took longest of those seen under way.

    Of this minute: a probing caller's `longest_ms` and which of our commands it was `behind`, memory.
    """

    at: float
    climbed: int
    ended: int
    lost: int
    halts: Mapping[str, int]
    longest_ms: float
    memory_mb: Mapping[str, float]
    statement: tuple[float, str] = (0.0, "")
    behind: str = ""


class Soak:
    """One run."""

    def __init__(self, line: ServedLine, began: datetime) -> None:
        self.line, self.began = line, began
        self.minutes: list[Minute] = []
        self.waited: list[tuple[float, str]] = []
        self.probing: Timed | None = None
        self.statement = (0.0, "")

    async def run(self, minutes: float) -> None:
        """A look each minute, while somebody probes."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._probe())
            for n in range(round(minutes) + 1):
                await asyncio.sleep(began + WARM_SECONDS + 60 * n - time.monotonic())
                self.minutes.append(await self._look(time.monotonic() - began))
                say(as_row(self.minutes[-1]))
            probing.cancel()

    async def _probe(self) -> None:
        """A caller each second, whose every wait is kept; and what the database is busy with."""
        while True:
            self.probing = call = another(self.line, KEYS)
            await call.run(self.line.settings.agi.port)
            self.probing = None
            self.waited += zip(call.waited, map(verb, call.commands), strict=False)
            async with self.line.engine.connect() as connection:
                for seconds, said in await connection.execute(text(STATEMENT)):
                    self.statement = max(self.statement, (seconds, said))
            await asyncio.sleep(PROBE_SECONDS)

    async def _look(self, at: float) -> Minute:
        """What has come of it so far."""
        async with self.line.engine.connect() as connection:
            row = (await connection.execute(text(COUNTS), {"since": self.began})).one()
        url = f"http://127.0.0.1:{self.line.settings.web.port}/metrics"
        async with ClientSession() as client, client.get(url, raise_for_status=True) as answer:
            halts = halts_in(await answer.text())
        if (call := self.probing) is not None and call.since:  # who waits still waits as well
            self.waited.append(((time.perf_counter() - call.since) * 1000, verb(call.commands[-1])))
        (longest, behind), self.waited = max(self.waited, default=(0.0, "")), []
        counts = (at, row.climbed, row.ended, row.lost)
        return Minute(*counts, halts, longest, self._memory(), self.statement, behind)

    def _memory(self) -> dict[str, float]:
        found = {}
        for each in psutil.Process(self.line.pid).children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                found[each.name().removeprefix("ivr ")] = round(each.memory_info().rss / (1 << 20), 1)
        return found


def verb(command: str) -> str:
    """What of our command tells which it was: `EXEC Read`, `RECORD FILE`."""
    return " ".join(command.split()[:2])


def halts_in(metrics: str) -> dict[str, int]:
    """How often each role's loop stood still for more than HALT_MS, as `/metrics` tells it."""
    found: Counter[str] = Counter()
    for which, role, bound, value in LATE.findall(metrics):
        if which == "count":
            found[role] += int(float(value))
        elif float(bound) * 1000 == HALT_MS:
            found[role] -= int(float(value))
    return dict(found)


def missed(minutes: Sequence[Minute]) -> list[str]:
    """One sentence each. Memory is judged from a sixth of the time on: until then caches fill."""
    warm, last = minutes[(len(minutes) - 1) // 6], minutes[-1]
    found = []
    for role in DUTIES:
        many = [each.halts.get(role) for each in minutes]
        steps = [(b, a) for b, a in itertools.pairwise(many) if b is not None and a is not None]
        if None in many or any(after < before for before, after in steps):
            found.append(f"{role}: it ended, or was begun anew")
        if since := sum(max(0, after - before) for before, after in steps):
            found.append(f"{role}: its loop stood still for more than {HALT_MS:g} ms {since} times")
    worst = max(minutes[1:], key=lambda each: each.longest_ms, default=last)
    if worst.longest_ms > HALT_MS:
        found.append(f"a caller waited {worst.longest_ms:.0f} ms for the command behind {worst.behind}")
    for process, mb in last.memory_mb.items():
        before = warm.memory_mb.get(process, mb)
        if mb > before * GROWTH and mb - before > GROWTH_MB:
            found.append(f"{process}: its memory grew from {before:.0f} to {mb:.0f} MB")
    seconds, said = last.statement
    found += [f"a statement took {seconds:.0f} s: {said}"] * (seconds > STATEMENT_SECONDS)
    found += [f"{last.lost} calls were lost"] * bool(last.lost)
    pairs = itertools.pairwise(minutes)
    still = [after.at / 60 for before, after in pairs if after.ended == before.ended]
    found += [f"no call ended in the minute before {at:.1f} min" for at in still]
    return found + ["no case climbed"] * (not last.climbed)


def as_row(each: Minute) -> str:
    halts = " ".join(f"{role} {many}" for role, many in sorted(each.halts.items()))
    memory = " ".join(f"{role} {mb:.0f}" for role, mb in sorted(each.memory_mb.items()))
    waited = f"a caller waited {each.longest_ms:.0f} ms behind {each.behind}"
    return (
        f"{each.at / 60:5.1f} min  {each.ended:7,} calls ended, {each.lost} lost, {each.climbed:6,} climbed; "
        f"over {HALT_MS:g} ms: {halts or 'none'}; {waited}; "
        f"a statement took {each.statement[0]:.1f} s; MB: {memory}"
    )


async def made(engine: AsyncEngine, page: Page, cases: int, mark: Path) -> str:
    """The books, unless `mark` says that they are there. A supervisor's token. Raises GaveUp."""
    now = datetime.now(UTC)
    supervisor = await person(engine, Role.SUPERVISOR, now)
    if not mark.exists():
        say(f"{cases:,} cases …")
        mark.write_text(MAKING)
        await fill(engine, page, cases, now, supervisor.id)
        await tell(engine)
        await publish_menu(engine)
        await write(engine, TIMED.format(revision=page.revision), "VACUUM (ANALYZE) cases")
        mark.write_text(f"{cases}\n")
    if (there := mark.read_text().strip()) != str(cases):
        raise GaveUp(f"{mark.parent} keeps the books of {there} cases, not of {cases}")
    await catch_up(engine, mark.parent / "lists")
    async with engine.begin() as connection:
        return await signed_in(connection, supervisor, now)


async def soaked(minutes: float, lines: int, cases: int, kept: Path | None = None) -> list[Minute]:
    """All of its looks: the first soon after it began, then one a minute. Raises GaveUp.

    `kept`: where the books are, or will be, for the next time.
    """
    async with AsyncExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="soak-", dir="/tmp", ignore_cleanup_errors=True)
        home = Path(stack.enter_context(folder))
        place = kept or home
        place.mkdir(parents=True, exist_ok=True)
        mark = place / "cases"
        if mark.exists() and mark.read_text() == MAKING:
            say("the making of these books was broken off: anew …")
            shutil.rmtree(place / "postgres")
            mark.unlink()
        engine, page = await stack.enter_async_context(books(place, "soak"))
        cookie = await made(engine, page, cases, mark)
        state = home / "state"
        (state / "fallback").mkdir(parents=True)
        line = await stack.enter_async_context(serving(engine, state))
        await write(engine, DUE.format(seconds=minutes * 60, many=CLIMBING))
        soak = Soak(line, datetime.now(UTC))
        year = period(Grain.YEAR, soak.began.date()).name
        pages = (*INBOX[:2], f"{EXPORT}?period={year}")
        await stack.enter_async_context(calling(line, lines))
        await stack.enter_async_context(clicking(cookie, line.settings.web.port, pages))
        await soak.run(minutes)
        return soak.minutes


def main() -> None:
    """Exit 1 with a sentence for each miss."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    parser.add_argument("--lines", type=int, default=120, help="callers at once (120)")
    parser.add_argument("--cases", type=int, default=3_000_000, help="in the books (3,000,000)")
    parser.add_argument("--books", type=Path, metavar="FOLDER", help="keeps them there, or takes those there")
    parser.add_argument("--quick", action="store_true", help="3 minutes, 100,000 cases")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    asked = parser.parse_args()
    if asked.quick:
        asked.minutes, asked.cases = 3, 100_000
    build_c()
    try:
        found = asyncio.run(soaked(asked.minutes, asked.lines, asked.cases, asked.books))
    except GaveUp as error:
        sys.exit(str(error))
    print(json.dumps([asdict(each) for each in found], indent=1) if asked.json else as_row(found[-1]))
    if misses := missed(found):
        sys.exit(f"missed: {'; '.join(misses)}")


if __name__ == "__main__":
    main()
