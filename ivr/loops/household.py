"""What all processes of this machine tell, joined: for `/readyz`, `/metrics` and the live board."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.desk.facts.gauges import Gauge, apart, joined
from ivr.loops.telling import CALLS, GAUGES, READY, Sayings, ask_all, duties_of
from ivr.settings import Duty
from ivr.web.health import Report

Json = dict[str, Any]
# What is the matter when no process of this machine does what one should. Without the work nothing is lost.
NO_CALLS = "no process takes calls"
NO_WORK = "no process brings what callers said into the books: it waits in the journal"
# So long what a silent process told before still counts: one late answer on a busy machine is no trouble yet.
SILENT_SECONDS = 15.0


@dataclass(slots=True)
class Household:
    """`own`: what this process, called `name`, tells; it is not asked over its socket.

    `duties`: what this machine's processes are to do between them. `clock` is monotonic, in seconds.
    """

    place: Path
    name: str
    own: Sayings
    duties: Collection[Duty]
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, Json | None] = field(default_factory=dict)  # what each told
    _silent: dict[str, float] = field(default_factory=dict)  # since when each of those that don't answer

    async def ready(self) -> Report:
        """All checks by name, the first trouble of each; who drains has none any more."""
        found = Report({}, [])
        serving: set[str] = set()
        for name, told in self._patiently(await self._all(READY)).items():
            if told is None:
                found.warnings.append(f"{name} does not answer")
            elif not told["draining"]:
                serving |= duties_of(name)
                found.warnings.extend(told["warnings"])
                for check, trouble in told["checks"].items():
                    found.checks[check] = found.checks.get(check) or trouble
        if "calls" in self.duties:
            found.checks["calls"] = "" if "calls" in serving else NO_CALLS
        if "work" in self.duties and "work" not in serving:
            found.warnings.append(NO_WORK)
        return Report(found.checks, list(dict.fromkeys(found.warnings)))

    def _patiently(self, told: dict[str, Json | None]) -> dict[str, Json | None]:
        """The same, with what those told before who have not been silent for long."""
        now = self.clock()
        self._silent = {name: self._silent.get(name, now) for name, answer in told.items() if answer is None}
        self._last = {name: answer or self._last.get(name) for name, answer in told.items()}
        gone = {name for name, since in self._silent.items() if now - since >= SILENT_SECONDS}
        return {name: None if name in gone else answer for name, answer in self._last.items()}

    async def gauges(self) -> list[Gauge]:
        """Those of all, and how many processes there are of each role."""
        told = await self._all(GAUGES)
        there = Counter(duty for name in told for duty in duties_of(name))
        roles = [
            Gauge("ivr_processes", "Processes of this machine, by what they do.", there[duty], {"role": duty})
            for duty in sorted({*there, *self.duties})
        ]
        own = [apart(Gauge(**each), name) for name, some in told.items() for each in some or ()]
        return [*joined(own), *roles]

    async def going_on(self) -> list[Json]:
        """The calls of this machine."""
        return _flat((await self._all(CALLS)).values())

    async def _all(self, what: str) -> dict[str, Any]:
        others = await ask_all(self.place, what, but=self.name)
        return {self.name: await self.own[what](), **others}


def _flat(told: Iterable[list[Json] | None]) -> list[Json]:
    return [each for some in told for each in some or ()]
