"""The journal: facts on local disk before anyone is told what depends on them.

Append-only segments of lines, each `crc32 JSON`. One writer thread writes and flushes everything that has
queued up since its last flush, so that 300 calls at once share disk flushes instead of waiting for one each.
Reading back finds torn tails and flipped bits by the checksum; such lines are copied to `quarantine/` with a
report and skipped. A checkpoint remembers how far the facts have been applied to the database; facts carry
ids and applying one twice is harmless, so the checkpoint itself needs no flush.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

log = logging.getLogger(__name__)

Fact = dict[str, Any]
SEGMENT_BYTES = 8 * 1024 * 1024
KEEP_SEGMENTS = 8  # applied segments that stay, for whoever wants to look back
NOTE_SECONDS = 0.5
CHECKPOINT_SECONDS = 1.0
LONGEST_FACT = 1024 * 1024


class JournalError(Exception):
    """The journal can't be written; nothing was promised."""


class JournalFull(JournalError):
    """No room left on the disk."""


class JournalInUse(JournalError):
    """Another process has this journal."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Just behind some line: segment number and byte offset."""

    segment: int = 0
    offset: int = 0


@dataclass(slots=True)
class _Entry:
    line: bytes
    done: asyncio.Future[None] | None


@dataclass(slots=True)
class Journal:
    """The journal of one process in `folder`; a second process that opens the same folder is refused.

    `open` first, `close` last. Not to be shared between event loops.
    """

    folder: Path
    segment_bytes: int = SEGMENT_BYTES
    applied: Position = field(default_factory=Position)
    flushed: Position = field(default_factory=Position)
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    _noted: list[_Entry] = field(default_factory=list)
    _queue: queue.SimpleQueue[list[_Entry] | None] = field(default_factory=queue.SimpleQueue)
    _writer: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _fd: int = -1
    _lock_fd: int = -1
    _failed: bool = False
    _checkpointed: float = 0.0

    def open(self) -> None:
        """Lock the folder, read the checkpoint, begin a fresh segment. Raises JournalError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock()
            self._recall()
            self._begin_segment(max([self.applied.segment, *self._segments()]) + 1)
            os.ftruncate(self._lock_fd, 0)
            os.pwrite(self._lock_fd, b"%d" % self.flushed.segment, 0)  # where this run begins, for readers
        except OSError as error:
            raise _named(error, self.folder) from error
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write_forever, name="journal", daemon=True)
        self._writer.start()
        self.grown.set()

    async def close(self) -> None:
        """Flush what is queued and let go of the folder."""
        if self._writer is None:
            return
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._writer = None
        with suppress(OSError):
            self.save_checkpoint()
        for fd in (self._fd, self._lock_fd):
            os.close(fd)

    async def append(self, fact: Fact) -> None:
        """Returns once the fact is on the disk. Raises JournalFull or JournalError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_over(_Entry(_line(fact), done))
        await done

    def note(self, fact: Fact) -> None:
        """A fact on which nothing depends that anyone is told: it shares the next flush, within a second."""
        self._noted.append(_Entry(_line(fact), None))
        if len(self._noted) == 1:
            asyncio.get_running_loop().call_later(NOTE_SECONDS, self._hand_over)

    async def flush(self) -> None:
        """Returns once everything noted so far is on the disk. Raises JournalError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_over(_Entry(b"", done))
        await done

    async def sign(self) -> None:
        """Show the siblings, by the lock's time, up to when all that was noted is on the disk."""
        now = time.time()
        await self.flush()
        os.utime(self._lock_fd, (now, now))

    def _hand_over(self, *more: _Entry) -> None:
        entries = [*self._noted, *more]
        self._noted.clear()
        if entries:
            self._queue.put(entries)

    # Reading

    def read(self, after: Position, limit: int = 200) -> tuple[list[Fact], Position]:
        """Up to `limit` facts behind a position, oldest first, and the position behind what was looked at.

        Damaged lines are put into quarantine and stepped over. No facts: everything flushed so far was read.
        """
        facts: list[Fact] = []
        end, position = self.flushed, after
        for segment in sorted(n for n in self._segments() if after.segment <= n <= end.segment):
            start = after.offset if segment == after.segment else 0
            stop = end.offset if segment == end.segment else None
            for fact, offset in self._read_segment(segment, start, stop):
                position = Position(segment, offset)
                if fact is not None:
                    facts.append(fact)
                if len(facts) >= limit:
                    return facts, position
        return facts, max(position, end)

    @property
    def has_more(self) -> bool:
        """Whether facts may wait behind the checkpoint."""
        return self.applied < self.flushed

    def checkpoint(self, position: Position) -> None:
        """Everything up to here is applied. Written down once a second; segments long since applied go."""
        moved = position.segment != self.applied.segment
        self.applied = position
        if moved or time.monotonic() - self._checkpointed > CHECKPOINT_SECONDS:
            self.save_checkpoint()
        for segment in self._segments() if moved else ():
            if segment < position.segment - KEEP_SEGMENTS:
                self._path(segment).unlink(missing_ok=True)

    def save_checkpoint(self) -> None:
        """Write it down now."""
        self._checkpointed, position = time.monotonic(), self.applied
        scratch = self.folder / "checkpoint.new"
        scratch.write_text(json.dumps({"segment": position.segment, "offset": position.offset}))
        scratch.replace(self.folder / "checkpoint.json")

    def quarantine(self, name: str, content: bytes, why: str) -> None:
        """Put something unusable aside, never lose it, and say so."""
        shelf = self.folder / "quarantine"
        shelf.mkdir(exist_ok=True)
        (shelf / name).write_bytes(content)
        (shelf / f"{name}.why").write_text(why + "\n", encoding="utf-8")
        log.error("journal %s: %s; kept as %s", self.folder, why, shelf / name)

    def _read_segment(self, segment: int, start: int, stop: int | None) -> Iterator[tuple[Fact | None, int]]:
        with self._path(segment).open("rb") as file:
            file.seek(start)
            offset = start
            while (stop is None or offset < stop) and (line := file.readline()):
                fact = fact_of(line)
                if fact is None:
                    why = (
                        f"segment {segment} is damaged at byte {offset}: {len(line)} bytes fail the checksum"
                    )
                    self.quarantine(f"{segment:08d}-{offset}.line", line, why)
                offset += len(line)
                yield fact, offset

    def _segments(self) -> list[int]:
        return [int(path.stem) for path in self.folder.glob("[0-9]*.log")]

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:08d}.log"

    # Writing: everything below runs in the writer thread once it has started.

    def _write_forever(self) -> None:
        stop = False
        while not stop:
            batch = [self._queue.get()]
            with suppress(queue.Empty):
                while True:
                    batch.append(self._queue.get_nowait())
            stop = None in batch
            entries = [entry for entries in batch if entries is not None for entry in entries]
            if entries:
                self._report(entries, self._try_write(b"".join(entry.line for entry in entries)))

    def _try_write(self, lines: bytes) -> JournalError | None:
        try:
            if self._failed or self.flushed.offset >= self.segment_bytes:
                self._next_segment()
            _write_all(self._fd, lines)
            os.fdatasync(self._fd)
        except OSError as error:
            self._undo()
            return _named(error, self.folder)
        self.flushed = Position(self.flushed.segment, self.flushed.offset + len(lines))
        return None

    def _undo(self) -> None:
        """After a failed write or flush nobody knows what the disk holds: cut it off, begin anew."""
        self._failed = True
        with suppress(OSError):
            os.ftruncate(self._fd, self.flushed.offset)

    def _next_segment(self) -> None:
        old = self._fd
        self._begin_segment(self.flushed.segment + 1)
        os.close(old)
        self._failed = False

    def _begin_segment(self, number: int) -> None:
        fd = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError:
            os.close(fd)
            raise
        finally:
            os.close(folder)
        self._fd, self.flushed = fd, Position(number, 0)

    def _report(self, entries: list[_Entry], error: JournalError | None) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake, entries, error)

    def _wake(self, entries: list[_Entry], error: JournalError | None) -> None:
        for entry in entries:
            if entry.done is None:
                if error is not None:
                    log.error("a fact was not journalled: %s", error)
            elif not entry.done.done():
                entry.done.set_exception(error) if error is not None else entry.done.set_result(None)
        self.grown.set()

    def _lock(self) -> None:
        self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_fd)
            raise JournalInUse(f"{self.folder} is in use by another process") from None

    def _recall(self) -> None:
        try:
            self.applied = checkpoint_of(self.folder)
        except (ValueError, KeyError, TypeError):
            log.error("journal %s: the checkpoint is unreadable; applying everything again", self.folder)


def checkpoint_of(folder: Path) -> Position:
    """How far the facts in a journal's folder are applied. ValueError, KeyError, TypeError: unreadable."""
    try:
        saved = json.loads((folder / "checkpoint.json").read_text())
    except FileNotFoundError:
        return Position()
    return Position(int(saved["segment"]), int(saved["offset"]))


def _line(fact: Fact) -> bytes:
    body = json.dumps(fact, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    if len(body) > LONGEST_FACT:
        raise JournalError(f"a fact of {len(body)} bytes is no fact")
    return b"%08x %s\n" % (crc32(body), body)


def fact_of(line: bytes) -> Fact | None:
    """The line's fact, or None when it is torn or damaged."""
    if len(line) < 12 or line[8:9] != b" " or line[-1:] != b"\n":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != crc32(body):
            return None
        fact = json.loads(body)
    except ValueError:
        return None
    return fact if isinstance(fact, dict) else None


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _named(error: OSError, folder: Path) -> JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return JournalFull(f"no room left on the disk of {folder}")
    return JournalError(f"{folder} can't be written: {error.strerror or error}")
