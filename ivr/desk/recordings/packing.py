"""Recordings that are in the books are packed as FLAC: half the room, and every byte comes back.

The packed file is written beside the WAV, flushed, read back and compared with the hash in the books, and
only then the WAV goes. Cut off anywhere, one of the two can be read, and the next pass finishes.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from ivr.desk.recordings.settling import SETTLED, NotWhole, Settling, is_settled
from ivr.store import envelope, flac, recording_files
from ivr.store.envelope import Damaged
from ivr.store.flushing import sync
from ivr.store.recordings import TO_PACK
from ivr.store.room import SPARE_BYTES, free_bytes


class Packer(Settling):
    """Of one machine's recordings."""

    todo, called = TO_PACK, "packed"

    def settle(self, row: Row[Any], now: datetime) -> dict[str, Any]:
        """Pack it."""
        size = pack(self.folder, row.name, row.sha256, self.settled)
        return {} if size is None else {"packed_size": size}


def pack(folder: Path, name: str, sha256: str, settled: timedelta = SETTLED) -> int | None:
    """Its bytes then; 0 = it stays as it is, being no smaller. Twice is harmless. For a thread.

    None: it must wait, is closed, or is not on this machine. Raises OSError, Damaged and NotWhole; then the
    WAV is as it was.
    """
    plain, packed = recording_files.plain(folder, name), recording_files.packed(folder, name)
    if not plain.is_file():
        return packed.stat().st_size if _holds(packed, folder, sha256) else None
    if not is_settled(plain, settled):
        return None
    if not _holds(packed, folder, sha256):
        content = plain.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise NotWhole("it is not what was recorded: ivr verify")
        made = flac.packed(content)
        if not made or len(made) >= len(content):
            return 0
        if free_bytes(packed.parent) < SPARE_BYTES + len(made):
            return None  # what is free is the callers'
        _write(packed, made, plain.stat().st_mtime)
        if not _holds(packed, folder, sha256):
            raise NotWhole("what was packed does not come back from the disk")
    recording_files.forget_plain(folder, name)
    sync(plain.parent)
    return packed.stat().st_size


def _write(packed: Path, made: bytes, mtime: float) -> None:
    """On the disk before the name is; what is read of it then is asked of the disk."""
    half = packed.with_name(packed.name + envelope.HALF)
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as out:
            out.write(made)
            out.flush()
            os.fsync(out.fileno())
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        os.utime(half, (mtime, mtime))
        half.replace(packed)
    finally:
        half.unlink(missing_ok=True)
    sync(packed.parent)


def _holds(packed: Path, folder: Path, sha256: str) -> bool:
    try:
        return recording_files.digest_at(packed, folder) == sha256
    except FileNotFoundError:
        return False
    except Damaged:
        if packed.with_suffix(recording_files.PLAIN).is_file():  # it is written anew
            return False
        raise
