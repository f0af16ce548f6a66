"""A run of tests, or a bench, that is killed leaves nothing behind.

Asterisk, PostgreSQL, servers and browsers end with it: everything that a run starts inherits a mark in its
environment. A small process outlives the run, sees the pipe to it close however it ended, ends whatever bears
the mark, and removes what the run kept in memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil

from ivr.lab.pace import patience
from ivr.settings import ROOT

MARK = "IVR_TEST_RUN"
MEMORY = Path("/dev/shm")
SECONDS = 10.0  # those that end properly have this long, PostgreSQL above all


def put_on() -> subprocess.Popen[bytes] | None:
    """Once a run, before it starts anything. The keeper, to be kept; None: a run that we are part of did."""
    if MARK in os.environ:
        return None
    os.environ[MARK] = uuid.uuid4().hex
    keeper = [sys.executable, "-m", "ivr.lab.leash", os.environ[MARK]]
    unmarked = {name: value for name, value in os.environ.items() if name != MARK}
    null = subprocess.DEVNULL
    # Nobody writes to its input: it is closed when this process ends.
    return subprocess.Popen(
        keeper, stdin=subprocess.PIPE, stdout=null, env=unmarked, cwd=ROOT, start_new_session=True
    )


def prefix(mark: str) -> str:
    """What the run's folders in MEMORY begin with; short, for sockets lie in them."""
    return f"seda-{mark[:8]}-"


def marked(mark: str) -> list[psutil.Process]:
    """The processes of that run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def end(mark: str) -> None:
    """Ask them to end, then make them."""
    until = time.monotonic() + patience(SECONDS)
    for process in (asked := marked(mark)):
        _send(process, "terminate")
    psutil.wait_procs(asked, timeout=SECONDS)
    while (left := marked(mark)) and time.monotonic() < until + SECONDS:
        for process in left:
            _send(process, "kill")
        psutil.wait_procs(left, timeout=1.0)
    for folder in MEMORY.glob(f"{prefix(mark)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _send(process: psutil.Process, how: str) -> None:
    with suppress(psutil.Error):
        getattr(process, how)()


if __name__ == "__main__":
    sys.stdin.read()
    end(sys.argv[1])
