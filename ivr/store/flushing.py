"""A recording that outlives a power cut: the file is flushed, and once each folder that it lies in.

A file's own flush brings its name along on ext4, XFS and Btrfs, but not the folders above it. Flushes by
several threads at once share one of the disk (the file system's own group commit), so nothing gathers them
here. Asks the disk: not for the event loop.
"""

from __future__ import annotations

import array
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

HALF = ".new"  # what is being written ends so; no backup takes it
_GET_FLAGS, _SET_FLAGS, _SYNC = 0x80086601, 0x40086602, 0x8  # linux/fs.h, as chattr +S uses them
# Folders that are on the disk with all above them up to a root: by that, device and inode. One that is made
# anew is another, as long as nobody removes those that we use.
_flushed: set[tuple[str, int, int]] = set()


def flush(file: Path, root: Path) -> None:
    """Put it on the disk, with the folders from its own up to `root`. Raises OSError."""
    sync(file)
    flush_folders(file, root)


def flush_folders(file: Path, root: Path) -> None:
    """Put its name on the disk: the folders from its own up to `root`. Raises OSError."""
    new = []
    for folder in file.parents:
        found = folder.stat()
        if (key := (str(root), found.st_dev, found.st_ino)) in _flushed:
            break
        sync(folder)
        new.append(key)
        if folder == root:
            break
    _flushed.update(new)


def put(path: Path, content: bytes) -> None:
    """That and nothing else, whole or not at all, on the disk before this returns; for its owner alone."""
    draft(path, content).replace(path)
    sync(path.parent)


def draft(path: Path, content: bytes) -> Path:
    """Beside it, flushed, under a name of this process; its folder is made. Raises OSError.

    By root it is for whoever owns the file of that name, where that is root or nobody for whoever owns the
    folder: a command that root types takes no key from the service.
    """
    gives = _given_away(path) if os.geteuid() == 0 else None
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    # O_NOFOLLOW: in another's folder no link of that name leads what is given away elsewhere
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    fd = os.open(half, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            if gives is not None:
                new, whose = gives
                with suppress(OSError):  # of a mount that knows no owners
                    os.fchown(file.fileno(), whose.st_uid, whose.st_gid)
                    for folder in new:
                        os.lchown(folder, whose.st_uid, whose.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        if error.errno and error.filename is None:  # a write's own names no file
            error.filename = str(path)
        raise
    return half


def _given_away(path: Path) -> tuple[list[Path], os.stat_result] | None:
    """The folders that are to be made for it, and whose these and the file will be; None: root's."""
    new = [folder for folder in path.parents if not folder.exists()]
    whose = (new[-1].parent if new else path.parent).stat()
    with suppress(FileNotFoundError):
        if (its := path.lstat()).st_uid:
            whose = its
    return (new, whose) if whose.st_uid else None


def sync(path: Path) -> None:
    """Put a file's bytes, or a folder's names, on the disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def replacing(target: Path, mtime: float = 0.0, beside: Path | None = None) -> Iterator[Path]:
    """A name beside it that nothing reads, for what is to be `flushed` and proved: then it has that name.

    `mtime`: the file's time; 0 = now. `beside`: another file of that folder, where others may be writing
    beside the target. Cut off anywhere, or when something is raised, `target` is as it was.
    """
    half = (beside or target).with_name((beside or target).name + HALF)
    try:
        yield half
        if mtime:
            os.utime(half, (mtime, mtime))
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    sync(target.parent)


def replace(target: Path, content: bytes, mtime: float = 0.0) -> None:
    """As `put` does it, but for its group to read, too. Its blocks are new ones, whatever it had before.

    `mtime`: as `replacing` has it.
    """
    with replacing(target, mtime) as half, flushed(half) as out:
        out.write(content)


@contextmanager
def flushed(path: Path) -> Iterator[IO[bytes]]:
    """A new file, on the disk at the end; who reads it then asks the disk itself. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def flush_each_write(path: Path) -> None:
    """Of whoever writes to that file from now on. Raises OSError where its file system has no such way."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _SET_FLAGS, array.array("l", [_flags(fd) | _SYNC]))
    finally:
        os.close(fd)


def each_write_is_flushed(path: Path) -> bool:
    """Whether that is so: by the file's own flag, or of all that is mounted there. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if os.fstatvfs(fd).f_flag & os.ST_SYNCHRONOUS:
            return True
        try:
            return bool(_flags(fd) & _SYNC)
        except OSError:
            return False
    finally:
        os.close(fd)


def _flags(fd: int) -> int:
    flags = array.array("l", [0])
    fcntl.ioctl(fd, _GET_FLAGS, flags)
    return flags[0]
