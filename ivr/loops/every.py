"""What runs for ever beside calls, watched: what fails is logged, counted and begun again, ever more slowly.

A bare `create_task` dies silently: one unreadable row once stopped all mail for ever, with an empty log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ivr.desk.book.book import BookEmpty
from ivr.store.engine import in_its_words, is_away

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0  # from a failure to the next beginning …
LONGEST_SECONDS = 60.0  # … doubled each time, up to this
WELL_SECONDS = 120.0  # one without turns that has run for so long since it failed is well again
KEEPS_FAILING = 3  # times in a row before anybody is told

LoopWork = Callable[[], Coroutine[Any, Any, None]]
LoopTurn = Callable[[], Awaitable[object]]
Rest = float | LoopTurn  # seconds from one turn to the next, or what waits for it


def is_waited_for(error: Exception) -> bool:
    """Whether it is nobody's fault, and mends itself: a database that is away, or has no book yet."""
    return isinstance(error, BookEmpty) or is_away(error)


@dataclass(slots=True)
class Loop:
    """One of them. `failures` in all; `in_a_row` since it was last well; `why`: the last one, in one line.

    `by_turns`: it is well once a turn succeeded, not by its age: it may fail an hour after it began.
    """

    name: str
    by_turns: bool = False
    longest: float = LONGEST_SECONDS
    failures: int = 0
    in_a_row: int = 0
    why: str = ""
    began: float = 0.0
    first_failed: float = 0.0

    def failed(self, error: Exception, now: float) -> float:
        """Note it. How many seconds to wait."""
        if self._is_old(now):
            self.in_a_row = 0
        if not self.in_a_row:
            self.first_failed = now
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        self.failures += 1
        self.in_a_row += 1
        self.why = " ".join(f"{type(error).__name__}: {in_its_words(error)}".split())[:200]
        doubled = min(self.in_a_row - 1, 30)  # no float holds 2 ** 1024
        return float(min(FIRST_SECONDS * 2**doubled, self.longest))

    def trouble(self, now: float) -> str:
        """One sentence while it keeps failing, else ""."""
        if self.in_a_row < KEEPS_FAILING or self._is_old(now):
            return ""
        minutes = (now - self.first_failed) / 60
        return f"{self.name} keeps failing, {self.in_a_row} times in {minutes:.0f} min: {self.why}"

    def _is_old(self, now: float) -> bool:
        return not self.by_turns and now - self.began >= WELL_SECONDS


@dataclass(slots=True)
class Loops:
    """Those of one process. `clock` is monotonic, in seconds."""

    clock: Callable[[], float] = time.monotonic
    all: list[Loop] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, name: str, part: LoopWork, longest: float = LONGEST_SECONDS) -> None:
        """Run `part` now; it ends when it returns, and is begun again when it raises.

        `longest`: to how many seconds the pause before that may grow.
        """
        loop = Loop(name, longest=longest)
        self._begin(loop, self._keep(loop, part))

    def every(
        self,
        name: str,
        rest: Rest,
        work: LoopTurn,
        *,
        at_once: bool = True,
        waits_for: tuple[type[Exception], ...] = (),
        asks_books: bool = True,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        """`work` for ever, with a `rest` between two turns and, unless `at_once`, before the first.

        A database that is away costs a turn and is no failure, nor is what it `waits_for`. After any other
        error the next turn comes after the growing pause. Not `asks_books`: an OSError is its own disk's.
        """

        def waits(error: Exception) -> bool:
            return isinstance(error, waits_for) or (asks_books and is_waited_for(error))

        loop = Loop(name, by_turns=True, longest=longest)
        self._begin(loop, self._turns(loop, rest, work, at_once, waits))

    def _begin(self, loop: Loop, running: Coroutine[Any, Any, None]) -> None:
        self.all.append(loop)
        self._tasks.append(asyncio.create_task(running, name=loop.name))

    async def close(self) -> None:
        """Cancel all of them and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def troubles(self) -> list[str]:
        """One sentence for each that keeps failing."""
        return list(filter(None, (loop.trouble(self.clock()) for loop in self.all)))

    async def _keep(self, loop: Loop, part: LoopWork) -> None:
        while True:
            loop.began = self.clock()
            try:
                return await part()
            except Exception as error:
                wait = loop.failed(error, self.clock())
                log.exception("%s failed; again in %g s", loop.name, wait)
            await asyncio.sleep(wait)

    async def _turns(
        self, loop: Loop, rest: Rest, work: LoopTurn, at_once: bool, waits: Callable[[Exception], bool]
    ) -> None:
        wait: Rest = 0.0 if at_once else rest
        while True:
            try:
                await (wait() if callable(wait) else asyncio.sleep(wait))
                wait = rest
                await work()
            except Exception as error:
                if waits(error):
                    log.warning("%s waits: %s", loop.name, error if str(error) else type(error).__name__)
                else:
                    wait = loop.failed(error, self.clock())
                    log.exception("%s failed; again in %g s", loop.name, wait)
            else:
                loop.in_a_row = 0
