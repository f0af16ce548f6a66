"""Journals of other processes are brought into the books: of those that carry calls and do not do so
themselves, and of those that died.

Facts carry ids, so that it does not matter how far somebody else came. One process at a time applies a
journal (`ivr.store.journal.applied`); when it dies, another goes on within three seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.comparing import behind
from ivr.store import slots
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.journal import journal_reading
from ivr.store.journal.applied import JournalError, JournalInUse, JournalUnread
from ivr.store.journal.journal_follower import JournalFollower
from ivr.store.journal.journal_keeping import FactTerm

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0  # how often we look for journals that nobody applies
ASK_SECONDS = 5.0  # how long for those whose disk does not tell whether there is something to apply
OVER_SECONDS = 3.0  # how often, whether what the dead left is applied


class Following:
    """Applies every journal that nobody else applies. One of each process that does the work."""

    def __init__(
        self,
        engine: AsyncEngine,
        book: Book,
        spool: Path,
        term: FactTerm | None = None,
        ours: Collection[Path] = (),
    ) -> None:
        """`term`: how long applied facts stay. `ours`: journals that this process applies anyway."""
        self.engine, self.book, self.spool, self.term = engine, book, spool, term or FactTerm()
        self.ours = {*ours}
        self.living = set[Path]()  # journals that some process had when last looked
        self.gone = asyncio.Event()  # one of these has none any more
        self._pumps: dict[Path, Pump] = {}
        self._tasks: dict[Path, asyncio.Task[None]] = {}
        self._waiting: dict[Path, str] = {}  # journals whose facts must wait, and why
        self.faults: dict[Path, str] = {}  # journals that a fault of ours keeps from being applied, and which
        self._asked: dict[Path, asyncio.Task[bool]] = {}  # whose disk has not answered yet …
        self._late: set[Path] = set()  # … and did not in time

    @property
    def unread(self) -> list[str]:
        """The journals of which a disk does not give everything."""
        hidden = {folder for folder, pump in self._pumps.items() if pump.journal.unshown is not None}
        return sorted(map(str, hidden | self._waiting.keys() | self._late))

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in (*self._tasks.values(), *self._asked.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), *self._asked.values(), return_exceptions=True)
            self._asked.clear()

    async def look(self) -> None:
        """Begin with those that want it: also the dead's, where the database lacks what it had of them."""
        living, others = await ask_once(self._living_and_others)
        if self.living - living:
            self.gone.set()
        self.living = living
        lacking = await _lacking(self.engine, self.spool) if others else set()
        for folder in (living | lacking | await self._left(others)) - self.ours:
            if folder not in self._tasks:
                self._tasks[folder] = asyncio.create_task(self._follow(folder), name=f"pump {folder}")

    def _living_and_others(self) -> tuple[set[Path], set[Path]]:
        living = slots.living(self.spool)
        return living, {*slots.journals(self.spool)} - living

    async def _left(self, others: set[Path]) -> set[Path]:
        """Those of which something may wait, as far as their disks tell in time: each is asked by itself."""
        for folder in others:
            if folder not in self._tasks and folder not in self._asked:
                self._asked[folder] = asyncio.create_task(ask_once(partial(_may_be_left, folder)))
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=ASK_SECONDS)
        told = {folder: self._asked.pop(folder) for folder in [*self._asked] if self._asked[folder].done()}
        self._late = {*self._asked}
        return {folder for folder, asked in told.items() if asked.result()}

    async def idle(self) -> None:
        """Returns when all that is in the journals that we follow is applied."""
        await asyncio.gather(*(pump.idle() for pump in self._pumps.values()))

    async def _follow(self, folder: Path) -> None:
        """While it is written, and until all that its process left is applied."""
        why, fault = "", ""
        try:
            await self._apply(folder, JournalFollower(folder, term=self.term))
            log.warning("what a dead process left in %s is in the books now", folder)
        except JournalInUse:
            pass  # its own process applies it, or somebody was quicker
        except (JournalError, OSError) as error:
            why = str(error)
            if self._waiting.get(folder) != why:  # it is tried again every few seconds, and told once
                log.error("the facts in %s must wait: %s", folder, why)
        except Exception as error:
            fault = type(error).__name__
            log.exception("the facts in %s could not be applied; begun again", folder)
        finally:
            del self._tasks[folder]
            self._waiting.pop(folder, None)
            self.faults.pop(folder, None)
            if why:
                self._waiting[folder] = why
            if fault:
                self.faults[folder] = fault

    async def _apply(self, folder: Path, journal: JournalFollower) -> None:
        await journal.open_beside()
        there = journal.flushed
        pump = self._pumps[folder] = Pump(self.engine, journal, self.book)
        pumping = asyncio.create_task(pump.run())
        log.info("the facts in %s are applied by us", folder)
        try:
            while not pumping.done():
                if pump.compared.is_set():
                    if await journal.has_ended():
                        break
                    if journal.applied >= min(there, journal.flushed):  # what had to wait is in the books
                        self._waiting.pop(folder, None)
                        self.faults.pop(folder, None)
                await asyncio.wait({pumping}, timeout=OVER_SECONDS)
            if pumping.done():
                pumping.result()  # it ends only by what it raises
        finally:
            del self._pumps[folder]
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
            await journal.close()


async def adopt_left(engine: AsyncEngine, book: Book, spool: Path, term: FactTerm | None = None) -> int:
    """Every journal that nobody has and that holds facts which are not applied. How many there were.

    `term`: how long they stay after that.
    """
    adopted = 0
    left = {folder for folder in slots.journals(spool) if _may_be_left(folder)}
    for folder in sorted(left | await _lacking(engine, spool)):
        try:
            done = await _adopt(engine, book, spool, folder, term or FactTerm())
        except JournalInUse:
            continue  # somebody is quicker
        except JournalError as error:
            log.error("what a dead process left in %s must wait: %s", folder, error)
            continue
        if done:
            adopted += 1
            log.warning("what a dead process left in %s is in the books now", folder)
    return adopted


async def _adopt(engine: AsyncEngine, book: Book, spool: Path, folder: Path, term: FactTerm) -> bool:
    """False: somebody has done so since it was found."""
    journal = JournalFollower(folder, term=term)
    journal.open()
    try:
        if not journal.has_more and folder not in await behind(engine, spool):
            return False
        for _ in range(2):  # half a line is seen to be no more than that at the second look
            await empty(Pump(engine, journal, book, linger=0))
        if journal.unshown is not None:
            raise JournalUnread(f"what a disk may hold is not in the books: {journal.unshown}")
    finally:
        await journal.close()
    return True


async def empty(pump: Pump) -> None:
    """Bring all that is in an open journal into the books. Waits for a database that is away.

    Raises JournalError where it can't be told how much there is: then not all of it may be in the books.
    """
    pumping, idle = asyncio.create_task(pump.run()), asyncio.create_task(pump.idle())
    try:
        await asyncio.wait({pumping, idle}, return_when=asyncio.FIRST_COMPLETED)
        if not idle.done():
            pumping.result()  # it ends only by what it raises
        try:
            idle.result()
        except OSError as error:
            raise JournalError(f"{pump.journal.folder}: {error}") from error
    finally:
        for part in (pumping, idle):
            part.cancel()
        await asyncio.gather(pumping, idle, return_exceptions=True)


async def _lacking(engine: AsyncEngine, spool: Path) -> set[Path]:
    """The journals that nobody writes and of which the database lacks facts that it had."""
    with suppress(*AWAY):  # then what they hold waits all the same
        lacking = await behind(engine, spool)
        return await ask_once(lambda: {folder for folder in lacking if _has_no_writer(folder)})
    return set()


def _has_no_writer(folder: Path) -> bool:
    """As far as can be told: one with a damaged lock hides no other, and who applies it has another lock."""
    try:
        return journal_reading.run_began(folder) is None
    except OSError:
        return True


def _may_be_left(folder: Path) -> bool:
    """Also one that can't be looked into: who opens it says why, and the others don't wait for it."""
    try:
        return journal_reading.is_left(folder)
    except OSError:
        return True
