"""`python -m bench.calls`: SIPp's calls through a real Asterisk, our server, and PostgreSQL, measured.

A round for each length of words, and one more of the first with people who click through the panel meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import say
from bench.calls import callers, latency, panel
from bench.calls.books import count, settled
from bench.calls.cpu import Meter
from bench.calls.hotline import BenchError, Hotline, hotline
from bench.calls.probe import ProbeError
from bench.calls.report import Result, as_json, as_text, compared
from bench.halt.clicking import GaveUp
from ivr.lab import asterisk as lab
from ivr.lab.packages import PackagesError

PROBES_AT_ONCE = 8  # so that all are through while the line is still full


class Round(NamedTuple):
    """So many seconds of words; whether people click through the panel beside it."""

    words: int
    panel: bool = False


def main() -> None:
    """Exit 0 when every target is met, 1 otherwise, 2 on wrong usage."""
    asked = _arguments()
    rounds = [*map(Round, asked.words), Round(asked.words[0], panel=True)]
    try:
        results = [asyncio.run(_bench(asked, each)) for each in rounds]
    except (BenchError, GaveUp, ProbeError, lab.LabError, PackagesError) as error:
        sys.exit(str(error))
    told = as_json(results) if asked.json else "\n\n".join([*map(as_text, results), compared(results)])
    print(told)
    sys.exit(1 if any(result.missed for result in results) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__)
    parser.add_argument("--rate", type=int, default=20, help="new calls per second")
    parser.add_argument("--at-once", type=int, default=300, help="calls at the same time")
    parser.add_argument("--calls", type=int, default=900, help="calls in all")
    parser.add_argument("--probes", type=int, default=40, help="measuring calls among them")
    parser.add_argument("--words", type=int, nargs="+", default=[8, 20], help="seconds each caller speaks")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    parser.add_argument("--quick", action="store_true", help="60 calls, 30 at once, 8 probes")
    parser.add_argument("--profile", type=Path, help="write the server's cProfile there (costs CPU)")
    parser.add_argument("--keep", type=Path, help="keep the state (logs, recordings) in this new folder")
    asked = parser.parse_args()
    if asked.quick:
        asked.rate, asked.at_once, asked.calls, asked.probes = 10, 30, 60, 8
    return asked


async def _bench(asked: argparse.Namespace, which: Round) -> Result:
    keep = asked.keep and asked.keep / f"{which.words}-seconds{'-panel' * which.panel}"
    if keep and keep.exists():
        raise BenchError(f"{keep} is there already: --keep wants a new folder")
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as folder:
        state = keep or Path(folder)
        state.mkdir(parents=True, exist_ok=True)
        async with hotline(state, _profiled(asked.profile)) as line:
            return await _measure(line, asked, state, which)


def _profiled(where: Path | None) -> list[str] | None:
    if where is None:
        return None
    profiled = [sys.executable, "-m", "cProfile", "-o", str(where.resolve())]
    return [*profiled, "-m", "ivr.cli", "serve", "--role", "all"]  # in one process


async def _measure(line: Hotline, asked: argparse.Namespace, state: Path, which: Round) -> Result:
    sip = line.settings.sip
    target = latency.Line((sip.host, sip.port), line.settings.calls.extension)
    say("learning how each prompt begins …")
    beginnings = await latency.learn(target)
    load = callers.Load((sip.host, sip.port), asked.calls, asked.rate, asked.at_once)
    sipp = lab.sipp(say)
    text = callers.complaint(line.settings, sipp, words=which.words)
    cookie = await panel.filled(line) if which.panel else ""
    before = await count(line)
    meter = Meter.start(
        {"asterisk": line.asterisk, "server": line.server, "postgresql": line.postgres},
    )
    say(f"{asked.calls} calls, {asked.rate} a second, {asked.at_once} at once …")
    found = latency.Latencies()
    calling = asyncio.create_task(callers.run(list(sipp.command), load, text, state))
    async with panel.busy(line, cookie):
        await asyncio.sleep(min(20.0, asked.at_once / asked.rate))  # until the line is full
        await latency.probes(target, asked.probes, PROBES_AT_ONCE, beginnings, found)
    outcome = await calling
    books = await settled(line, outcome.completed + before.cases)
    books = books.since(before)
    return Result(outcome, books, meter.read(), found, asked.calls, asked.at_once, *which)


if __name__ == "__main__":
    main()
