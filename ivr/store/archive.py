"""A backup as one tar that is written and read as a stream: nothing is sought, no file is held in memory.

First member `backup.json` (what this is), last one `SHA256SUMS`, in the form of `sha256sum`, of all that lie
between, in their order: `tar -xf … && sha256sum -c SHA256SUMS` proves it without us.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, cast

FORM = "seda111 backup 1"
CONTENT, SUMS = "backup.json", "SHA256SUMS"
PIECE = 1 << 20
_LONGEST_CONTENT = 16 << 20


class ArchiveError(Exception):
    """The archive is not whole, or no archive. One sentence."""


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """So many, or less at the end."""


class Writer:
    """Writes to anything that can be written to. `finish` last."""

    def __init__(self, out: IO[bytes], content: dict[str, Any]) -> None:
        self.size = self.files = 0
        into = cast("IO[bytes]", _Into(out))
        self._tar = tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums = tempfile.TemporaryFile()  # noqa: SIM115  grows with the number of files
        self.add_bytes(CONTENT, json.dumps({"form": FORM, **content}, indent=1).encode())

    def add_bytes(self, name: str, content: bytes) -> str:
        """A member from memory; its SHA-256 in hex."""
        return self.add(name, io.BytesIO(content), len(content), time.time())

    def add(self, name: str, file: Readable, size: int, mtime: float, mode: int = 0o640) -> str:
        """`size` bytes of a file as a member, which is its SHA-256 in hex.

        A file that grows meanwhile is cut there, one that shrinks is filled up with zeros.
        """
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, mtime, mode & 0o777
        through = _Through(file, size)
        self._tar.addfile(info, through)
        _forget_members(self._tar)
        hashed = through.digest.hexdigest()
        self._sums.write(f"{hashed}  {name}\n".encode())
        self.size += size
        self.files += 1
        return hashed

    def finish(self) -> str:
        """Write the sums and the end; the SHA-256 of the sums stands for the whole backup."""
        size = self._sums.tell()
        self._sums.seek(0)
        seal = self.add(SUMS, self._sums, size, time.time())
        self._tar.close()
        self._sums.close()
        return seal


@dataclass(slots=True)
class Member:
    """A member that is being read; read it whole, or the reader does it before it goes on."""

    name: str
    size: int
    mtime: float
    mode: int
    _file: IO[bytes]
    _digest: Any
    _left: int

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; b"" at the end. Raises ArchiveError when they are not there."""
        wanted = self._left if size < 0 else min(size, self._left)
        try:
            piece = self._file.read(wanted) if wanted else b""
        except (tarfile.TarError, OSError):
            piece = b""
        if wanted and not piece:
            raise ArchiveError(f"the backup is cut off in {self.name}")
        self._left -= len(piece)
        self._digest.update(piece)
        return piece

    def pieces(self) -> Iterator[bytes]:
        """All that is left, piece by piece."""
        while piece := self.read(PIECE):
            yield piece

    @property
    def sha256(self) -> str:
        """In hex, of what was read."""
        return str(self._digest.hexdigest())


class Reader:
    """Reads from anything that can be read. `content` first, then `next` until None; then all is proved."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._tar: tarfile.TarFile
        self._sums = tempfile.TemporaryFile()  # noqa: SIM115
        self._open: Member | None = None
        self._last = "its beginning"
        self.files = self.size = 0
        self.sums = ""  # at the end: the SHA-256 that stands for the whole backup

    def content(self) -> dict[str, Any]:
        """What the first member says. Raises ArchiveError."""
        try:
            self._tar = tarfile.open(fileobj=self._source, mode="r|")  # noqa: SIM115
            first = self.next()
        except (tarfile.TarError, ArchiveError):
            first = None
        if first is None or first.name != CONTENT or first.size > _LONGEST_CONTENT:
            raise ArchiveError("this is no backup of Seda 111")
        try:
            content = json.loads(b"".join(first.pieces()))
        except ValueError:
            raise ArchiveError(f"{CONTENT} of the backup is damaged") from None
        if not isinstance(content, dict) or content.get("form") != FORM:
            raise ArchiveError("this backup has a form that this version does not know")
        return content

    def next(self) -> Member | None:
        """The next member; None when everything was there and as it was written. Raises ArchiveError."""
        self._finish_member()
        try:
            info = self._tar.next()
            _forget_members(self._tar)
        except (tarfile.TarError, OSError):
            info = None
        if info is None:
            raise ArchiveError(f"the backup is damaged or cut off behind {self._last}")
        file = self._tar.extractfile(info) if info.isreg() else None
        if file is None or not _is_harmless(info.name):
            raise ArchiveError(f"the backup holds {info.name!r}, which no backup of ours does")
        member = Member(info.name, info.size, info.mtime, info.mode, file, hashlib.sha256(), info.size)
        if info.name == SUMS:
            self._compare(member)
            return None
        self.files += 1
        self.size += info.size
        self._open, self._last = member, info.name
        return member

    def _finish_member(self) -> None:
        if self._open is not None:
            for _ in self._open.pieces():
                pass
            self._sums.write(f"{self._open.sha256}  {self._open.name}\n".encode())
            self._open = None

    def _compare(self, sums: Member) -> None:
        """What was read with what was written. Raises ArchiveError, which names the first difference."""
        self._sums.seek(0)
        rest = b""
        for piece in sums.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if (ours := self._sums.readline().rstrip(b"\n")) != line:
                    name = (ours or line)[66:].decode(errors="replace")
                    raise ArchiveError(f"{name or SUMS} is not what was backed up")
        if rest or self._sums.readline():
            raise ArchiveError(f"{SUMS} of the backup is not whole")
        self._sums.close()
        self.sums = sums.sha256


class _Into:
    """What a tar of mode `w` wants. That of `w|` holds some back, and writes it though an error ended us."""

    def __init__(self, out: IO[bytes]) -> None:
        self.write = out.write

    def tell(self) -> int:
        return 0


class _Through:
    """A file's first `size` bytes, hashed on their way."""

    def __init__(self, file: Readable, size: int) -> None:
        self.digest = hashlib.sha256()
        self._file, self._left = file, size

    def read(self, size: int = PIECE) -> bytes:
        wanted = min(size, self._left)
        piece = self._file.read(wanted) if wanted else b""
        piece += bytes(wanted - len(piece))
        self._left -= len(piece)
        self.digest.update(piece)
        return piece


def _forget_members(tar: tarfile.TarFile) -> None:
    """It remembers every one, and there may be millions."""
    tar.members.clear()  # type: ignore[attr-defined]


def _is_harmless(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\n" not in name and bool(path.parts)
