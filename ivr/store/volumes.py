"""Where recordings may go: the state's own disk first, then a second volume. Which has room, and answers.

A disk is full when it says so, and away when it refuses a page or does not answer: never because of what one
call left there. Each is looked at in threads of its own, so that a disk that hangs holds up nobody: its room
(ivr/store/room.py), and whether a write sleeps there, four times a second while room is held for a recording
and once a second otherwise, and every two seconds whether it takes a page. A call only reads what the last
look found. A slow disk is used.

Files of the second volume are reached through a link named `second` in the folder of the first, so that a
name (`second/2026/11/25/3f…`) says where a recording lies and whoever opens it need not know of volumes.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ivr.store.disk_thread import in_time
from ivr.store.flushing import flush, flush_folders, replace
from ivr.store.room import MARGIN_BYTES, Hold, Room, trim, trim_left
from ivr.store.volume import DOZE_SECONDS, HANG_SECONDS, STALL_SECONDS, Volume, look

log = logging.getLogger(__name__)

SECOND = "second"
LOOK_SECONDS = 2.0
QUICK_SECONDS = 0.25  # a block that was refused in between shows by the clock, and the next count by the disk
CALM_SECONDS = 1.0  # … while no room is held there: half of what a quiet server did was to look
JUDGED_SECONDS = 2.5  # from a disk's waking until we know that the recording has ended over which it slept
LONGEST_SECONDS = 180.0  # of a recording
REFUSED_SECONDS = 30.0  # how long another disk is preferred to one that refused a recording
SETTLED_AS = (".flac", ".sealed")  # ivr/store/recording_files.py, with libraries that no call needs
IDLE_SECONDS = 60.0  # a recording that nobody here makes, and that has not grown for so long, has ended


@dataclass(slots=True)
class Volumes:
    """The volumes of one process in the order in which they are used. `clock` is monotonic, in seconds."""

    all: tuple[Volume, ...]
    clock: Callable[[], float] = time.monotonic
    _told: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, recordings: Path, second: Path | None, ballast: int = 0) -> Volumes:
        """The state's own, and the second one if there is one, whose link is made here.

        `ballast`: how many bytes each of them keeps for when something else fills it.
        """
        folders = {"": recordings}
        if second is not None and link(recordings, second / "recordings"):
            folders[f"{SECOND}/"] = recordings / SECOND
        return cls(tuple(Volume(prefix, place, Room(place, ballast)) for prefix, place in folders.items()))

    # What calls ask

    def where(self, seconds: float) -> list[str]:
        """The prefixes for a recording of so many seconds, the best first; none when nowhere is room."""
        before, found = self.clock() - REFUSED_SECONDS, []
        for volume in self.all:
            trouble = volume.trouble(seconds)
            self._tell(volume, trouble)
            if not trouble:
                found.append((volume.refused_at > before, volume.prefix))
        return [prefix for _, prefix in sorted(found, key=lambda each: each[0])]

    def hold(self, name: str, seconds: float) -> None:
        """Keep room for that recording from now on."""
        volume = self._of(name)
        volume.hold(name, Hold.of(volume.file(name), seconds))

    def holds(self, name: str) -> bool:
        """Whether there still is room for that recording, for which it is being kept."""
        volume = self._of(name)
        stalls = volume.refused_at > self.clock() - REFUSED_SECONDS
        if stalls and any(other is not volume and not other.trouble(0) for other in self.all):
            return False
        return name in volume.held and not volume.trouble(0)

    def release(self, name: str, ended: bool = True) -> None:
        """That recording takes nothing more; unless it has `ended`, somebody may write to it for a while."""
        volume = self._of(name)
        hold = volume.let_go(name)
        if hold is not None:
            hold.over = True
            if hold.secured and ended:
                with suppress(RuntimeError):  # we are closed: `give_back` of whoever is next
                    volume.threads.submit(trim, hold.path)

    def flush(self, name: str, fd: int) -> None:
        """Put that recording, open as `fd`, on its disk. Not for the event loop. Raises OSError."""
        volume = self._of(name)
        os.fsync(fd)
        flush_folders(volume.file(name), volume.folder)

    def write_anew(self, name: str, content: bytes) -> bool:
        """Put it on the disk in another file of that name: what was refused may read as zeros for good.

        Also where the disk, mounted anew, has only a part of it, or nothing. False: it was packed or closed
        meanwhile, or Asterisk still writes to it. Asks the disk. Raises OSError.
        """
        volume = self._of(name)
        file = volume.file(name)
        if any(file.with_suffix(form).exists() for form in SETTLED_AS):
            return False
        if not volume.folder.is_dir():  # never under a bare mount point
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(volume.folder))
        with suppress(FileNotFoundError):
            if file.stat().st_size > len(content):
                return False
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)
        flush(file, volume.folder)
        return True

    def threads(self, name: str) -> Executor:
        """Where that recording's disk is asked for anything that it may be slow to do."""
        return self._of(name).threads

    def refused(self, name: str) -> None:
        """That recording could not be made there: another disk is better for a while, if there is one."""
        self._of(name).refused_at = self.clock()

    def was_sick(self, name: str, seconds: float, ended: float) -> bool:
        """Whether that recording's volume refused what it wanted, or slept, in the last so many seconds.

        `ended`: so many seconds ago. Asks the disk (not for the event loop), waits for no flush.
        """
        volume, now = self._of(name), self.clock()
        slept = self._sleeps(volume) or volume.dozed_at >= now - ended - JUDGED_SECONDS
        return slept or volume.broken_at >= now - seconds or self._lacked_room(volume, name, now - seconds)

    def _sleeps(self, volume: Volume) -> bool:
        """Whether the write that is under way slept: one that woke with Asterisk may be told of after it."""
        touching = volume.touching
        try:
            return touching is not None and touching.result(HANG_SECONDS) > DOZE_SECONDS
        except (TimeoutError, CancelledError):  # it sleeps; we are closed
            return True

    def _lacked_room(self, volume: Volume, name: str, since: float) -> bool:
        """Whether it is read-only or full, was full, or is not any more for its ballast gave way."""
        hold = volume.held.get(name)
        never = hold is not None and hold.secured is None  # what gave way stays so where the disk is small
        try:
            found = os.statvfs(volume.folder)
            full = found.f_bavail * found.f_frsize < MARGIN_BYTES or (volume.room.gave_way and not never)
        except OSError:
            return True
        full = full or volume.full_at >= since
        return bool(found.f_flag & os.ST_RDONLY) or (full and not self._safe(name))

    def _safe(self, name: str) -> bool:
        """Whether its room was set aside before a full disk can have refused any of it."""
        hold = self._of(name).held.get(name)
        return hold is not None and hold.in_time

    def _of(self, name: str) -> Volume:
        return self.all[-1 if name.startswith(f"{SECOND}/") else 0]

    def troubles(self, seconds: float) -> list[str]:
        """What is the matter with each volume that is not well, the first one first."""
        return list(filter(None, (volume.trouble(seconds) for volume in self.all)))

    def warnings(self, seconds: float) -> list[str]:
        """The same, and what may become one."""
        return list(filter(None, (volume.trouble(seconds) or volume.warning for volume in self.all)))

    # Looking

    async def look(self) -> None:
        """Look at all of them once; a disk that hangs is waited for no longer than a slow one may take."""
        each = [self._look(volume) for volume in self.all]
        each += [self._count(volume) for volume in self.all]
        each += [self._touch(volume) for volume in self.all]
        await asyncio.wait([asyncio.create_task(one) for one in each], timeout=HANG_SECONDS / 2)

    async def watch(self) -> None:
        """For ever; each volume at its own pace."""
        async with asyncio.TaskGroup() as group:
            for volume in self.all:
                group.create_task(_every(LOOK_SECONDS, self._look, volume))
                group.create_task(_at_its_pace(self._count, volume))
                group.create_task(_at_its_pace(self._touch, volume))
                group.create_task(_every(IDLE_SECONDS, self.give_back, volume))

    async def _look(self, volume: Volume) -> None:
        looking = asyncio.get_running_loop().run_in_executor(volume.threads, look, volume.folder)
        # Second by second, so that a process that was stopped for a minute does not take it for the disk's.
        for waited in range(1, HANG_SECONDS + 1):
            if (await asyncio.wait({looking}, timeout=1.0))[0]:
                break
            if waited >= STALL_SECONDS:  # it may only be slow: the other one is better, where there is one
                volume.refused_at = self.clock()
        volume.hangs = not looking.done()
        if volume.hangs:
            volume.broken_at = self.clock()
        volume.saw(await looking, self.clock())
        volume.hangs = False

    async def give_back(self, volume: Volume) -> None:
        """What is set aside for recordings that grow no more: who began them was killed, or Asterisk was."""
        held = frozenset(hold.path for hold in volume.held.values())
        await asyncio.get_running_loop().run_in_executor(
            volume.threads, trim_left, volume.folder, IDLE_SECONDS, held
        )

    async def _touch(self, volume: Volume) -> None:
        volume.touching = volume.touches.submit(volume.room.touch)
        volume.slept(await asyncio.wrap_future(volume.touching), self.clock())

    async def _count(self, volume: Volume) -> None:
        holds = tuple(volume.held.values())
        with suppress(OSError):  # a look tells of it
            counting = asyncio.get_running_loop().run_in_executor(volume.threads, volume.room.count, holds)
            volume.has(await counting, self.clock())
        self._warn(volume)

    def close(self) -> None:
        """Let go of the room that was held."""
        for volume in self.all:
            volume.threads.shutdown(wait=False)
            volume.touches.shutdown(wait=False)
            with suppress(OSError):
                volume.room.close()

    def _tell(self, volume: Volume, trouble: str) -> None:
        """Each change once."""
        if self._is_new(volume.prefix, trouble.partition(":")[0].partition(" has ")[0]):
            told = log.error if trouble else log.info
            told("no recordings there: %s" if trouble else "%s is well", trouble or volume.folder)

    def _warn(self, volume: Volume) -> None:
        if self._is_new(f"{volume.prefix}ballast", volume.warning.partition(":")[0]):
            told = log.error if volume.warning else log.info
            told("%s", volume.warning or f"{volume.folder} is quick, and has all its ballast")

    def _is_new(self, what: str, kind: str) -> bool:
        known, self._told[what] = self._told.get(what, ""), kind
        return known != kind


async def _every(seconds: float, look: Callable[[Volume], Awaitable[None]], volume: Volume) -> None:
    while True:
        await look(volume)
        await asyncio.sleep(seconds)


async def _at_its_pace(look: Callable[[Volume], Awaitable[None]], volume: Volume) -> None:
    while True:
        await look(volume)
        if volume.held:
            await asyncio.sleep(QUICK_SECONDS)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(CALM_SECONDS):
                    await volume.wanted.wait()


def disk_of(root: Path, name: str) -> Path:
    """The folder of recordings on the disk where the books say that one lies."""
    return root / SECOND if name.startswith(f"{SECOND}/") else root


def link(folder: Path, target: Path) -> bool:
    """Make `folder/second` lead to `target`, which is made too. False, and a line logged, if it can't.

    Where it leads there already the other disk is not asked: it may hang; and what was made there anew while
    it is not mounted would hide what lies on it, and be hidden by it later.
    """
    here = folder / SECOND
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not here.is_symlink() or here.readlink() != target:
            in_time(target, partial(target.mkdir, parents=True, exist_ok=True))
            new = (
                folder / f".{SECOND}-{os.getpid()}"
            )  # several processes begin at once: it is there at any moment
            new.unlink(missing_ok=True)
            new.symlink_to(target)
            new.replace(here)
    except OSError as error:
        log.error("the second volume can't be used: %s: %s", error.filename or target, error.strerror)
        return False
    return True
