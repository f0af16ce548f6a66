"""What runs for ever beside calls, watched: what fails is logged, counted and begun again, ever more slowly.

A bare `create_task` dies silently: one unreadable row once stopped all mail for ever, with an empty log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0  # from a failure to the next beginning …
LONGEST_SECONDS = 60.0  # … doubled each time, up to this
WELL_SECONDS = 120.0  # one that has run for so long since it failed is well again
KEEPS_FAILING = 3  # times in a row before anybody is told

LoopWork = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Loop:
    """One of them. `failures` in all; `in_a_row` since it was last well; `why`: the last one, in one line."""

    name: str
    failures: int = 0
    in_a_row: int = 0
    why: str = ""
    began: float = 0.0
    first_failed: float = 0.0

    def failed(self, error: Exception, now: float) -> float:
        """Note it. How many seconds to wait."""
        if now - self.began >= WELL_SECONDS:
            self.in_a_row = 0
        if not self.in_a_row:
            self.first_failed = now
        self.failures += 1
        self.in_a_row += 1
        self.why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return float(min(FIRST_SECONDS * 2 ** (self.in_a_row - 1), LONGEST_SECONDS))

    def trouble(self, now: float) -> str:
        """One sentence while it keeps failing, else ""."""
        if self.in_a_row < KEEPS_FAILING or now - self.began >= WELL_SECONDS:
            return ""
        minutes = (now - self.first_failed) / 60
        return f"{self.name} keeps failing, {self.in_a_row} times in {minutes:.0f} min: {self.why}"


@dataclass(slots=True)
class Loops:
    """Those of one process. `clock` is monotonic, in seconds."""

    clock: Callable[[], float] = time.monotonic
    all: list[Loop] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, name: str, part: LoopWork) -> None:
        """Run `part` now; it ends when it returns, and is begun again when it raises."""
        loop = Loop(name)
        self.all.append(loop)
        self._tasks.append(asyncio.create_task(self._keep(loop, part), name=name))

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
