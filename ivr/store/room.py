"""Room on one disk for the words that are being spoken: kept free for them, and given when it runs short.

A recording in progress *holds* what it may still take, so that no other one is begun on the same bytes:
each process signs for its own sum in a file that it has locked, and whoever is killed lets go of it. As soon
as Asterisk has made the file, the disk itself is asked to set those bytes aside for it (fallocate), and from
then on nobody can take them away. A *ballast* of real bytes lies beside the recordings and gives way, a
little at a time, when something else fills the disk. It is built up again once there is room.

Everything here asks the disk: not for the event loop. Reasons: docs/decisions/store.md.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ivr.store.folders import day_folders, listed, shown

log = logging.getLogger(__name__)

FOLDER = ".room"
ALONE = "fallback"  # beside the folder of recordings …
EMPTY = "empty"  # … and in it, what holds no word
BYTES_A_SECOND = 16_000  # Asterisk's `wav`: 8 kHz, 16 bits
MARGIN_BYTES = 256 * 1024  # beside the recording: its header, the folder, the journal's next lines
LOW_BYTES = 2 << 20  # less is free: the ballast gives way
BLOCK_BYTES = 64 * 1024  # what a recording may want at once: Asterisk writes 32 kB at a time
STEP_BYTES = 1 << 20  # the ballast gives at least so much …
FIRST_BYTES = 32 * 1024  # its first piece; before that there is the header at most …
FIRST_SECONDS = 2.0  # … and nothing can have been refused
PIECE_BYTES = 4 << 20  # … and is built of such pieces where the file system sets nothing aside
SPARE_BYTES = 12 << 20  # it is built up only where so much stays free: four recordings' worth
SHARE_OF_DISK = 20  # and is at most a twentieth of the disk
ALONE_SECONDS = 180.0  # the longest that the dialplan records by itself …
GROWS_SECONDS = 3.0  # … and Asterisk writes its next piece of it within two …
LEFT_SECONDS = 20.0  # … unless it is dead; one that was stopped has gone on by then
_KEEP_SIZE = 1  # linux/falloc.h
QUOTA_SECONDS = 600.0  # what a quota leaves does not show: for so long after it refused, no ballast is built
_NO_SUCH_WAY = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class Hold:
    """What one recording may take. `secured`: the disk has set it aside for that file; None: it can't be.

    `in_time`: before anything was written, so that nothing can have been refused; else the disk may have been
    full until then, while we were stopped.
    """

    path: Path
    size: int
    secured: bool | None = False
    over: bool = False
    in_time: bool = False

    @classmethod
    def of(cls, path: Path, seconds: float) -> Hold:
        return cls(path, round(seconds * BYTES_A_SECOND) + BLOCK_BYTES)


@dataclass(frozen=True, slots=True)
class Count:
    """What one look at the room found, in bytes. `others`: held by other processes; `full`: none was.

    `by_quota`: a recording is refused what the disk has; of a quota the disk itself tells nothing.
    """

    free: int = 0
    others: int = 0
    ballast: int = 0
    wanted: int = 0
    full: bool = False
    by_quota: bool = False


@dataclass(slots=True)
class Room:
    """Of one disk. `folder` is that of its recordings, `ballast` how many bytes that shall have."""

    folder: Path
    ballast: int = 0
    _name: str = field(default_factory=lambda: f"held-{secrets.token_hex(8)}")
    _fd: int = -1
    _signed: int = -1
    _known: int = 0  # what the others were last seen to hold
    _blind: bool = False  # whether that can't be seen now
    _told: bool = False  # that its file system sets nothing aside
    _quota_at: float = float("-inf")  # when a quota refused anything last
    _by_quota: bool = False  # a recording, at this look, though the ballast gave way

    def count(self, holds: Collection[Hold]) -> Count:
        """See to these recordings' room, then to the ballast, and tell how much there is. Raises OSError.

        Only where the disk itself does not say how much is free: a folder of ours that is damaged, or that of
        the dialplan's own, takes no room from anybody's words.
        """
        with suppress(OSError):  # without it nothing is signed, and there is no ballast
            (self.folder / FOLDER).mkdir(parents=True, exist_ok=True)
        full, self._by_quota = free_bytes(self.folder) < MARGIN_BYTES, False  # before the ballast gives way
        for hold in holds:
            if hold.secured is False and not hold.over:
                self._secure(hold)
        for path in self._recorded_alone():
            self._secure(Hold.of(path, ALONE_SECONDS))
        unsecured = [hold.size for hold in holds if not hold.secured and not hold.over]
        free, low = free_bytes(self.folder), LOW_BYTES + len(unsecured) * BLOCK_BYTES
        self._sign(sum(unsecured))
        others = self._others()
        there, wanted = self._balance(free, low, sum(unsecured) + others)
        full = full or self._by_quota
        return Count(free_bytes(self.folder), others, there, wanted, full, self._by_quota)

    def close(self) -> None:
        """Let go of everything."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = self._signed = -1
            (self.folder / FOLDER / self._name).unlink(missing_ok=True)

    def touch(self) -> float:
        """As small a write as there is, flushed by nobody: how many seconds it slept, as Asterisk's did."""
        began = time.monotonic()
        with suppress(OSError):  # not there yet, or read-only: a look tells of it
            os.utime(self.folder / FOLDER)
        return time.monotonic() - began

    # Each recording

    def _secure(self, hold: Hold) -> None:
        """Once the file is there, Asterisk has opened it, and truncates it no more before its end."""
        try:
            fd = os.open(hold.path, os.O_WRONLY)
        except FileNotFoundError:
            return
        except OSError:  # not ours to write: what it holds is counted, and there is the ballast
            hold.secured = None
            return
        try:
            found = os.fstat(fd)
            early = found.st_size < FIRST_BYTES and abs(time.time() - found.st_mtime) < FIRST_SECONDS
            hold.secured = self._set_aside(fd, hold.size)
            hold.in_time = bool(hold.secured) and early
        finally:
            os.close(fd)
        if hold.over:  # it ended meanwhile
            trim(hold.path)

    def _set_aside(self, fd: int, size: int) -> bool | None:
        by_quota = False
        for _ in range(2):
            try:
                _allocate(fd, size, _KEEP_SIZE)
            except OSError as error:
                if error.errno in _NO_SUCH_WAY:
                    if not self._told:
                        log.warning("%s: no room can be set aside for a recording (NFS, ZFS?)", self.folder)
                        self._drop_hollow()
                    self._told = True
                    return None
                if by_quota := error.errno == errno.EDQUOT:
                    self._quota_at = time.monotonic()
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._give_way(size):
                    break  # tried again at the next look
            else:
                return True
        self._by_quota |= by_quota
        return False

    def _recorded_alone(self) -> Iterator[Path]:
        """What the dialplan records without us: it can't ask the disk itself, and some of us may be there.

        Of what has ended the room is given back: whoever takes it in may be long in coming.
        """
        now = time.time()
        for path in _sounds(self.folder.resolve().parent / ALONE):
            with suppress(OSError):
                found = path.stat()
                idle, has_more = now - found.st_mtime, _has_more(found)
                if has_more and (idle > LEFT_SECONDS or is_closed(path)):
                    trim(path)
                elif not has_more and idle < GROWS_SECONDS and not is_closed(path):
                    yield path

    # What this process, and the others, hold without that

    def _sign(self, size: int) -> None:
        with suppress(OSError):  # a full disk, a damaged folder: tried again at the next look
            if self._fd >= 0 and not os.fstat(self._fd).st_nlink:  # somebody took us for dead as we began
                os.close(self._fd)
                self._fd = self._signed = -1
            if self._fd < 0:
                self._fd = os.open(self.folder / FOLDER / self._name, os.O_RDWR | os.O_CREAT, 0o660)
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if size != self._signed:
                os.pwrite(self._fd, b"%-20d" % size, 0)
                self._signed = size

    def _others(self) -> int:
        """Where that can't be seen: what was last seen, and four recordings' worth at least.

        A disk that is nearly full counts as full sooner then, for the last bytes might be promised twice; one
        with more room is used. What has begun is safe from that wherever its room can be set aside.
        """
        try:
            with os.scandir(self.folder / FOLDER) as entries:
                its = [entry for entry in entries if entry.name.startswith("held-")]
        except OSError as error:
            if not self._blind:
                log.error("what other processes hold of a disk can't be seen, and is guessed: %s", error)
            self._blind = True
            return max(self._known, SPARE_BYTES)
        self._known = sum(_held(Path(each.path)) for each in its if each.name != self._name)
        self._blind = False
        return self._known

    # The ballast

    def _balance(self, free: int, low: int, held: int) -> tuple[int, int]:
        """Give way or build up. How much ballast there is, and how much there should be."""
        there, wanted = self.there, self.wanted
        soon = time.monotonic() - self._quota_at <= QUOTA_SECONDS
        if free < low and there:
            self._give_way(low - free)
        elif there > wanted:
            self._give_way(there - wanted, 0)
        elif there < wanted and not soon and free - held - (wanted - there) >= SPARE_BYTES:
            self._build(wanted)
        return self.there, wanted

    @property
    def _file(self) -> Path:
        return ballast_of(self.folder)

    @property
    def there(self) -> int:
        """Bytes of ballast."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    @property
    def wanted(self) -> int:
        """How many there should be. Raises OSError."""
        found = os.statvfs(self.folder)
        return min(self.ballast, found.f_blocks * found.f_frsize // SHARE_OF_DISK)

    @property
    def gave_way(self) -> bool:
        """Whether there was more of it."""
        return self._file.exists() and self.there < self.wanted

    def _give_way(self, size: int, least: int = STEP_BYTES) -> bool:
        """Whether it did."""
        with suppress(OSError), self._alone() as fd:
            there = os.fstat(fd).st_size if fd >= 0 else 0
            if there:
                os.ftruncate(fd, max(0, there - max(size, least)))
            return there > 0
        return False

    def _drop_hollow(self) -> None:
        """A ballast that has its length and no bytes, as once built on ZFS, or of zeros: it is built anew."""
        with suppress(OSError):
            found = self._file.stat()
            if _is_hollow(found, found.st_size):
                self._give_way(found.st_size)

    def _build(self, wanted: int) -> None:
        with suppress(OSError), self._alone() as fd:
            if fd < 0:
                return
            there = os.fstat(fd).st_size
            try:
                _allocate(fd, wanted)
            except OSError as error:
                os.ftruncate(fd, there)  # a part may be all that a quota left; ZFS has only lengthened it …
                if error.errno == errno.EDQUOT:
                    self._quota_at = time.monotonic()
                if error.errno not in _NO_SUCH_WAY:
                    raise
                os.pwrite(fd, os.urandom(min(PIECE_BYTES, wanted - there)), there)  # … and keeps no zeros

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The ballast, opened, while no other process changes it; else -1."""
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o660)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield -1
            else:
                yield fd
        finally:
            os.close(fd)


def ballast_of(folder: Path) -> Path:
    """Its file, beside the recordings of that folder."""
    return folder / FOLDER / "ballast"


def free_bytes(folder: Path) -> int:
    """What an ordinary user's files may still take there. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def trim(path: Path) -> None:
    """Give back what was set aside for a file that grows no more."""
    with suppress(OSError):
        found = path.stat()
        if _has_more(found):
            os.truncate(path, found.st_size)
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _has_more(found: os.stat_result) -> bool:
    """Whether something is set aside for that file."""
    return found.st_blocks * 512 > found.st_size + BLOCK_BYTES


def is_closed(path: Path) -> bool:
    """Whether Asterisk is done with it: then it writes the length into the header, which was zero."""
    with path.open("rb") as file:
        return any(file.read(8)[4:])


def _sounds(folder: Path) -> list[Path]:
    """What Asterisk wrote there, as far as its disk shows it."""
    return [Path(entry.path) for entry in listed(folder) if entry.name.endswith(".wav")]


def trim_left(folder: Path, idle: float, held: Collection[Path] = ()) -> None:
    """The same for all of the last two days that have not grown for `idle` seconds.

    They may be very many: each is asked about once, and only where something is set aside it gets a path.
    """
    before = time.time() - idle
    for day in islice(day_folders(folder), 2):
        for entry in shown(day):
            with suppress(OSError):
                found = entry.stat() if entry.name.endswith(".wav") else None
                ended = found and found.st_mtime < before and _has_more(found)
                if ended and (path := Path(entry.path)) not in held:
                    trim(path)


def _held(path: Path) -> int:
    """By the process whose file it is; 0 when it is dead, and then the file goes."""
    with suppress(OSError, ValueError):
        fd = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink()
        except BlockingIOError:
            return int(os.pread(fd, 20, 0) or 0)
        finally:
            os.close(fd)
    return 0


def _allocate(fd: int, size: int, mode: int = 0) -> None:
    """Really on the disk. Python's own posix_fallocate can't keep the size, and writes for want of it.

    ZFS says that it did, and sets nothing aside: the blocks tell.
    """
    if _libc.fallocate(fd, mode, ctypes.c_int64(0), ctypes.c_int64(size)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if _is_hollow(os.fstat(fd), size):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def _is_hollow(found: os.stat_result, size: int) -> bool:
    """Whether that file lacks blocks for so many bytes; a little less, as for Btrfs's first few, is none."""
    return found.st_blocks * 512 < size - BLOCK_BYTES
