"""The journal: facts on local disk before anyone is told what depends on them.

Append-only segments of lines, each `crc32 JSON`; what the JSON says: `ivr.store.facts`. One writer thread
writes and flushes everything that has queued up since its last flush, so that 300 calls at once share disk
flushes instead of waiting for one each.
A flush is what journalling costs (docs/decisions/store.md), so whoever can wait a little shares another's.
Reading back finds torn tails and flipped bits by the checksum; such lines, and whole ones that this release
can't read, are copied to `quarantine/` with a report and skipped. A checkpoint remembers how far the facts
have been applied to the database; facts carry ids and applying one twice is harmless, so the checkpoint
itself needs no flush.

When its disk takes no more, the journal goes on with a new segment in `spare`, a folder on another disk that
is linked as `second` into its own, so that readers find both.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import queue
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from ivr.store.facts import Fact, prepare, write
from ivr.store.journal.applied import Applied, JournalError, JournalFull, Position, lock, segments
from ivr.store.journal.bell import Ringer
from ivr.store.volumes import link

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 * 1024 * 1024
NOTE_SECONDS = 0.5
LONGEST_FACT = 1024 * 1024
RETRY_SECONDS = 5.0  # notes that could not be written are tried again …
MOST_NOTES = 20_000  # … and so many of them are kept
MOST_LATELY = 500  # flushes whose facts are still at hand for the database
RETURN_SECONDS = 60.0  # how long the journal stays on the spare disk before it tries its own again


@dataclass(slots=True)
class _Entry:
    """A fact, or none for who waits only for those before it. `done`: who waits; `keep`: try it again."""

    fact: Fact | None
    done: asyncio.Future[None] | None
    keep: bool = False
    line: bytes = b""

    def write(self) -> bool:
        """Make its line, just before the flush: several at once take half the time of each by itself."""
        try:
            if self.fact is not None and not self.line:
                self.line = _line(self.fact)
        except (JournalError, TypeError, ValueError) as error:
            log.error("a fact can't be written: %s", error)
            self.tell(error)
            return False
        return True

    def tell(self, error: Exception | None) -> None:
        """Wake who waits, if anybody still does."""
        if self.done is not None and not self.done.done():
            self.done.set_exception(error) if error is not None else self.done.set_result(None)


@dataclass(slots=True)
class Journal(Applied):
    """The journal of one process in `folder`; a second process that opens the same folder is refused.

    `open` first, `close` last. Not to be shared between event loops. `applies`: this process brings its facts
    into the books itself, unless somebody else does already (`ivr.store.journal.journal_follower`).
    """

    segment_bytes: int = SEGMENT_BYTES
    spare: Path | None = None
    applies: bool = True
    _noted: list[_Entry] = field(default_factory=list)
    _due: asyncio.TimerHandle | None = None  # when these go to the disk at the latest
    _lately: deque[tuple[list[Fact], Position]] = field(default_factory=deque)  # flushes, where each ends …
    _lately_from: Position = field(default_factory=Position)  # … and where the first begins
    _queue: queue.SimpleQueue[list[_Entry] | None] = field(default_factory=queue.SimpleQueue)
    _writer: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _ringer: Ringer | None = None  # wakes who applies the facts, where we don't
    _fd: int = -1
    _lock_fd: int = -1
    _failed: bool = False
    _place: int = 0  # which of `_places` is written to
    _moved_at: float = 0.0
    _tried: int = 0

    def open(self) -> None:
        """Lock the folder, read the checkpoint, begin a fresh segment. Raises JournalError."""
        prepare()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock_fd = lock(self.folder / "lock")
            if self.spare is not None:
                link(self.folder, self.spare)
            self.applies = self.applies and self._may_apply()
            self._recall()
            self._begin(max([self.applied.segment, *segments(self.folder)]) + 1)
        except OSError as error:
            raise _named(error, self.folder) from error
        self._lately_from = self.flushed
        self._ringer = None if self.applies else Ringer(self.folder)
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write_forever, name="journal", daemon=True)
        self._writer.start()
        self.grown.set()

    def _may_apply(self) -> bool:
        """A full disk is no reason not to: should somebody else apply too, that does no harm."""
        try:
            return self._claim()
        except OSError:
            return True

    def _begin(self, number: int) -> None:
        """The first segment of this run, on the other disk if its own takes none. Raises OSError."""
        try:
            self._begin_segment(number)
        except OSError:
            if len(self._places) == 1:
                raise
            self._place, self._moved_at = 1, time.monotonic()
            self._begin_segment(number + 1)
        with suppress(OSError):  # a full disk: readers then take more for this run's own than is
            os.pwrite(self._lock_fd, b"%-20d" % self.flushed.segment, 0)  # where this run begins

    async def close(self) -> None:
        """Flush what is queued and let go of the folder."""
        if self._writer is None:
            return
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._writer = None
        if self._ringer is not None:
            self._ringer.close()
        if self.applies:
            self.save_checkpoint()
            self._let_go()
        for fd in (self._fd, self._lock_fd):
            os.close(fd)

    def append(self, fact: Fact | None, within: float = 0.0, keep: bool = False) -> asyncio.Future[None]:
        """Done once the fact is on the disk. Its errors: JournalFull, JournalError.

        Without a fact: once those noted before are. `within`: so many seconds it may wait for another's
        flush, to share it. `keep`: when the disk does not take it, it goes with a later flush all the same.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._noted.append(_Entry(fact, done, keep))
        self._hand_over_within(within)
        return done

    def note(self, fact: Fact) -> None:
        """A fact on which nothing depends that anyone is told: it shares the next flush, within a second."""
        self._noted.append(_Entry(fact, None, keep=True))
        self._hand_over_within(NOTE_SECONDS)

    async def flush(self) -> None:
        """Returns once everything noted so far is on the disk. Raises JournalError."""
        await self.append(None)

    async def sign(self) -> None:
        """Show the siblings, by the lock's time, up to when all that was noted is on the disk."""
        now = time.time()
        await self.flush()
        os.utime(self._lock_fd, (now, now))

    def _hand_over_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if seconds <= 0:
            self._hand_over()
        elif self._due is None or self._due.when() > loop.time() + seconds:
            if self._due is not None:
                self._due.cancel()
            self._due = loop.call_later(seconds, self._hand_over)

    def _hand_over(self) -> None:
        if self._due is not None:  # else it would come for what is noted by then
            self._due.cancel()
            self._due = None
        entries, self._noted = [entry for entry in self._noted if entry.write()], []
        if entries:
            self._queue.put(entries)

    # Reading

    def read(self, after: Position, limit: int = 200) -> tuple[list[Fact], Position]:
        """Up to `limit` facts behind a position, oldest first, and the position behind what was looked at.

        Damaged and unreadable lines are put into quarantine and stepped over. No facts: everything flushed
        so far was read. What was flushed a moment ago is still at hand: the disk is not asked for it.
        """
        if (lately := self._read_lately(after, limit)) is not None:
            return lately
        return Applied.read(self, after, limit)

    def _read_lately(self, after: Position, limit: int) -> tuple[list[Fact], Position] | None:
        """Whole flushes, so perhaps more facts than the limit; None when the disk has to be asked."""
        while self._lately and self._lately[0][1] <= after:
            _, self._lately_from = self._lately.popleft()
        if not self._lately or after != self._lately_from:
            return None
        facts: list[Fact] = []
        position = after
        for more, position in self._lately:  # noqa: B007 - that of the last one taken
            facts += more
            if len(facts) >= limit:
                break
        return facts, position

    @property
    def on_spare(self) -> bool:
        """Whether its own disk takes no more, so that it goes on on the other."""
        return self._place > 0

    # Writing: everything below runs in the writer thread once it has started.

    def _write_forever(self) -> None:
        stop = False
        while not stop:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            stop = None in batch
            entries = [entry for entries in batch if entries is not None for entry in entries]
            if entries:
                error = self._try_write(b"".join(entry.line for entry in entries))
                self._report(entries, self.flushed, error)

    def _try_write(self, lines: bytes) -> JournalError | None:
        """Here, or on the other disk when this one takes no more."""
        trouble = None
        for _ in self._places:
            try:
                self._write(lines)
            except OSError as error:
                trouble = _named(error, self._places[self._place])
                self._undo()
            else:
                return None
        return trouble

    def _write(self, lines: bytes) -> None:
        if self._place and time.monotonic() - self._moved_at > RETURN_SECONDS:
            self._place, self._failed = 0, True
        if self._failed or self.flushed.offset >= self.segment_bytes:
            self._next_segment()
        _write_all(self._fd, lines)
        self.flushed = Position(self.flushed.segment, self.flushed.offset + len(lines))

    def _undo(self) -> None:
        """After a failed write or flush nobody knows what the disk holds: cut it off, go elsewhere."""
        self._failed = True
        with suppress(OSError):
            os.ftruncate(self._fd, self.flushed.offset)
        self._place, self._moved_at = (self._place + 1) % len(self._places), time.monotonic()

    def _next_segment(self) -> None:
        old, number = self._fd, max(self.flushed.segment, self._tried) + 1
        self._tried = number  # a number is never used again: a torn beginning may lie on the other disk
        self._begin_segment(number)
        os.close(old)
        self._failed = False

    def _begin_segment(self, number: int) -> None:
        place = self._places[self._place]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        fd = os.open(place / f"{number:08d}.log", flags | os.O_DSYNC, 0o600)  # a write is a flush
        folder = os.open(place, os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError:
            os.close(fd)
            raise
        finally:
            os.close(folder)
        self._fd, self.flushed = fd, Position(number, 0)

    def _report(self, entries: list[_Entry], end: Position, error: JournalError | None) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake, entries, end, error)
        if self._ringer is not None:
            self._ringer.ring()

    def _wake(self, entries: list[_Entry], end: Position, error: JournalError | None) -> None:
        for entry in entries:
            entry.tell(error)
        if error is None and self.applies:
            self._keep_lately(entries, end)
        elif error is not None:
            self._keep_notes([entry for entry in entries if entry.keep], error)
        self.grown.set()

    def _keep_lately(self, entries: list[_Entry], end: Position) -> None:
        self._lately.append(([entry.fact for entry in entries if entry.fact is not None], end))
        if len(self._lately) > MOST_LATELY:
            _, self._lately_from = self._lately.popleft()

    def _keep_notes(self, notes: list[_Entry], error: JournalError) -> None:
        """Nobody was promised anything, but what they say would be missed: they go with a later flush."""
        log.error("%d facts wait for the journal: %s", len(notes), error)
        self._noted[:0] = notes
        if (lost := len(self._noted) - MOST_NOTES) > 0:
            log.error("%d facts are lost: the journal has taken none for too long", lost)
            del self._noted[:lost]
        self._hand_over_within(RETRY_SECONDS)


def _line(fact: Fact) -> bytes:
    body = write(fact)
    if len(body) > LONGEST_FACT:
        raise JournalError(f"a fact of {len(body)} bytes is no fact")
    return b"%08x %s\n" % (crc32(body), body)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _named(error: OSError, folder: Path) -> JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return JournalFull(f"no room left on the disk of {folder}")
    return JournalError(f"{folder} can't be written: {error.strerror or error}")
