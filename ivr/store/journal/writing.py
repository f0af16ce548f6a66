"""The journal: facts on local disk before anyone is told what depends on them.

Append-only segments of lines, each `crc32 JSON`; what the JSON says: `ivr.store.facts`. One writer thread
writes and flushes everything that has queued up since its last flush, so that 300 calls at once share disk
flushes instead of waiting for one each.
A flush is what journalling costs (docs/decisions/store.md), so whoever can wait a little shares another's.
Reading back finds torn tails and flipped bits by the checksum; such lines, and whole ones that this release
can't read, are copied to `quarantine/` with a report and skipped. A checkpoint remembers how far the facts
have been applied to the database; facts carry ids and applying one twice is harmless, so the checkpoint
itself needs no flush.

When its disk takes no more, or hangs, the journal goes on with a new segment in `spare`, a folder on another
disk that is linked as `second` into its own, so that readers find both.
"""

from __future__ import annotations

import asyncio
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

from ivr.store.facts import Fact, is_patient, prepare, write
from ivr.store.journal.applied import (
    AT_ONCE,
    CLOSE_SECONDS,
    Applied,
    JournalError,
    JournalUnread,
    Position,
    lock,
    shown,
)
from ivr.store.journal.bell import Ringer
from ivr.store.journal.pen import Pen, named
from ivr.store.volumes import link

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 * 1024 * 1024
NOTE_SECONDS = 0.5
LONGEST_FACT = 1024 * 1024
RETRY_SECONDS = 5.0  # notes that could not be written are tried again …
MOST_NOTES = 20_000  # … and so many of them are kept
MOST_LATELY = 500  # flushes whose facts are still at hand for the database
LEAVE_SECONDS = 5.0  # a flush that takes longer is left, and twice as long is waited for the next in a row
HANG_LOOKS = 4  # at one flush, half of that apart, while this process runs: where it can't be left, it hangs


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

    @property
    def is_urgent(self) -> bool:
        return self.fact is not None and not is_patient(self.fact)

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
    _now: asyncio.Handle | None = None  # they go there with all that is noted in this turn of the loop
    _lately: deque[tuple[list[Fact], Position]] = field(default_factory=deque)  # flushes, where each ends …
    _lately_from: Position = field(default_factory=Position)  # … and where the first begins
    _queue: queue.SimpleQueue[list[_Entry] | None] = field(default_factory=queue.SimpleQueue)
    _pen: Pen | None = None
    _turn: threading.Lock = field(
        default_factory=threading.Lock
    )  # of the loop and the writer, over these two:
    _hand: list[_Entry] = field(default_factory=list)  # what is being written …
    _since: float = 0.0  # … since when; 0: nothing is
    _looking: asyncio.TimerHandle | None = None
    _left: int = 0  # how many in a row: disks that are but slow would be left for each other for ever
    _met: tuple[float, int] = (0.0, 0)  # what looks found in hand, by its beginning, and how often since
    _refused: str = ""  # what the last flush was refused with
    _closing: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _ringer: Ringer | None = None  # wakes who applies the facts, where we don't
    _lock_fd: int = -1

    def open(self) -> None:
        """Lock the folder, read the checkpoint, begin a fresh segment. Raises JournalError.

        JournalUnread where the linked disk does not show which numbers are taken.
        """
        prepare()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock_fd = lock(self.folder / "lock")
            if self.spare is not None:
                link(self.folder, self.spare)
            self.applies = self.applies and self._may_apply()
            self._recall()
            found, refusal = shown(self.folder)
            if refusal is not None:  # a number that is given twice would hide one segment behind the other
                raise JournalUnread(f"{refusal}; if that disk is gone for good remove the link") from refusal
            self._begin(max([self.applied.segment, *found]) + 1)
            self._ringer = None if self.applies else Ringer(self.folder)
        except (OSError, JournalUnread) as error:
            self._leave()  # else it would seem to have a living process, and nobody applied what is in it
            if isinstance(error, JournalUnread):
                raise
            raise named(error, self.folder) from error
        self._lately_from = self.flushed
        self._loop = asyncio.get_running_loop()
        self._start_writing()
        self.grown.set()

    def _may_apply(self) -> bool:
        """A full disk is no reason not to: should somebody else apply too, that does no harm."""
        try:
            return self._claim()
        except OSError:
            return True

    def _begin(self, number: int) -> None:
        """The first segment of this run. Raises OSError."""
        self._pen = Pen(self._places, self.segment_bytes)
        self._pen.begin(number)
        self.flushed = self._pen.at
        with suppress(OSError):  # a full disk: readers then take more for this run's own than is
            os.pwrite(self._lock_fd, b"%-20d" % self.flushed.segment, 0)  # where this run begins

    async def close(self) -> None:
        """Flush what is queued and let go of the folder; over a disk that hangs it stays ours to the end.

        Else who comes next might begin the segment that a sleeper is about to begin.
        """
        if self._pen is None:
            return
        self._hand_over()
        self._closing = True
        self._queue.put(None)
        ended = await asyncio.to_thread(self._ended.wait, CLOSE_SECONDS)
        if self._looking is not None:
            self._looking.cancel()
        if self._ringer is not None:
            self._ringer.close()
        if not ended:
            log.error("%s hangs: what was not flushed yet is left to its disk", self.folder)
            return
        if self.applies:
            await self._end_with(self.save_checkpoint)
        self._leave()

    def _leave(self) -> None:
        """Whoever comes next finds it free."""
        if self._pen is not None:
            self._pen.close()
            self._pen = None
        self._let_go()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

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

    def hasten(self) -> None:
        """What is noted goes to the disk now, with all else of this turn of the loop."""
        self._hand_over_within(0.0)

    async def flush(self) -> None:
        """Returns once everything noted so far is on the disk. Raises JournalError."""
        await self.append(None)

    async def sign(self) -> None:
        """Show the siblings, by the lock's time, up to when all that was noted is on the disk."""
        now = time.time()
        await self.flush()
        await asyncio.to_thread(os.utime, self._lock_fd, (now, now))  # the disk may hang since

    def _hand_over_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if seconds <= 0:
            self._now = self._now or loop.call_soon(self._hand_over)
        elif self._due is None or self._due.when() > loop.time() + seconds:
            if self._due is not None:
                self._due.cancel()
            self._due = loop.call_later(seconds, self._hand_over)

    def _hand_over(self) -> None:
        self._now = None
        if self._due is not None:  # else it would come for what is noted by then
            self._due.cancel()
            self._due = None
        entries, self._noted = [entry for entry in self._noted if entry.write()], []
        if entries:
            self._queue.put(entries)
            self._look_later()

    # Reading

    async def next_facts(self, after: Position, limit: int = AT_ONCE) -> tuple[list[Fact], Position]:
        """What was flushed a moment ago is at hand; for the rest the disk is asked, which may hang."""
        lately = self._read_lately(after, limit)
        return lately or await Applied.next_facts(self, after, limit)

    def _read_lately(self, after: Position, limit: int) -> tuple[list[Fact], Position] | None:
        """Whole flushes, so perhaps more facts than that; None when the disk has to be asked."""
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
        return self._pen is not None and self._pen.place > 0

    @property
    def trouble(self) -> str:
        """Why nobody can be told now that her words are kept, "" when all is well.

        Slow is well, and so is a flush over which this process was stopped: looks are counted, not seconds.
        """
        began, looks = self._met
        if began and began == self._since and looks > HANG_LOOKS:
            return f"{self.folder} hangs: a flush takes longer than {HANG_LOOKS * LEAVE_SECONDS / 2:g} s"
        return self._refused

    # A disk that hangs

    def _look_later(self) -> None:
        if self._looking is None:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(LEAVE_SECONDS / 2, self._leave_if_it_hangs)

    def _leave_if_it_hangs(self) -> None:
        """What is being written there is written elsewhere, too: from the spare disk, on its own again."""
        self._looking = None
        with self._turn:
            if not self._since or self._pen is None:
                return
            began, looks = self._met
            self._met = self._since, looks + 1 if began == self._since else 1
            since = max(self._since, self._pen.moved_at)  # the other disk may have taken long to refuse it
            if time.monotonic() - since < LEAVE_SECONDS * 2**self._left or not self._pen.may_leave():
                self._look_later()
                return
            self._left += 1
            hung = self._places[self._pen.place]
            self._pen, behind = self._pen.leave(), self._queue
            self._queue, entries = queue.SimpleQueue(), self._hand
        log.error("%s hangs: the journal goes on on the other disk", hung)
        self._queue.put(entries)
        while not behind.empty():
            self._queue.put(behind.get())
        if self._closing:  # who sleeps may have that in its hand, too
            self._queue.put(None)
        self._start_writing()
        self._look_later()

    def _start_writing(self) -> None:
        threading.Thread(
            target=self._write_forever, args=(self._pen, self._queue), name="journal", daemon=True
        ).start()

    # Writing: everything below runs in the writer thread.

    def _write_forever(self, pen: Pen, from_queue: queue.SimpleQueue[list[_Entry] | None]) -> None:
        stop = False
        while not stop:
            batch = [from_queue.get()]
            while not from_queue.empty():
                batch.append(from_queue.get())
            stop = None in batch
            entries = [entry for entries in batch if entries is not None for entry in entries]
            if entries:
                with self._turn:
                    self._hand, self._since = entries, time.monotonic()
                error = pen.write(b"".join(entry.line for entry in entries))
                with self._turn:
                    if pen.left:  # another wrote it meanwhile
                        pen.close()
                        return
                    self._hand, self._since, self.flushed, self._left = [], 0.0, pen.at, 0
                self._report(entries, pen.at, error)
        self._ended.set()

    def _report(self, entries: list[_Entry], end: Position, error: JournalError | None) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake, entries, end, error)
        if self._ringer is not None and any(entry.is_urgent for entry in entries):
            self._ringer.ring()  # the rest is seen within a second

    def _wake(self, entries: list[_Entry], end: Position, error: JournalError | None) -> None:
        self._refused = str(error or "")
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
