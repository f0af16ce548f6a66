"""A stalled event loop must not hold calls for ever: it ends the process, and who started it starts it again.

A call whose server dies falls into the dialplan's fall-back at once; one whose server accepts and is silent
would wait for the absolute time-out (design.md §5).
"""

from __future__ import annotations

import asyncio
import faulthandler

STALL_SECONDS = 20.0


async def watch_loop(seconds: float = STALL_SECONDS) -> None:
    """For ever. When the loop gets no turn for that long, print every thread's stack and exit with code 1."""
    try:
        while True:
            faulthandler.dump_traceback_later(seconds, exit=True)  # a C thread: no stalled Python can stop it
            await asyncio.sleep(seconds / 10)
    finally:
        faulthandler.cancel_dump_traceback_later()
