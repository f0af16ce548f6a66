"""The watchdog ends a process whose loop stands still, and leaves a busy one alone."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, time
from ivr.watchdog import watch_loop

async def main():
    watching = asyncio.create_task(watch_loop(0.5))
    await asyncio.sleep(1.5)
    print("still here", flush=True)
    time.sleep({stall})
    watching.cancel()

asyncio.run(main())
print("ended by itself", flush=True)
"""


def run(stall: float) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(stall=stall)
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_loop_that_stands_still_ends_the_process_and_tells_where() -> None:
    done = run(30)
    assert (done.returncode, done.stdout) == (1, "still here\n")
    assert "Timeout" in done.stderr and 'File "<string>"' in done.stderr


def test_a_loop_that_turns_is_left_alone() -> None:
    done = run(0)
    assert (done.returncode, done.stdout) == (0, "still here\nended by itself\n")
