"""`python -m bench.agi`: what a call costs: the whole product, and beside it the bare channel, the servers of
panoramisk, pystrix and zaf/agi (where there is Go) and a C floor under the same load.

The whole product is `ivr serve` with its journal, menu, codes and pump, and PostgreSQL; its cost is compared
with the C floor's, which sends twenty lines a call and understands nothing. Each server of the others runs on
one core, the generator on another. Rounds are interleaved and medians shown, for other work on the machine
disturbs; CPU per call compares best. What is measured is printed at once, the product's part last. `--quick`
takes one short round, `--product` the product and the floor alone, `--json` prints every figure. Exit 1 when
a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.agi.building import BIN, build_c, those_there
from bench.agi.product import measured
from bench.agi.report import PRODUCT, SERVERS, Figures, show
from bench.agi.servers import COMMANDS, our_server
from ivr.lab.ports import free

LOADS = ("1", "100", "1000", "5000", "paced", "idle")
START_SECONDS = 180.0
PACED_CALLS, PACED_MS, IDLE_CALLS = 5_000, 250, 10_000
# A thread for each call: thousands of them keep the machine busy with nothing else.
THREADED, MOST_THREADS = ("pystrix",), ("1", "100", "1000")


async def write_script(path: Path) -> None:
    """Take the lines of one call from our own server, so that the others send the very same."""
    server = our_server(0, path.parent / "recordings")
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"agi_network: yes\nagi_uniqueid: 1.1\nagi_arg_1: secret\n\n")
    lines = []
    while line := await reader.readline():
        lines.append(line)
        writer.write(b"200 result=1 (OK 1)\n" if line.startswith(b"GET") else b"200 result=0\n")
    writer.close()
    await server.close()
    assert len(lines) == COMMANDS, f"a call has {len(lines)} commands, not {COMMANDS}"
    path.write_bytes(b"".join(lines))


@contextmanager
def serving(name: str, script: Path) -> Iterator[tuple[int, int]]:
    """Start a server; its port and process id."""
    port = free()
    ours = [sys.executable, "-m", "bench.agi.servers", name]
    command = [str(BIN / name)] if name in ("floor", "zaf") else ours
    process = subprocess.Popen(pinned([*command, str(port), str(script)], -1), stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """However long it takes to import what it needs: a busy machine must not end a bench of half an hour."""
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                # A whole opening: a peer that leaves before the blank line makes panoramisk spin for ever.
                probe.sendall(b"agi_network: yes\nagi_network_script: none\n\n")
                time.sleep(0.3)
                return
        time.sleep(0.05)
    raise RuntimeError(f"no server on port {port}")


def pinned(command: list[str], which: int) -> list[str]:
    """On the first or the last of the cores that are ours to use."""
    cores = sorted(os.sched_getaffinity(0))
    return command if len(cores) == 1 else ["taskset", "-c", str(cores[which]), *command]


def generate(
    port: int, pid: int, calls: int, seconds: float, delay_ms: int = 0, idle: bool = False
) -> Figures:
    """Put load on the server at `port`, whose process is `pid`; what generator.c measured."""
    numbers = (port, pid, calls, COMMANDS, int(seconds) if idle else seconds, delay_ms, int(idle))
    command = pinned([str(BIN / "generator"), *map(str, numbers)], 0)
    done = subprocess.run(command, check=True, capture_output=True, timeout=300)
    figures: Figures = json.loads(done.stdout)
    return figures


def measure(script: Path, name: str, mode: str, seconds: float) -> Figures:
    """One server, one kind of load, in a fresh process."""
    with serving(name, script) as (port, pid):
        if mode == "idle":
            return generate(port, pid, IDLE_CALLS, 1, idle=True)
        if mode == "paced":
            return generate(port, pid, PACED_CALLS, max(seconds, 3), PACED_MS)
        return generate(port, pid, int(mode), max(seconds, int(mode) / 1_000))


def median(rounds: list[Figures]) -> Figures:
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def run(
    rounds: int, seconds: float, servers: tuple[str, ...], loads: tuple[str, ...] = LOADS
) -> dict[str, dict[str, Figures]]:
    """Every load on every server: figures by load, then server."""
    found: dict[str, dict[str, Figures]] = {}
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script"
        asyncio.run(write_script(script))
        for mode in loads:
            taken: dict[str, list[Figures]] = {
                name: [] for name in servers if mode in MOST_THREADS or name not in THREADED
            }
            for turn in range(1 if mode == "idle" else rounds):
                for name in taken:
                    print(f"\r{mode:>6} · {turn + 1} · {name:<12}", end="", file=sys.stderr, flush=True)
                    taken[name].append(measure(script, name, mode, seconds))
            found[mode] = {name: median(figures) for name, figures in taken.items()}
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.agi", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--servers", default=",".join(SERVERS), help="which of " + ", ".join(SERVERS))
    parser.add_argument("--product", action="store_true", help="the whole product and the C floor alone")
    options = parser.parse_args()
    build_c()
    servers = those_there(("floor",) if options.product else tuple(options.servers.split(",")))
    loads = ("100", "1000") if options.product else LOADS
    found = run(*(1, 1.5) if options.quick else (3, 4.0), servers, loads)
    met = show(found, quietly=options.json)  # at once: the product's part may take long, or fail
    found[PRODUCT] = asyncio.run(measured(options.quick))
    if options.json:
        print(json.dumps(found, indent=2))
    sys.exit(0 if show(found, PRODUCT, quietly=options.json) and met else 1)


if __name__ == "__main__":
    main()
