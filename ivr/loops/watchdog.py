"""A stalled event loop must not hold calls for ever: it ends the process, and who started it starts it again.

A call whose server dies falls into the dialplan's fall-back at once; one whose server accepts and is silent
would wait for the dialplan's limit. A process that gets no turn at all, stopped or starved,
can't end itself: systemd misses its sign of life and ends it (`WatchdogSec`, docs/production.md).
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import os
import signal
import socket
from contextlib import suppress

READY, ALIVE = b"READY=1", b"WATCHDOG=1"
STALL_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1  # prctl(2)


async def watch_loop(seconds: float = STALL_SECONDS) -> None:
    """For ever. When the loop gets no turn for that long, print every thread's stack and exit with code 1."""
    try:
        while True:
            faulthandler.dump_traceback_later(seconds, exit=True)  # a C thread: no stalled Python can stop it
            tell_systemd(ALIVE)
            await asyncio.sleep(seconds / 10)
    finally:
        faulthandler.cancel_dump_traceback_later()


def tell_systemd(what: bytes = READY) -> None:
    """Where systemd wants to know: that we serve, and it may stop the other one now; that our loop turns."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.setblocking(False)
            systemd.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            systemd.send(what)


def end_with_parent(parent: int) -> None:
    """Where `ivr serve` started us beside others: when it dies we are told to drain, and systemd hears of us
    from it alone.
    """
    os.environ.pop("NOTIFY_SOCKET", None)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died meanwhile
        signal.raise_signal(signal.SIGTERM)
