"""The watchdog ends a process whose loop stands still, and leaves a busy one alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from ivr.lab.pace import patience

PROGRAM = """
import asyncio, sys, time
from ivr.loops.watchdog import watch_loop

async def main():
    began = time.monotonic()
    watching = asyncio.create_task(watch_loop({limit}))
    for _ in range(20):  # turns, not time: what holds these up holds up the signs, too
        await asyncio.sleep({limit} * 3 / 40)
    turned = time.monotonic() - began
    print("still here", *(sys.argv[1:] and [turned]), flush=True)
    time.sleep({stall})
    watching.cancel()

asyncio.run(main())
print("ended by itself", flush=True)
"""


def run(stall: float) -> subprocess.CompletedProcess[str]:
    """`stall`: how many times what it may stand still."""
    limit = patience(2.0)
    program = PROGRAM.format(limit=limit, stall=stall * limit)
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(60), check=False)


def test_a_loop_that_stands_still_ends_the_process_and_tells_where() -> None:
    done = run(10)
    assert (done.returncode, done.stdout) == (1, "still here\n")
    assert "Timeout" in done.stderr and 'File "<string>"' in done.stderr


def test_a_loop_that_turns_is_left_alone() -> None:
    done = run(0)
    assert (done.returncode, done.stdout) == (0, "still here\nended by itself\n")


def test_systemd_hears_of_a_loop_that_turns_and_nothing_of_one_that_stands_still(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(0.01)
        program = PROGRAM.format(limit=5, stall=3)
        environment = {**os.environ, "NOTIFY_SOCKET": address}
        command = [sys.executable, "-c", program, "tell how long it turned"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        signs = 0
        while True:  # read as they come: such a socket holds ten
            try:
                assert systemd.recv(64) == b"WATCHDOG=1"
                signs += 1
            except TimeoutError:
                if process.poll() is not None:
                    break
        said, _ = process.communicate()
        assert process.returncode == 0
        turned = float(said.split()[2])
    assert 12 <= signs <= turned / 0.5 + 2, "every half second in which it turned, none after"
