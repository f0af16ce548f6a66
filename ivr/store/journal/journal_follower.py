"""The facts of a journal that another process writes, or of one that nobody has any more, on their way out.

Its writer rings after each flush (`bell`); every second the folder is looked at all the same.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

from ivr.store.journal import bell, journal_reading
from ivr.store.journal.applied import Applied, JournalError, JournalInUse, Position, shown

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
APART_SECONDS = 0.05  # between two looks: rings that come meanwhile share one


@dataclass(slots=True)
class JournalFollower(Applied):
    """`open` first, `close` last. One at a time for each folder."""

    _seen: Position = field(default_factory=Position)  # the end of the last file, also of half a line there
    _half: bool = False  # whether half a line was read there …
    _whole: bool = False  # … and nobody is left who would write the rest
    _bell: socket.socket | None = None
    _next: asyncio.TimerHandle | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _looking: asyncio.Task[None] | None = None
    _rang: bool = False  # since it was last looked at …
    _looked: float = 0.0  # … which was then

    def open(self) -> None:
        """Raises JournalInUse when somebody applies these facts, JournalError; then nothing of it is held."""
        self._take()
        self._begin()

    async def open_beside(self) -> None:
        """The same; a disk that hangs holds up nobody else."""
        try:
            await self._disk.ask(self._take)
        except BaseException:
            self._disk.close(self._drop)  # behind `_take`, which a disk may answer long after we gave up
            raise
        self._begin()

    def _take(self) -> None:
        try:
            if not self._claim():
                raise JournalInUse(f"the facts of {self.folder} are applied by another process")
            self._recall()
            self.look()
            self._bell = bell.hang(self.folder)
        except (OSError, ValueError) as error:
            self._let_go()  # else nobody could apply them while this process lives, nor could it
            raise JournalError(f"{self.folder}: {error}") from error

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._bell is not None:
            self._loop.add_reader(self._bell, self._rung)
        self._look_again()

    async def close(self) -> None:
        """Let go of it; where its disk hangs, once that has answered."""
        for each in (self._next, self._looking):
            if each is not None:
                each.cancel()
        if self._bell is not None:
            asyncio.get_running_loop().remove_reader(self._bell)
        await self._end_with(self._save_and_drop)

    def _save_and_drop(self) -> None:
        self.save_checkpoint()
        self._drop()

    def _drop(self) -> None:
        """Whatever `_take` took."""
        if self._bell is not None:
            with suppress(OSError):  # a disk that refuses it is let go of all the same
                (self.folder / bell.NAME).unlink(missing_ok=True)
            self._bell.close()
            self._bell = None
        self._let_go()

    async def flush(self) -> None:
        """Everything written so far counts."""
        await self._disk.ask(self.look)

    async def has_ended(self) -> bool:
        """The same as `is_over`; a disk that hangs holds up nobody else."""
        return await self._disk.ask(lambda: self.is_over)

    @property
    def is_over(self) -> bool:
        """Whether nobody writes there any more and all of it is applied, also on a disk that shows it not."""
        if journal_reading.run_began(self.folder) is not None:
            return False
        self.look()
        return not self.has_more and not self._half and self.unshown is None

    def look(self) -> None:
        """See how far it has grown."""
        self._whole = self._half and journal_reading.run_began(self.folder) is None
        seen = self._end()
        if seen != self._seen or self._whole:
            self._half, self._seen, self.flushed = False, seen, seen
            if self._loop is None:
                self.grown.set()
            else:  # who looks is another thread
                self._loop.call_soon_threadsafe(self.grown.set)

    def _look_again(self) -> None:
        self._next = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_again)
        self._look_soon()

    def _rung(self) -> None:
        if self._bell is not None:
            bell.heard(self._bell)
        self._look_soon()

    def _look_soon(self) -> None:
        """One look at a time: a disk that hangs is not asked by ever more."""
        self._rang = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_it_rings())

    async def _look_while_it_rings(self) -> None:
        while self._rang:
            if (early := self._looked + APART_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(early)
            self._rang = False
            try:
                await self._disk.ask(self.look)
            except OSError as error:  # it is looked at again in a second
                self._tell(error)
            self._looked = time.monotonic()

    def _end(self) -> Position:
        found, refusal = shown(self.folder)
        self._tell(refusal)
        try:
            last = max(found, default=0)
            end = Position(last, found[last].stat().st_size) if found else Position()
        except FileNotFoundError:  # its disk went away
            return self._seen
        return end if refusal is None else max(end, self._seen)

    def _tell(self, unshown: OSError | None) -> None:
        """Each change once."""
        if unshown is not None and str(unshown) != str(self.unshown):
            log.error("%s: facts that are not shown must wait, if there are any: %s", self.folder, unshown)
        elif unshown is None and self.unshown is not None:
            log.info("%s: all of it is shown again", self.folder)
        self.unshown = unshown

    def _grows(self, segment: int, offset: int, line: bytes) -> bool:
        if line.endswith(b"\n") or segment < self._seen.segment or self._whole:
            return False
        self._half, self.flushed = True, Position(segment, offset)
        return True
