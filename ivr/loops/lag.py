"""How late the event loop comes to what is due: what a caller waits when something else has the loop.

A histogram for `/metrics`, and an alarm far below the watchdog's guard (`ivr.loops.watchdog`).
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection
from itertools import accumulate

from ivr.desk.facts.gauges import Gauge

log = logging.getLogger(__name__)

EVERY_SECONDS = 0.2  # each look wakes a process that has nothing to do: twenty a second were a third of it
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds
HALT_SECONDS = 0.5  # longer is told in the log; a key's sound comes so late
WITHIN_SECONDS = 300.0  # …
HALTS = 3  # … so many of them are more than a hiccup of the machine
FAMILY = "ivr_loop_lag_seconds"


class Lag:
    """Of one process. `role`: what it does, for the label. `clock`: the loop's, in seconds."""

    def __init__(self, role: str, clock: Callable[[], float]) -> None:
        self.role, self.clock = role, clock
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._halts: deque[tuple[float, float]] = deque()  # when, and how long

    async def watch(self) -> None:
        """For ever."""
        while True:
            due = self.clock() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            self.saw(max(0.0, self.clock() - due))

    def saw(self, seconds: float) -> None:
        """One turn came so late."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds
        if seconds > HALT_SECONDS:
            self._halts.append((self.clock(), seconds))
            log.warning("the event loop stood still for %.2f s", seconds)

    @property
    def troubles(self) -> Collection[str]:
        """One sentence while it happens more than now and then."""
        while self._halts and self._halts[0][0] < self.clock() - WITHIN_SECONDS:
            self._halts.popleft()
        if len(self._halts) < HALTS:
            return ()
        longest = max(seconds for _, seconds in self._halts)
        minutes = WITHIN_SECONDS / 60
        return (
            f"{self.role}: the event loop stood still {len(self._halts)} times in {minutes:.0f} minutes, "
            f"for up to {longest:.1f} s",
        )

    def gauges(self) -> list[Gauge]:
        """The histogram as Prometheus wants it."""
        label, help = {"role": self.role}, "How late the event loop came to what was due."
        found = [
            Gauge(f"{FAMILY}_bucket", help, count, label | {"le": bound}, family=FAMILY)
            for bound, count in zip([*map(str, BOUNDS), "+Inf"], accumulate(self._counts), strict=True)
        ]
        found.append(Gauge(f"{FAMILY}_sum", help, self._sum, label, family=FAMILY))
        return [*found, Gauge(f"{FAMILY}_count", help, sum(self._counts), label, family=FAMILY)]
