"""One disk for recordings: what looks at it found, and what recordings in progress hold of its room."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ivr.store.disk_thread import in_time
from ivr.store.room import BYTES_A_SECOND, MARGIN_BYTES, QUOTA_SECONDS, Count, Hold, Room, free_bytes

HANG_SECONDS = 10  # a page that takes longer to write and flush: a disk that hangs
SLOW_SECONDS = 3.0  # a disk on which it takes longer is told of, and used
# What the kernel keeps of a call's sound while Asterisk sleeps in a write. Unlike a flush, a write sleeps
# only where a disk hangs.
STALL_SECONDS = 2.0
DOZE_SECONDS = 1.0  # so long a sleep costs words only if she hangs up, or presses #, in it
_PAGE = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `trouble` is one sentence, "" when the disk can be written; `full`: no room."""

    free: int
    seconds: float
    trouble: str = ""
    full: bool = False


def want_mounted(folder: Path) -> None:
    """Raises FileNotFoundError where a link leads to nothing: what lies on that disk is not gone."""
    if folder.is_symlink() and not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "it leads to nothing; is that disk mounted?", str(folder))


def look(folder: Path) -> Look:
    """Write a page there, flush it and remove it. Never raises; may hang as long as the disk does.

    With less than `MARGIN_BYTES` left it is full.
    """
    began, free, trouble, full = time.monotonic(), 0, "", False
    probe = folder / f".look-{os.getpid()}"
    try:
        if not folder.is_dir():  # to make what is there would ask its parent's disk, which may hang
            want_mounted(folder)
            folder.mkdir(parents=True, exist_ok=True)
        free = free_bytes(folder)
        if free < MARGIN_BYTES:  # a page that came and went would be room for others for a moment
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _write(probe)
    except OSError as error:
        trouble = f"{folder} can't be written: {error.strerror}"
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return Look(free, time.monotonic() - began, trouble, full)


def look_in_time(folder: Path) -> Look:
    """The same, and of a disk that hangs that it does. Who sleeps there is left."""
    try:
        return in_time(folder, partial(look, folder), HANG_SECONDS)
    except TimeoutError:
        return Look(0, HANG_SECONDS, _hangs(folder))


def _hangs(folder: Path) -> str:
    return f"{folder} hangs: a page takes longer than {HANG_SECONDS} s"


def _write(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(fd, _PAGE)
        os.fdatasync(fd)
    finally:
        os.close(fd)


@dataclass(slots=True)
class Volume:
    """`prefix` begins the names of its recordings ("" or "second/"). `held`: recordings in progress, by name.

    `full_at`, `broken_at`: when it was last seen to have no room, and to have anything else; `dozed_at`: to
    have slept for a moment. `touching`: the last write that tells, which may be under way, in a thread of its
    own. `threads`: of all else that asks this disk, so that one that hangs uses up none but its own.
    """

    prefix: str
    folder: Path
    room: Room
    last: Look = Look(0, 0.0, "nobody has looked yet")
    counted: Count = field(default_factory=Count)
    hangs: bool = False
    held: dict[str, Hold] = field(default_factory=dict)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)  # set while anything is held
    largest: int = 0  # of all that were ever held, in bytes
    refused_at: float = float("-inf")
    full_at: float = float("-inf")
    broken_at: float = float("-inf")
    dozed_at: float = float("-inf")
    touching: Future[float] | None = None
    touches: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "touch"))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32, "volume"))

    def file(self, name: str) -> Path:
        """Where that recording lies."""
        return self.folder / f"{name.removeprefix(self.prefix)}.wav"

    def saw(self, found: Look, now: float) -> bool:
        """Keep what a look found; whether something is the matter."""
        self.last = found
        if found.full:
            self.full_at = now
        elif found.trouble:
            self.broken_at = now
        return bool(found.trouble)

    def has(self, found: Count, now: float) -> None:
        """Keep what was counted."""
        self.counted = found
        if found.full:
            self.full_at = now
        if found.by_quota:  # seen only while a recording is there: the next one is safer on another disk
            self.refused_at = now + QUOTA_SECONDS

    def slept(self, seconds: float, now: float) -> None:
        """Keep that a write slept for so long."""
        if seconds > STALL_SECONDS:
            self.broken_at = now
        elif seconds > DOZE_SECONDS:
            self.dozed_at = now

    def hold(self, name: str, hold: Hold) -> None:
        """Keep room for that recording from now on."""
        self.held[name] = hold
        self.largest = max(self.largest, hold.size)
        self.wanted.set()

    def let_go(self, name: str) -> Hold | None:
        """That recording takes nothing more. What was held for it, if anything was."""
        hold = self.held.pop(name, None)
        if not self.held:
            self.wanted.clear()
        return hold

    @property
    def holding(self) -> int:
        """What recordings in progress may still take, in bytes; what is secured is no longer free."""
        return self.counted.others + sum(hold.size for hold in self.held.values() if not hold.secured)

    def trouble(self, seconds: float) -> str:
        """Why no further recording of so many seconds may go there now, "" when it may."""
        if self.last.trouble:
            return self.last.trouble
        if self.hangs:
            return _hangs(self.folder)
        if self.counted.by_quota:
            return f"{self.folder} has a quota that is used up"
        wanted = seconds * BYTES_A_SECOND + MARGIN_BYTES
        if self.counted.free - self.counted.others - len(self.held) * self.largest >= wanted:
            return ""  # nearly always, and none of them need be looked at
        left = self.counted.free - self.holding
        if left < wanted:
            return f"{self.folder} has {max(0, left) >> 20} MB left"
        return ""

    @property
    def warning(self) -> str:
        """What is not well though recordings go there."""
        there, wanted = self.counted.ballast, self.counted.wanted
        if there >= wanted:
            slow = self.last.seconds > SLOW_SECONDS
            return f"{self.folder} is slow: {self.last.seconds:.1f} s to write a page" if slow else ""
        much = f"{there / (1 << 20):.0f} of {wanted / (1 << 20):.0f} MB"
        return f"{self.folder} fills up: its ballast has given way to {much}"
