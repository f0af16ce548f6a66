"""`python -m bench.journal`: what journalling costs a hotline, and what flushing her words does.

Three hotlines, each a real Asterisk, PostgreSQL and `ivr serve`: the whole one, one without a journal, one
that flushes no recording. They take turns with SIPp's calls, a complaint each, so that what else the machine
does hits all. Measured: the server's CPU per call (user and system, the pump into PostgreSQL included; less
what it spends while others have their turn, which no call is the cause of), and the time from Asterisk's word
that a recording has ended until we ask for the next prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import say
from bench.calls import callers
from bench.calls.books import count, settled
from bench.calls.cpu import seconds
from bench.calls.hotline import BenchError, Hotline, hotline
from bench.calls.report import percentile
from ivr.lab import asterisk as lab
from ivr.lab.packages import PackagesError

MOST_CPU, MOST_MS = 0.10, 5.0  # what journalling may add
WHOLE, NO_JOURNAL, UNFLUSHED = KINDS = "whole", "no journal", "unflushed"
WARM = 40  # calls


@dataclass
class Side:
    """One hotline. CPU in seconds over `calls`; `idle` over `resting` seconds."""

    state: Path
    line: Hotline
    turns: int = 0
    calls: int = 0
    busy: float = 0.0
    cpu: float = 0.0
    resting: float = 0.0
    idle: float = 0.0
    waited_ms: list[float] = field(default_factory=list)

    @property
    def idle_ms_per_second(self) -> float:
        return self.idle * 1000 / self.resting

    @property
    def ms_per_call(self) -> float:
        return (self.cpu * 1000 - self.idle_ms_per_second * self.busy) / self.calls

    @property
    def p95_ms(self) -> float:
        return percentile(self.waited_ms, 95)


def told(state: Path) -> Path:
    """Where that hotline's server leaves the milliseconds it measured."""
    return state / "waited.json"


async def turn(side: Side, others: Sequence[Side], sipp: lab.Program, asked: argparse.Namespace) -> None:
    """One load of calls on this side while the others rest. Raises BenchError unless each became a case."""
    target, calls = side.line.settings, asked.calls
    text = callers.complaint(target, sipp, area=f"04{12 + side.turns}")
    load = callers.Load((target.sip.host, target.sip.port), calls, asked.rate, asked.at_once)
    before = await count(side.line)
    spent, began = seconds(side.line.server), time.monotonic()
    rested = [seconds(other.line.server) for other in others]
    outcome = await callers.run([*sipp.command], load, text, side.state)
    books = (await settled(side.line, before.cases + calls)).since(before)
    lasted = time.monotonic() - began
    side.cpu, side.busy = side.cpu + seconds(side.line.server) - spent, side.busy + lasted
    for other, had in zip(others, rested, strict=True):
        other.idle, other.resting = other.idle + seconds(other.line.server) - had, other.resting + lasted
    side.calls, side.turns = side.calls + calls, side.turns + 1
    if outcome.completed != calls or books.cases != calls:
        raise BenchError(f"of {calls} calls {outcome.completed} were completed, {books.cases} became cases")


async def measure(asked: argparse.Namespace) -> dict[str, Side]:
    """Each hotline, by its kind."""
    sipp = lab.sipp(say)
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        async with AsyncExitStack() as stack:
            sides = {}
            for kind in KINDS:
                state = Path(folder) / kind[:2]  # short: a socket's path has 107 bytes
                state.mkdir()
                serve = [sys.executable, "-m", "bench.journal.server", kind, str(told(state))]
                sides[kind] = Side(state, await stack.enter_async_context(hotline(state, serve)))
            await _turns(sides, sipp, argparse.Namespace(**{**vars(asked), "calls": WARM}))
            sides = {kind: Side(warm.state, warm.line, warm.turns) for kind, warm in sides.items()}
            for number in range(asked.rounds):
                say(f"round {number + 1} of {asked.rounds} …")
                await _turns(sides, sipp, asked, backwards=bool(number % 2))
        for side in sides.values():
            side.waited_ms = json.loads(told(side.state).read_text())[WARM:]
        return sides


async def _turns(
    sides: Mapping[str, Side], sipp: lab.Program, asked: argparse.Namespace, backwards: bool = False
) -> None:
    for kind in reversed(KINDS) if backwards else KINDS:
        say(f"the turn of: {kind}")
        await turn(sides[kind], [side for other, side in sides.items() if other != kind], sipp, asked)


def main() -> None:
    """Exit 0 when both targets of journalling are met, 1 otherwise."""
    asked = _arguments()
    try:
        sides = asyncio.run(measure(asked))
    except (BenchError, lab.LabError, PackagesError) as error:
        sys.exit(str(error))
    journal, flush = (_more(sides[WHOLE], sides[kind]) for kind in (NO_JOURNAL, UNFLUSHED))
    good = journal[0] <= MOST_CPU and journal[1] <= MOST_MS
    if asked.json:
        found = {kind: {"cpu_ms_per_call": round(s.ms_per_call, 3), "p50_ms": statistics.median(s.waited_ms),
                        "p95_ms": s.p95_ms, "idle_ms_per_second": s.idle_ms_per_second, "calls": s.calls,
                        } for kind, s in sides.items()}  # fmt: skip
        more = {"more_cpu": journal[0], "more_p95_ms": journal[1],
                "flush_more_cpu": flush[0], "flush_more_p95_ms": flush[1]}  # fmt: skip
        print(json.dumps({**found, **more, "met": good}, indent=2))
    else:
        for kind, each in sides.items():
            print(f"{kind:10}  {each.ms_per_call:.2f} ms CPU per call ({each.calls} calls), "
                  f"{each.idle_ms_per_second:.1f} ms a second without any")  # fmt: skip
            p50 = statistics.median(each.waited_ms)
            print(f"            end of recording → next prompt p50 {p50:.1f} p95 {each.p95_ms:.1f} ms")
        print(f"journalling adds {journal[0]:+.1%} CPU (at most {MOST_CPU:.0%}) and {journal[1]:+.1f} ms p95 "
              f"(at most {MOST_MS:g}): {'met' if good else 'MISSED'}")  # fmt: skip
        print(f"flushing her words adds {flush[0]:+.1%} CPU and {flush[1]:+.1f} ms p95")
    sys.exit(0 if good else 1)


def _more(whole: Side, without: Side) -> tuple[float, float]:
    """Share of CPU, and milliseconds at p95."""
    return whole.ms_per_call / without.ms_per_call - 1, whole.p95_ms - without.p95_ms


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="turns of each hotline")
    parser.add_argument("--calls", type=int, default=300, help="calls in a turn")
    parser.add_argument("--rate", type=int, default=6, help="new calls per second")
    parser.add_argument("--at-once", type=int, default=300, help="calls at the same time")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    parser.add_argument("--quick", action="store_true", help="1 turn of 40 calls")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.calls = 1, 40
    return asked


if __name__ == "__main__":
    main()
