"""`python -m bench.attack --minutes 5 --seed 7`: bad peers on every port beside fifty people who call.

First as many calls alone, then beside the peers, in one run: the time from a key to the next prompt's first
packet must not grow by more than MOST_MS at p99, every complaint must be in the books, and the memory of
Asterisk and our processes must not grow beside them. Exit 1 when one of the three is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from bench import say
from bench.calls import callers, latency
from bench.calls.books import count, settled
from bench.calls.hotline import BenchError, Hotline, hotline
from bench.calls.probe import ProbeError
from bench.calls.report import percentile
from ivr.lab import asterisk as lab
from ivr.lab.packages import PackagesError

MOST_MS = 10.0
MOST_GROWTH = 0.10  # of the memory, from the first minute of the peers to their last
CALL_SECONDS = 90.0  # of one complaint with the built prompts, about
PROBE_SECONDS = 18.0


@dataclass(slots=True)
class Stretch:
    """Calls alone, or beside the peers. Milliseconds from a key's end to the next prompt."""

    beside: str
    calls: int = 0
    completed: int = 0
    cases: int = 0
    p50: float = 0.0
    p99: float = 0.0
    keys: int = 0
    probes_failed: list[str] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)
    peers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """`seconds` of each stretch; `rate` of peers a second."""

    seed: int
    seconds: float
    at_once: int
    rate: float


async def attacked(line: Hotline, asked: Asked, folder: Path) -> list[Stretch]:
    """Both stretches."""
    sip = line.settings.sip
    target = latency.Line((sip.host, sip.port), line.settings.calls.extension)
    say("learning how each prompt begins …")
    beginnings = await latency.learn(target)
    found = []
    for area, beside in (("0412", "nobody"), ("0414", "the peers")):
        say(f"{asked.at_once} calls at once beside {beside}, {asked.seconds:g} s …")
        found.append(await _stretch(line, asked, folder, target, beginnings, area, beside))
        say(as_text(found[-1]))
    return found


async def _stretch(
    line: Hotline, asked: Asked, folder: Path, target: latency.Line, beginnings: list[list[bytes]], area: str,
    beside: str,
) -> Stretch:  # fmt: skip
    sipp, its = lab.sipp(say), Stretch(beside)
    calls = max(asked.at_once, round(asked.seconds * asked.at_once / CALL_SECONDS))
    load = callers.Load(target.server, calls, 1, asked.at_once)
    before, heard = await count(line), latency.Latencies()
    text = callers.complaint(line.settings, sipp, area)
    calling = asyncio.create_task(callers.run(list(sipp.command), load, text, folder))
    await asyncio.sleep(min(CALL_SECONDS, asked.seconds / 4))  # until the line is full
    peers = await _peers(line, asked) if beside == "the peers" else None
    watching = asyncio.create_task(_watch(line, its.mebibytes))
    many = max(4, round(asked.seconds * 3 / PROBE_SECONDS))
    await latency.probes(target, many, 3, beginnings, heard)
    if peers is not None:
        said, _ = await peers.communicate()
        its.peers = json.loads(said)
    outcome = await calling
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    books = (await settled(line, before.cases + outcome.completed)).since(before)
    its.calls, its.completed, its.cases = load.calls, outcome.completed, books.cases
    its.p50, its.p99 = (round(percentile(heard.after, each), 1) for each in (50, 99))
    its.keys, its.probes_failed = len(heard.after), heard.failed
    return its


async def _peers(line: Hotline, asked: Asked) -> asyncio.subprocess.Process:
    its, ports = line.settings, ("web", "agi", "ami", "sip", "ws")
    given = [each for name in ports for each in (f"--{name}", str(getattr(its, name).port))]
    given += ["--rtp", str(its.rtp.start), str(its.rtp.end), "--seed", str(asked.seed)]
    given += ["--seconds", str(asked.seconds), "--rate", str(asked.rate)]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.attack.peers", *given, stdout=asyncio.subprocess.PIPE
    )


async def _watch(line: Hotline, mebibytes: list[float]) -> None:
    while True:
        mebibytes.append(round(memory(line.asterisk) + memory(line.server), 1))
        await asyncio.sleep(5)


def memory(root: int) -> float:
    """MiB of a process and all below it, what they share counted once for each."""
    found = 0
    for each in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
        try:
            found += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return found / 2**20


def missed(quiet: Stretch, beside: Stretch) -> list[str]:
    """What did not hold, one sentence each."""
    found = []
    if not beside.p99 <= quiet.p99 + MOST_MS < latency.LISTENED * 1000:
        found.append(f"key to prompt at p99: {quiet.p99:g} ms alone, {beside.p99:g} ms beside the peers")
    for each in (quiet, beside):
        if each.completed < each.calls or each.cases < each.completed:
            held = f"{each.completed} heard out, {each.cases} cases beside {each.beside}"
            found.append(f"{each.calls} calls, {held}")
        if each.probes_failed:
            found.append(f"{len(each.probes_failed)} measuring calls failed: {each.probes_failed[0]}")
    quarter = len(beside.mebibytes) // 4
    if not quarter:
        found.append(f"memory was looked at {len(beside.mebibytes)} times")
    elif beside.mebibytes[-1] > max(beside.mebibytes[: quarter + 1]) * (1 + MOST_GROWTH):
        found.append(f"memory grew from {beside.mebibytes[0]:g} to {beside.mebibytes[-1]:g} MiB")
    return found


def as_text(each: Stretch) -> str:
    memory = f"{min(each.mebibytes):.0f}–{max(each.mebibytes):.0f} MiB" if each.mebibytes else ""
    told = f"{sum(each.peers.values())} peers of {len(each.peers)} kinds" if each.peers else ""
    return (
        f"beside {each.beside:10} {each.completed}/{each.calls} calls, {each.cases} cases; key to prompt "
        f"p50 {each.p50:.1f} p99 {each.p99:.1f} ms of {each.keys}; {memory} {told}"
    )


def main() -> None:
    """Exit 1 when the peers disturbed anybody."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each of the two stretches (5)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="replays a run")
    parser.add_argument("--at-once", type=int, default=50, help="calls at the same time (50)")
    parser.add_argument("--rate", type=float, default=20, help="bad peers a second (20)")
    parser.add_argument("--quick", action="store_true", help="one minute each, 20 calls at once")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    given = parser.parse_args()
    if given.quick:
        given.minutes, given.at_once = 1.0, 20
    asked = Asked(given.seed, given.minutes * 60, given.at_once, given.rate)
    say(f"seed {asked.seed}")
    try:
        quiet, beside = asyncio.run(_bench(asked))
    except (BenchError, ProbeError, lab.LabError, PackagesError, psutil.NoSuchProcess) as error:
        sys.exit(str(error))
    wrong = missed(quiet, beside)
    rows = {"seed": asked.seed, "stretches": [asdict(quiet), asdict(beside)], "missed": wrong}
    print(json.dumps(rows, indent=1) if given.json else "\n".join([as_text(quiet), as_text(beside), *wrong]))
    sys.exit(bool(wrong))


async def _bench(asked: Asked) -> list[Stretch]:
    with tempfile.TemporaryDirectory(prefix="bench-attack-") as name:
        async with hotline(Path(name)) as line:
            return await attacked(line, asked, Path(name))


if __name__ == "__main__":
    main()
