"""One thread's hand on a journal's segments: on its own disk, or on the other when that one takes no more.

A thread that sleeps in a disk that hangs can't be called back. So it is left there with its pen, and another
goes on with a new one, elsewhere and in a segment of a higher number. What the first one writes after all,
when it wakes, is there twice, which is harmless; `left` tells it to do no more than that. Until then nobody
follows it there, whatever befalls the other disk: so there are never more sleepers than disks.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ivr.store.journal.applied import JournalError, JournalFull, Position

RETURN_SECONDS = 60.0  # how long the journal stays on the spare disk before it tries its own again


@dataclass(slots=True)
class Pen:
    """`at`: just behind what is on the disk. `place`: which of `places` is written to; 0 is its own disk.

    `asleep`: the places in which a pen was left, whose thread has not woken; shared by all of a journal.
    """

    places: list[Path]
    segment_bytes: int
    at: Position = field(default_factory=Position)
    place: int = 0
    moved_at: float = 0.0
    left: bool = False
    asleep: list[int] = field(default_factory=list)
    _left_in: int = -1
    _failed: bool = False
    _tried: int = 0
    _fd: int = -1

    def begin(self, number: int) -> None:
        """The first segment of a run, on the other disk if its own takes none. Raises OSError."""
        try:
            self._begin_segment(number)
        except OSError:
            if len(self.places) == 1:
                raise
            self._move()
            self._begin_segment(number + 1)

    def write(self, lines: bytes) -> JournalError | None:
        """And flush: here, or on the other disk when this one takes no more."""
        trouble = None
        for _ in self.places:
            if self.left:
                break
            try:
                self._write(lines)
            except OSError as error:
                trouble = named(error, self.places[self.place])
                self._undo()
            else:
                return None
        return trouble

    def may_leave(self) -> bool:
        """Whether there is another disk, and nobody of ours sleeps in that one, too."""
        return len(self.places) > 1 and self._other not in self.asleep

    def leave(self) -> Pen:
        """Another that goes on on the other disk, while whoever has this one sleeps."""
        self.left, self._left_in = True, self.place
        self.asleep.append(self._left_in)
        tried = max(self._tried, self.at.segment) + 1  # what this one may be about to begin
        now = time.monotonic()
        return Pen(
            self.places, self.segment_bytes, self.at, self._other, now, False, self.asleep,
            _failed=True, _tried=tried,
        )  # fmt: skip

    def close(self) -> None:
        if self.left:
            self.asleep.remove(self._left_in)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, lines: bytes) -> None:
        if self.place and time.monotonic() - self.moved_at > RETURN_SECONDS and 0 not in self.asleep:
            self.place, self._failed = 0, True
        if self._failed or self.at.offset >= self.segment_bytes:
            self._next_segment()
        _write_all(self._fd, lines)
        self.at = Position(self.at.segment, self.at.offset + len(lines))

    def _undo(self) -> None:
        """After a failed write or flush nobody knows what the disk holds: cut it off, go elsewhere."""
        self._failed = True
        with suppress(OSError):
            os.ftruncate(self._fd, self.at.offset)
        self._move()

    @property
    def _other(self) -> int:
        return (self.place + 1) % len(self.places)

    def _move(self) -> None:
        if self.may_leave():
            self.place, self.moved_at = self._other, time.monotonic()

    def _next_segment(self) -> None:
        old, number = self._fd, max(self.at.segment, self._tried) + 1
        self._tried = number  # a number is never used again: a torn beginning may lie on the other disk
        self._begin_segment(number)
        if old >= 0:
            os.close(old)
        self._failed = False

    def _begin_segment(self, number: int) -> None:
        place = self.places[self.place]
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
        self._fd, self.at = fd, Position(number, 0)


def named(error: OSError, folder: Path) -> JournalError:
    """What a disk's refusal means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return JournalFull(f"no room left on the disk of {folder}")
    return JournalError(f"{folder} can't be written: {error.strerror or error}")


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
