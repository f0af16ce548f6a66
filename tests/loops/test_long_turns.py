"""No task that comes again and again holds the event loop for longer than a caller may notice.

Judged by the processor time of the longest turn of the loop, beside that of a known work in the same run:
what else the machine does, and how long the database takes, does not count. `python -m bench.escalation` and
`bench.halt` have the millions.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.escalation.books import fill
from ivr.desk.book.book import Page
from ivr.desk.case import entries
from ivr.desk.case.collecting import settle
from ivr.desk.case.pausing import end_pauses
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import terms
from ivr.desk.facts.gauges import without_case
from ivr.desk.keeping import custody, retention, sealing
from ivr.desk.meetings.hour_hearing import keep_noting
from ivr.desk.meetings.inviting import keep_asking
from ivr.desk.reading.counting import count_days
from ivr.desk.reading.figures import Archive
from ivr.desk.trees.publishing import publish_due
from ivr.desk.trees.rehearsing import past_calls
from ivr.desk.trees.step_statistics import count_steps, tree_figures
from ivr.desk.trees.trials import watch_trials
from ivr.store.derived import Derived
from ivr.store.tables import cases
from tests.desk.trees.test_publishing import put
from tests.desk.trees.test_rehearsing import in_the_books
from tests.fixtures.province import read_page
from tests.voice.test_rehearsal import WHOLE, call
from tests.voice.test_step_figures import moved

CASES, DUE = 12_000, 600
CALLS = 3_000  # of yesterday, and so many of today
ZONE = "Asia/Tehran"
TURN = 1_600_000  # rounds of an empty loop: 20 ms of a quiet machine of today …
NOISE = 2.5  # … and what shared cores and caches add to one turn among thousands


@dataclass(slots=True)
class Turn:
    """The longest one. Seconds of the processor, and what it was."""

    seconds: float = 0.0
    what: str = ""


@contextmanager
def longest_turn() -> Iterator[Turn]:
    found, run = Turn(), asyncio.Handle._run  # where each turn of every loop goes through

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        if (took := time.thread_time() - began) > found.seconds:
            found.seconds, found.what = took, repr(handle)

    gc.collect()
    gc.disable()  # whose heap is that of all tests
    try:
        with patch.object(asyncio.Handle, "_run", timed):
            yield found
    finally:
        gc.enable()


def known_work() -> float:
    began = time.thread_time()
    for _ in range(TURN):
        pass
    return time.thread_time() - began


def periodic(
    engine: AsyncEngine, page: Page, folder: Path
) -> dict[str, Callable[[], Coroutine[Any, Any, object]]]:
    """What the work does, and what each process does for the panel, by name."""
    now = datetime.now(UTC)
    archive = Archive(engine, lambda: now, ZONE)
    days = (archive.today() - timedelta(days=100), archive.today() + timedelta(days=1))

    async def forget() -> None:
        await retention.keep(engine, await terms.in_force(engine, folder), folder, Derived(folder), now)
        await retention.prune(engine, now)

    return {
        "inbox": lambda: entries.catch_up(engine),
        "pauses": lambda: end_pauses(engine, page, now),
        "deadlines": lambda: retime(engine, page, now),
        "escalation": lambda: sweep(engine, page, now),
        "collective cases": lambda: settle(engine, page, now),
        "views": lambda: keep_asking(engine, page, now),
        "hearings": lambda: keep_noting(engine, page, now),
        "escalation watchdog": lambda: prove(engine, page, now),
        "sealing": lambda: sealing.seal(engine),
        "roots": lambda: sealing.keep_roots(engine, folder / "roots.txt"),
        "custody": lambda: custody.keep(engine, folder),
        "figures": lambda: count_days(engine, ZONE),
        "figures of today": lambda: archive.facts(*days),
        "steps of two days": lambda: tree_figures(
            engine, "111", archive.today() - timedelta(days=1), ZONE, now
        ),
        "steps": lambda: count_steps(engine, ZONE, now),
        "calls for a rehearsal": lambda: past_calls(engine, "111", now - timedelta(days=2)),
        "menu trees due": lambda: publish_due(engine, now),
        "trials": lambda: watch_trials(engine, now),
        "retention": forget,
        "gauges": lambda: without_case(engine),
    }


async def fill_calls(engine: AsyncEngine) -> None:
    """Of two days, while a tree is on trial."""
    for words, how in (("one", {}), ("two", {"share": 0.5})):
        await put(engine, words, **how)
    whole = call(*WHOLE)
    for began in (midnight() - timedelta(hours=9), midnight()):
        await in_the_books(engine, *[moved(whole, began - whole.began)] * CALLS)


def midnight() -> datetime:
    return datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)


async def naive(engine: AsyncEngine) -> int:
    """As one would write it first: all cases that are open, counted here."""
    async with engine.connect() as connection:
        found = [dict(row._mapping) for row in await connection.execute(select(cases))]
    return sum(case["closed_at"] is None for case in found)


async def test_nothing_that_grows_with_the_books_holds_the_loop(engine: AsyncEngine, tmp_path: Path) -> None:
    async with engine.connect() as connection:
        page = await read_page(connection)
    await fill(engine, page, CASES, DUE, datetime.now(UTC))
    await fill_calls(engine)
    found: dict[str, str] = {}
    tasks = periodic(engine, page, tmp_path)
    tasks["naive"] = lambda: naive(engine)
    for name, task in tasks.items():
        with longest_turn() as turn:
            await asyncio.create_task(task())
        most = NOISE * min(known_work() for _ in range(3))
        if turn.seconds > most:
            found[name] = f"{turn.seconds * 1000:.0f} ms of {most * 1000:.0f}: {turn.what}"
    assert list(found) == ["naive"], found
