"""`ivr serve`: the roles of this machine as processes of their own; one that dies is started again.

This one carries no call, holds no socket and parses nothing. It has imported what all of them need and forks
them (`ivr/loops/forked.py`): so it runs no thread and opens no database. Who ends because we told it to, or
whoever took over, is not started again; any other is, also one that somebody's SIGTERM let end well. One
whose loop gives no sign of life is killed. If this one dies, the others drain.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ivr import app
from ivr.commands.output import in_sentences
from ivr.loops.every import Loops
from ivr.loops.forked import Forked, SharedFlag, share
from ivr.loops.sockets import drain, meeting_place, siblings
from ivr.loops.telling import duties_of, is_alive, name_of, telling_place
from ivr.loops.watchdog import ALIVE, tell_systemd
from ivr.settings import Duty, Settings

log = logging.getLogger(__name__)

SOON_SECONDS = 20.0  # who dies sooner is started again ever more slowly …
LONGEST_WAIT = 30.0  # … up to this
READY_SECONDS = 90.0
ALL_SECONDS = 20.0  # for so long systemd is kept waiting for all of them
SIGN_SECONDS = 5.0  # how often each is asked for a sign of life …
SILENT_SECONDS = 30.0  # … and for how long it may give none, once it serves
LAST = "work"  # goes on until no other is left: what callers say at the end is brought into the books


def serve(settings: Settings, many: int, take_over: bool, when_ready: bool) -> int:
    """Until SIGTERM, SIGINT or somebody's take-over. `many`: processes that carry calls.

    Exit code 1 where they did not become ready that should have first.
    """
    app.prepare_logging(settings, "parent")
    share()
    roles = [duty for duty in settings.serve.roles for _ in range(many if duty == "calls" else 1)]
    return asyncio.run(_Processes(settings, roles).run(take_over, when_ready))


@dataclass(slots=True)
class _Kept:
    """One of them. `lived_at`: the last sign of life, None before it serves."""

    role: Duty
    process: Forked | None = None
    unfit: bool = False  # it said at once why it can't serve
    drained: SharedFlag = field(default_factory=SharedFlag)  # whoever took over told it to drain
    lived_at: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return name_of([self.role], self.process.pid) if self.process else ""


class _Processes:
    def __init__(self, settings: Settings, roles: list[Duty]) -> None:
        self.settings = settings
        self.place, self.asked_at = meeting_place(settings), telling_place(settings)
        self.kept = [_Kept(role) for role in roles]
        self.careful = False
        self.stopping = asyncio.Event()

    async def run(self, take_over: bool, when_ready: bool) -> int:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self.stopping.set)
        older = siblings(self.place) if take_over else []
        self.careful = when_ready or bool(older)
        keeping = [asyncio.create_task(self._keep(kept)) for kept in self.kept]
        loops = Loops()  # each is begun again if it fails: none may hang unseen, and all end when told to
        loops.every("the watch over our processes", SIGN_SECONDS, self._watch, longest=SIGN_SECONDS)
        loops.start("the end of our processes", self._end, longest=1.0)
        failed = not await self._come(older) and self.careful
        if failed:
            log.error("our processes did not become ready, so none serves; older ones go on")
            self.stopping.set()
        await asyncio.gather(*keeping)
        await loops.close()
        return int(failed or any(kept.unfit for kept in self.kept))

    async def _end(self) -> None:
        """Once told to stop: all at once, and the work behind them."""
        await self.stopping.wait()
        last = [kept for kept in self.kept if kept.role == LAST]
        others = [kept for kept in self.kept if kept.role != LAST]
        for kept in others:
            _terminate(kept)
        await asyncio.gather(*(kept.ended.wait() for kept in others))
        for kept in last:
            _terminate(kept)

    async def _keep(self, kept: _Kept) -> None:
        wait = 1.0
        while not self._may_end(kept):
            began = time.monotonic()
            try:
                kept.process = process = self._start(kept)
            except OSError as error:  # no room for one more process, or no free file: the others go on
                wait = min(wait * 2, LONGEST_WAIT)
                log.error("%s can't be started: %s; tried again in %g s", kept.role, error.strerror, wait)
                await self._rest(wait)
                continue
            kept.lived_at = None
            if self.stopping.is_set():
                process.terminate()
            code = await process.wait()
            kept.unfit = code in (1, 2) and kept.lived_at is None and not kept.drained.is_set()
            told = self._may_end(kept)
            if told and code not in (0, -signal.SIGTERM):
                log.error("%s died (%d) as it drained", kept.name, code)
            if told or all(each.unfit for each in self.kept):
                break
            wait = 1.0 if time.monotonic() - began > SOON_SECONDS else min(wait * 2, LONGEST_WAIT)
            how = f"died ({code})" if code else "ended, and none of ours told it to"
            log.error("%s %s; another starts in %g s", kept.name, how, wait)
            await self._rest(wait)
        kept.ended.set()
        if kept.unfit:
            self.stopping.set()

    def _may_end(self, kept: _Kept) -> bool:
        """We told it to, or whoever took over did: it, or the others while it was ending already."""
        if self.stopping.is_set() or kept.drained.is_set():
            return True
        if not any(each.drained.is_set() for each in self.kept):
            return False
        ours = {each.name for each in self.kept}
        return any(kept.role in duties_of(name) for name in siblings(self.place) if name not in ours)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    def _start(self, kept: _Kept) -> Forked:
        parent = os.getpid()
        careful, drained = self.careful, kept.drained.set
        serving = partial(
            app.serve, self.settings, (kept.role,), when_ready=careful, parent=parent, drained=drained
        )
        return Forked(partial(in_sentences, serving), f"ivr {kept.role}")

    async def _come(self, older: list[str]) -> bool:
        """Whether ours came to serve; then the older ones are told to drain, if we take over."""
        began = time.monotonic()
        deadline = began + READY_SECONDS
        while not self._serve(time.monotonic() - began):
            ended = all(kept.ended.is_set() for kept in self.kept)
            if self.stopping.is_set() or ended or (self.careful and time.monotonic() > deadline):
                return False
            await asyncio.sleep(0.1)
        tell_systemd()
        if self.careful:
            self.careful = False  # from now on any answer is better than none
            drain(self.place, older)
        return True

    def _serve(self, seconds: float) -> bool:
        """Whether all of ours do; so late, and with nobody to relieve, one that carries calls is enough.

        Else systemd would end a line that is well for a role that can't start.
        """
        there = set(siblings(self.place))
        if self.careful or seconds < ALL_SECONDS:
            return {kept.name for kept in self.kept} <= there
        calls = [kept for kept in self.kept if kept.role == "calls"]
        return any(kept.name in there for kept in calls or self.kept)

    async def _watch(self) -> None:
        """Kill who hangs: it can't always end itself."""
        tell_systemd(ALIVE)
        await asyncio.gather(*(self._look_at(kept) for kept in self.kept))

    async def _look_at(self, kept: _Kept) -> None:
        process, now = kept.process, time.monotonic()
        if process is None or process.returncode is not None:
            return
        if await is_alive(self.asked_at, kept.name):
            kept.lived_at = time.monotonic()
        elif kept.lived_at is not None and now - kept.lived_at > SILENT_SECONDS:
            log.error("%s has given no sign of life for %g s and is killed", kept.name, SILENT_SECONDS)
            process.kill()


def _terminate(kept: _Kept) -> None:
    if kept.process is not None and kept.process.returncode is None:
        kept.process.terminate()
