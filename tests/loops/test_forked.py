"""A forked process lives a life of its own: its end is known, and what is told to it reaches nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ivr.lab.pace import patience

PROGRAM = """
import asyncio, json, os, signal, sys, time
from pathlib import Path
from ivr.loops.forked import Forked, share

async def turn():
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    Path(sys.argv[1]).touch()
    await told.wait()

def loops():
    asyncio.run(turn())
    sys.exit(7)

async def main():
    told = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.append, "SIGTERM")
    share()
    good, refusing = Forked(lambda: None, "seda good"), Forked(lambda: sys.exit(2), "seda refusing")
    failing, killed = Forked(lambda: 1 / 0, "seda failing"), Forked(lambda: time.sleep(600), "seda sleeps")
    early, looping = Forked(lambda: time.sleep(600), "seda early"), Forked(loops, "seda looping")
    early.terminate()  # before or after it has shed our handlers: it ends, and we hear nothing
    killed.kill()
    while not Path(sys.argv[1]).exists():
        await asyncio.sleep(0.01)
    found = {"name": Path(f"/proc/{looping.pid}/comm").read_text().strip()}
    found["own group"] = os.getpgid(looping.pid) == looping.pid
    looping.terminate()
    each = good, refusing, failing, killed, early, looping
    found["codes"] = [await one.wait() for one in each]
    looping.terminate()  # it is gone: harmless
    found["told"] = told
    print(json.dumps(found))

asyncio.run(main())
"""


# No room for a process; then a Python that can't watch it, and none for one file more, by which it could be.
CROWDED = """
import asyncio, json, os, resource, signal, sys, time
from ivr.loops.forked import Forked

def refused():
    raise BlockingIOError("no room")

def tries():
    try:
        Forked(lambda: time.sleep(600), "seda crowded")
    except (OSError, AttributeError):
        left = []
        try:
            left = [os.waitpid(-1, os.WNOHANG)]
        except ChildProcessError:
            pass
        return len(left), len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

async def main():
    forks, os.fork = os.fork, refused
    found = [tries()]
    os.fork = forks
    watches = os.pidfd_open
    del os.pidfd_open
    found.append(tries())
    os.pidfd_open = watches
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), most))
    while True:
        try:
            os.dup(0)
        except OSError:
            break
    print(json.dumps({"left and blocked": [*found, tries()]}))

asyncio.run(main())
"""


def ran(*arguments: str, program: str = PROGRAM) -> tuple[dict[str, Any], str]:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60), check=True)
    return json.loads(done.stdout), done.stderr


def test_each_ends_in_its_own_way_and_the_parent_is_told_nothing_that_was_meant_for_a_child(
    tmp_path: Path,
) -> None:
    found, said = ran(f"{tmp_path}/turns")
    assert found["codes"] == [0, 2, 1, -9, -15, 7]
    assert found["told"] == [] and found["own group"] and found["name"] == "seda looping"
    assert said.count("Traceback") == 1 and "ZeroDivisionError" in said


def test_where_there_is_no_room_for_a_child_none_is_left_unwatched_and_no_signal_stays_blocked() -> None:
    found, _ = ran(program=CROWDED)
    assert found["left and blocked"] == [[0, 0]] * 3
