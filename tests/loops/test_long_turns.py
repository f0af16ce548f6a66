"""No task that comes again and again holds the event loop for longer than a caller may notice.

Judged by the processor time of the longest turn of the loop, beside that of a known work in the same run:
what else the machine does, and how long the database takes, does not count. `python -m bench.escalation` and
`bench.halt` have the millions.
"""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.escalation.books import fill
from ivr.desk.book.book import Page
from ivr.desk.case import entries
from ivr.desk.case.assigning import let_go
from ivr.desk.case.collecting import settle
from ivr.desk.case.pausing import end_pauses
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import terms
from ivr.desk.facts.apply import apply
from ivr.desk.facts.gauges import without_case
from ivr.desk.facts.strays import Shelf
from ivr.desk.keeping import custody, retention, sealing
from ivr.desk.letters.outgoing import INSIDE
from ivr.desk.meetings.hour_hearing import keep_noting
from ivr.desk.meetings.inviting import keep_asking
from ivr.desk.reading.counting import count_days
from ivr.desk.reading.figures import Archive
from ivr.desk.trees.publishing import publish_due
from ivr.desk.trees.rehearsing import past_calls
from ivr.desk.trees.step_statistics import count_steps, tree_figures
from ivr.desk.trees.trials import watch_trials
from ivr.loops.delivery import Delivery, open_session, ways
from ivr.loops.every import Loops
from ivr.loops.worker import FALLBACKS, Cellar, Worker
from ivr.settings import Notify
from ivr.store.derived import Derived
from ivr.store.facts import CaseOpenedFact, FactRecording
from ivr.store.journal.applied import AT_ONCE
from ivr.store.tables import cases
from ivr.store.vault import Vault
from tests.desk.office import office
from tests.desk.trees.test_publishing import put
from tests.desk.trees.test_rehearsing import in_the_books
from tests.fixtures.database import SEED
from tests.fixtures.province import book_of, read_page
from tests.store.noted import CALL
from tests.voice.test_rehearsal import WHOLE, call
from tests.voice.test_step_figures import moved

CASES, DUE = 12_000, 600
CALLS = 3_000  # of yesterday, and so many of today
ZONE = "Asia/Tehran"
TURN = 1_600_000  # rounds of an empty loop: 20 ms of a quiet machine of today …
NOISE = 2.5  # … and what shared cores and caches add to one turn among thousands


@dataclass(slots=True)
class Turn:
    """The longest one. Seconds of the processor, and what it was; `all`: of all turns."""

    seconds: float = 0.0
    what: str = ""
    all: float = 0.0


@contextmanager
def longest_turn() -> Iterator[Turn]:
    found, run = Turn(), asyncio.Handle._run  # where each turn of every loop goes through

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        took = time.thread_time() - began
        found.all += took
        if took > found.seconds:
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

    async def deliver() -> None:
        async with open_session(Notify()) as session:
            delivery = Delivery(book_of(engine), Notify(), SEED)
            await delivery.once(INSIDE, ways(session, Notify(), delivery.clock))

    batch = [*openings(now, AT_ONCE)]
    return {
        "pump": lambda: apply(engine, page, batch),
        "delivery": deliver,
        "inbox": lambda: entries.catch_up(engine),
        "pauses": lambda: end_pauses(engine, page, now),
        "deadlines": lambda: retime(engine, page, now),
        "escalation": lambda: sweep(engine, page, now),
        "collective cases": lambda: settle(engine, page, now),
        "hands": lambda: let_go(engine, page, now),
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


# The parts of `Worker.start`, by what judges them above …
JUDGED = {
    "pump": ["pump"],
    "other journals": ["pump"],
    "escalation": ["pauses", "deadlines", "escalation", "collective cases", "hands", "views", "hearings"],
    "escalation watchdog": ["escalation watchdog"],
    "custody": ["custody"],
    "sealing": ["sealing", "roots"],
    "retention": ["retention"],
    "figures": ["figures", "steps"],
    "inbox": ["inbox"],
    "menu trees": ["menu trees due", "trials"],
}
# … or why nothing does.
SPARED = {
    "reconciler": "looks through folders and journals in threads, and takes in a file after the other",
    "siblings": "tells what is known",
    "call-backs put aside": "one count, in the database",
    "store": "a recording after the other, each in a thread",
    "recordings at rest": "a recording after the other, each in a thread",
    **dict.fromkeys(FALLBACKS, "what the dialplan took alone, a file after the other"),
}


def openings(at: datetime, many: int, first: int = 5_000_000_000) -> Iterator[CaseOpenedFact]:
    """Of one call each: what takes longest to bring into the books. `first`: the code of the first."""
    for number in range(first, first + many):
        call = replace(CALL, id=uuid.uuid4(), caller=f"0914{number % 10**7:07}")
        said = FactRecording(f"2026/11/25/{call.id.hex}", 6.0, 4.5, "hash", "ab" * 32, 104_044)
        chosen = ("complaint", "water.supply", "ahar", "fa", "", "")
        yield CaseOpenedFact(uuid.uuid4(), at, str(number), call, *chosen, (said,))


async def fill_calls(engine: AsyncEngine) -> None:
    """Of two days, while a tree is on trial."""
    for words, how in (("one", {}), ("two", {"share": 0.5})):
        await put(engine, words, **how)
    whole = call(*WHOLE)
    for began in (midnight() - timedelta(hours=9), midnight()):
        await in_the_books(engine, *[moved(whole, began - whole.began)] * CALLS)


def midnight() -> datetime:
    return datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)


async def test_a_full_batch_of_facts_is_brought_into_the_books_in_many_turns(engine: AsyncEngine) -> None:
    """Else whoever speaks in a process that has all roles is halted for all of it."""
    async with engine.connect() as connection:
        page = await read_page(connection)
    first, *batch = openings(datetime.now(UTC), 1 + AT_ONCE)
    await apply(engine, page, [first])  # whatever is made ready only once
    with longest_turn() as turn:
        await asyncio.create_task(apply(engine, page, batch))
    assert turn.seconds < turn.all / 4, f"{turn.seconds:.3f} of {turn.all:.3f} s: {turn.what}"
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(cases))).scalar() == 1 + AT_ONCE


async def test_each_part_of_the_work_is_judged_here_or_has_a_reason(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    vault = Vault("s3://nowhere/x", "", "", "", "")
    async with office(engine, tmp_path, pumping=False) as desk:
        shelf = Shelf(engine, desk.book, tmp_path, tmp_path)
        cellar = Cellar(tmp_path, tmp_path, SEED, Derived(tmp_path), vault, packed=True)
        worker, loops = Worker(desk.pump, desk.intake, shelf, cellar, lambda: datetime.now(UTC)), Loops()
        worker.start(loops)
        await loops.close()  # before any had its first turn
        page = await desk.book.page()
    assert {loop.name for loop in loops.all} == JUDGED.keys() | SPARED.keys()
    assert {name for names in JUDGED.values() for name in names} <= periodic(engine, page, tmp_path).keys()


async def naive(engine: AsyncEngine) -> int:
    """As one would write it first: all cases that are open, counted here. Four times: no noise hides it."""
    async with engine.connect() as connection:
        rows = (await connection.execute(select(cases))).all()
    found = [dict(row._mapping) for row in [*rows] * 4]
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
