"""`ivr serve --workers N`: processes side by side; one that dies is started again. This one carries no call.

A worker that ends well was told to, by us or by whoever took over, and is not started again.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time

from ivr.app import prepare_logging
from ivr.loops.sockets import drain, meeting_place, siblings
from ivr.settings import Settings

log = logging.getLogger(__name__)

SOON_SECONDS = 20.0  # who dies sooner is started again ever more slowly …
LONGEST_WAIT = 30.0  # … up to this
READY_SECONDS = 90.0


def serve(settings: Settings, many: int, take_over: bool) -> int:
    """Until SIGTERM, SIGINT or somebody's take-over. Exit code 1 when taking over failed."""
    prepare_logging(settings)
    return asyncio.run(_Workers(settings, many).run(take_over))


class _Workers:
    def __init__(self, settings: Settings, many: int) -> None:
        self.place = meeting_place(settings)
        self.many = many
        self.careful = False
        self.stopping = asyncio.Event()
        self.processes: set[asyncio.subprocess.Process] = set()

    async def run(self, take_over: bool) -> int:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self._stop)
        older = siblings(self.place)
        self.careful = take_over and bool(older)
        keeping = [asyncio.create_task(self._keep()) for _ in range(self.many)]
        failed = self.careful and not await self._take_over(older)
        if failed:
            log.error("not taking over: the new workers did not become ready; the older ones go on")
            self._stop()
        await asyncio.gather(*keeping)
        return int(failed)

    def _stop(self) -> None:
        self.stopping.set()
        for process in self.processes:
            process.terminate()

    async def _keep(self) -> None:
        wait = 1.0
        while not self.stopping.is_set():
            began = time.monotonic()
            # A session of its own: Ctrl-C comes to us, and we tell them.
            command = [sys.executable, "-m", "ivr.cli", "serve", *(["--when-ready"] if self.careful else [])]
            process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
            self.processes.add(process)
            if self.stopping.is_set():
                process.terminate()
            code = await process.wait()
            self.processes.discard(process)
            if code == 0:
                return
            wait = 1.0 if time.monotonic() - began > SOON_SECONDS else min(wait * 2, LONGEST_WAIT)
            log.error("worker %d died (%d); another starts in %g s", process.pid, code, wait)
            try:
                await asyncio.wait_for(self.stopping.wait(), wait)
            except TimeoutError:
                continue

    async def _take_over(self, older: list[str]) -> bool:
        """Whether all of ours came to serve; then the older ones are told to drain."""
        deadline = time.monotonic() + READY_SECONDS
        while len(set(siblings(self.place)) - set(older)) < self.many:
            if self.stopping.is_set() or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.1)
        self.careful = False  # from now on any answer is better than none
        await asyncio.to_thread(drain, self.place, older)
        return True
