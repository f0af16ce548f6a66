"""Where recordings may go: the state's own disk first, then a second volume. Which has room, and answers.

Each is looked at every two seconds in a thread of its own, so that a disk that hangs holds up nobody: a call
only reads what the last look found, and a look that does not come back counts as a disk that is gone.

Files of the second volume are reached through a link named `second` in the folder of the first, so that a
name (`second/2026/11/25/3f…`) says where a recording lies and whoever opens it need not know of volumes.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

SECOND = "second"
BYTES_A_SECOND = 16_000  # Asterisk's `wav`: 8 kHz, 16 bits
MARGIN_BYTES = 256 * 1024  # beside the recording: its header, the folder, the journal's next lines
LOOK_SECONDS = 2.0
SLOW_SECONDS = 3.0  # a page that takes longer to write and flush: a sick disk
LONGEST_SECONDS = 180.0  # of a recording
STALE_SECONDS = 8.0  # no look came back for so long: a disk that hangs
REFUSED_SECONDS = 30.0  # how long a disk that refused a recording is left alone
_PAGE = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `free` in bytes; `trouble` is one sentence, "" when the disk can be written."""

    free: int
    seconds: float
    trouble: str = ""


def look(folder: Path) -> Look:
    """Write a page there, flush it and remove it. Never raises; may hang as long as the disk does.

    With less than `MARGIN_BYTES` left it is full.
    """
    began, free, trouble = time.monotonic(), 0, ""
    probe = folder / f".look-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = _free(folder)
        if free < MARGIN_BYTES:  # a page that came and went would be room for others for a moment
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _write(probe)
    except OSError as error:
        trouble = f"{folder} can't be written: {error.strerror}"
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    seconds = time.monotonic() - began
    if not trouble and seconds > SLOW_SECONDS:
        trouble = f"{folder} is slow: {seconds:.1f} s to write a page"
    return Look(free, seconds, trouble)


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _has_room(folder: Path) -> bool:
    try:
        return _free(folder) >= MARGIN_BYTES
    except OSError:
        return False


def _write(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(fd, _PAGE)
        os.fdatasync(fd)
    finally:
        os.close(fd)


@dataclass(slots=True)
class Volume:
    """`prefix` begins the names of its recordings ("" or "second/")."""

    prefix: str
    folder: Path
    last: Look = Look(0, 0.0, "nobody has looked yet")
    at: float = float("-inf")
    refused_until: float = float("-inf")
    sick_at: float = float("-inf")

    def saw(self, found: Look, now: float) -> bool:
        """Keep what a look found; whether something is the matter."""
        self.last, self.at = found, now
        if found.trouble:
            self.sick_at = now
        return bool(found.trouble)

    def trouble(self, seconds: float, now: float) -> str:
        """Why no recording of so many seconds may go there now, "" when it may."""
        if self.last.trouble:
            return self.last.trouble
        if now - self.at > STALE_SECONDS:
            return f"{self.folder} hangs: it was last heard of {now - self.at:.0f} s ago"
        if now < self.refused_until:
            return f"{self.folder} refused a recording a moment ago"
        if self.last.free < seconds * BYTES_A_SECOND + MARGIN_BYTES:
            return f"{self.folder} has {self.last.free >> 20} MB left"
        return ""


@dataclass(slots=True)
class Volumes:
    """The volumes of one process in the order in which they are used. `clock` is monotonic, in seconds."""

    all: tuple[Volume, ...]
    clock: Callable[[], float] = time.monotonic
    _told: dict[str, str] = field(default_factory=dict)
    # Threads of their own: a disk that hangs must not use up those that everything else shares.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "volumes"))

    @classmethod
    def of(cls, recordings: Path, second: Path | None) -> Volumes:
        """The state's own, and the second one if there is one, whose link is made here."""
        first = Volume("", recordings)
        if second is None or not link(recordings, second / "recordings"):
            return cls((first,))
        return cls((first, Volume(f"{SECOND}/", recordings / SECOND)))

    def pick(self, seconds: float) -> str | None:
        """The prefix for a recording of so many seconds; None when nowhere is room for it."""
        now, found = self.clock(), None
        for volume in self.all:
            trouble = volume.trouble(seconds, now)
            self._tell(volume, trouble)
            if not trouble and found is None:
                found = volume.prefix
        return found

    def refused(self, name: str) -> None:
        """That recording did not become whole: leave its volume alone for a while."""
        self._of(name).refused_until = self.clock() + REFUSED_SECONDS

    def was_sick(self, name: str, seconds: float) -> bool:
        """Whether a look of the last so many seconds found that recording's volume full or in trouble."""
        return self._of(name).sick_at >= self.clock() - seconds

    def is_sick(self, name: str) -> bool:
        """Whether that recording's volume has no room now, or `look` found something a moment ago."""
        volume, now = self._of(name), self.clock()
        if now - volume.at < LOOK_SECONDS and not volume.last.trouble and _has_room(volume.folder):
            return False
        return volume.saw(look(volume.folder), now)

    def _of(self, name: str) -> Volume:
        return self.all[-1 if name.startswith(f"{SECOND}/") else 0]

    def troubles(self, seconds: float) -> list[str]:
        """What is the matter with each volume that is not well, the first one first."""
        return list(filter(None, (volume.trouble(seconds, self.clock()) for volume in self.all)))

    async def look(self) -> None:
        """Look at all of them once; a disk that hangs is waited for no longer than a slow one may take."""
        looks = [asyncio.create_task(self._look(volume)) for volume in self.all]
        await asyncio.wait(looks, timeout=SLOW_SECONDS)

    async def watch(self) -> None:
        """For ever; each volume at its own pace."""
        async with asyncio.TaskGroup() as group:
            for volume in self.all:
                group.create_task(self._follow(volume))

    async def _follow(self, volume: Volume) -> None:
        while True:
            await self._look(volume)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, volume: Volume) -> None:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, look, volume.folder)
        volume.saw(found, self.clock())

    def _tell(self, volume: Volume, trouble: str) -> None:
        """Each change once."""
        kind = trouble.partition(":")[0]
        if self._told.get(volume.prefix, "") != kind:
            self._told[volume.prefix] = kind
            log.error("no recordings there: %s", trouble) if trouble else log.info(
                "%s is well", volume.folder
            )


def link(folder: Path, target: Path) -> bool:
    """Make `folder/second` lead to `target`, which is made too. False, and a line logged, if it can't."""
    here = folder / SECOND
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        if not here.is_symlink() or here.readlink() != target:
            here.unlink(missing_ok=True)
            here.symlink_to(target)
    except OSError as error:
        log.error("the second volume can't be used: %s: %s", error.filename or target, error.strerror)
        return False
    return True
