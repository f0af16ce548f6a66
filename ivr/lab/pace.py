"""How long to wait on this machine until something is called missing.

A ceiling in seconds that suits an idle machine calls a busy one broken. It grows here with what the machine
is worth (a fixed piece of work, timed once) and with what waits for its processors at that moment.
"""

from __future__ import annotations

import os
import time
from functools import cache
from hashlib import sha256

USUAL_SECONDS = 0.0065  # that the piece of work takes on the machine where the ceilings were set
MOST = 8.0


def patience(seconds: float) -> float:
    """That ceiling on this machine as it is now: one to eight times as long."""
    return seconds * min(MOST, slowness() * crowding())


@cache
def slowness() -> float:
    """1 for the usual machine, 2 for one that takes twice as long for the same work."""
    began = time.thread_time()
    for _ in range(20_000):
        sha256(b"seda111").digest()
    return max(1.0, (time.thread_time() - began) / USUAL_SECONDS)


def crowding() -> float:
    """How many were ready to run for each processor in the last minute, at least 1 (getloadavg(3))."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
