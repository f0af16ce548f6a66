"""Disks that hang, refuse and turn read-only under open files: ext4 in an image of its own, by a loop.

The kernel itself does it, so nothing of the product or of Asterisk is replaced. *Hangs*: the file system is
frozen, whoever writes or flushes sleeps until it thaws, reading goes on. *Refuses*: the image is made
immutable, so the loop's writes fail and whoever flushes gets EIO; what was written without a flush seems to
be there. *Read-only*: mounted over itself so; what is open for writing stays so. *Slow*: the file system that
the images lie on is frozen and thaws, so a flush takes as long and writing goes on. No journal of ext4's
own, which would give the disk up at its first EIO and never come back.

Needs root with CAP_SYS_ADMIN, a loop device, mkfs.ext4, and ext4 under the images, whose files can be made
immutable. Where that is not so `NoImages` says what is missing and these faults are left out.
"""

from __future__ import annotations

import array
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.images import NoImages, made, run
from ivr.store.flushing import sync
from tests.fixtures.small_disk import SmallDisk

_FREEZE, _THAW = 0xC0045877, 0xC0045878  # linux/fs.h
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10
_MAKE = ("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0")
_TRIES = 5  # a write that failed before makes the freeze fail once


class Wanted(NamedTuple):
    """A disk to be mounted on a folder, of so many bytes, for so many files."""

    path: Path
    size: int
    files: int


@dataclass(slots=True)
class SickDisk:
    """`path` is where it is mounted. Each harm is undone by `heal`, which may be called at any time."""

    path: Path
    image: Path

    @property
    def small(self) -> SmallDisk:
        """The same to be filled."""
        return SmallDisk(self.path, "loop", self.path / ".ballast")

    def hang(self) -> None:
        """Whoever writes there sleeps."""
        for left in reversed(range(_TRIES)):
            try:
                _tell(self.path, _FREEZE)
            except OSError:
                if not left:
                    raise
                time.sleep(0.05)
            else:
                return

    def refuse(self) -> None:
        """Nothing that is flushed gets there: EIO.

        Folders that are there by then are on it. One that is refused its very first block is lost with all
        that is ever put in it, which is a damaged file system: rare, and not what this is for.
        """
        for folder, _, _ in os.walk(self.path):
            with suppress(OSError):  # of an earlier refusal
                sync(Path(folder))
        _set_immutable(self.image, True)

    def turn_read_only(self) -> None:
        """No file is opened for writing any more: EROFS."""
        # In one step: between two somebody opens a file for writing, and then the second is refused.
        run("mount", "-o", "bind,ro", str(self.path), str(self.path))

    def slow_down(self) -> None:
        """Whoever flushes there, or on a disk beside it, waits; whoever writes does not."""
        _tell(self.image.parent, _FREEZE)

    def heal(self) -> None:
        """As if nothing had been."""
        for folder in (self.path, self.image.parent):
            with suppress(OSError):  # it was not frozen
                _tell(folder, _THAW)
        _set_immutable(self.image, False)
        if os.statvfs(self.path).f_flag & os.ST_RDONLY:
            run("umount", "--lazy", str(self.path))


def _tell(place: Path, what: int) -> None:
    folder = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(folder, what, 0)
    finally:
        os.close(folder)


@contextmanager
def sick_disks(images: Path, *wanted: Wanted) -> Iterator[list[SickDisk]]:
    """In their order. Raises NoImages."""
    images.mkdir(parents=True, exist_ok=True)
    size = sum(each.size for each in wanted) * 11 // 10 + (64 << 20)
    with ExitStack() as stack:
        stack.enter_context(made(images.with_suffix(".img"), images, size, *_MAKE))
        stack.callback(images.with_suffix(".img").unlink)
        yield [stack.enter_context(_mounted(each, images / f"{n}.img")) for n, each in enumerate(wanted)]


@contextmanager
def _mounted(wanted: Wanted, image: Path) -> Iterator[SickDisk]:
    disk = SickDisk(wanted.path, image)
    try:
        with made(image, disk.path, wanted.size, *_MAKE, "-N", str(wanted.files), options="loop,noatime"):
            try:
                _prepare(disk)
                yield disk
            finally:
                with suppress(OSError, NoImages):
                    disk.heal()
    finally:
        image.unlink(missing_ok=True)


def _prepare(disk: SickDisk) -> None:
    (disk.path / "lost+found").rmdir()
    try:  # where that can't be, it is known before a call is placed
        disk.refuse()
        disk.heal()
    except OSError as error:
        raise NoImages(f"{disk.image} can't be made immutable: {error.strerror}") from error


def _set_immutable(path: Path, on: bool) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        flags = array.array("l", [0])
        fcntl.ioctl(fd, _GET_FLAGS, flags, True)
        flags[0] = flags[0] | _IMMUTABLE if on else flags[0] & ~_IMMUTABLE
        fcntl.ioctl(fd, _SET_FLAGS, flags)
    finally:
        os.close(fd)
