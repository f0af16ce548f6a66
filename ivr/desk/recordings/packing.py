"""Recordings that are in the books are packed as FLAC: half the room, and every byte comes back.

The packed file is written beside the WAV, flushed, read back and compared with the hash in the books, and
only then the WAV goes. Cut off anywhere, one of the two can be read, and the next pass finishes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from ivr.desk.recordings.settling import SETTLED, NotWhole, Settling, as_recorded, holds, is_settled
from ivr.store import flac, recording_files
from ivr.store.flushing import flushed, replacing, sync
from ivr.store.recordings import TO_PACK
from ivr.store.room import SPARE_BYTES, free_bytes

BACKED_UP_ANEW = 0.001  # seconds by which what has its head again is later: by time and size backups tell


class Packer(Settling):
    """Of one machine's recordings."""

    todo, called = TO_PACK, "packed"

    def settle(self, row: Row[Any], now: datetime) -> dict[str, Any]:
        """Pack it."""
        size = pack(self.folder, row.name, row.sha256, self.settled)
        return {} if size is None else {"packed_size": size}


def pack(folder: Path, name: str, sha256: str, settled: timedelta = SETTLED) -> int | None:
    """Its bytes then; 0 = it stays a WAV, being no smaller, but has its head if a disk had lost that.

    None: it must wait, is closed, or is not on this machine. Twice is harmless. For a thread. Raises OSError,
    Damaged and NotWhole; then the WAV is as it was.
    """
    plain, packed = recording_files.plain(folder, name), recording_files.packed(folder, name)
    if not plain.is_file():
        return packed.stat().st_size if holds(packed, folder, sha256, (recording_files.PLAIN,)) else None
    if not is_settled(plain, settled):
        return None
    if not holds(packed, folder, sha256, (recording_files.PLAIN,)):
        found, stored = plain.stat(), plain.read_bytes()
        content = as_recorded(stored, sha256)
        made = flac.packed(content)
        smaller = 0 < len(made) < len(content)
        if not smaller and content is stored:
            return 0
        target, made, later = (packed, made, 0.0) if smaller else (plain, content, BACKED_UP_ANEW)
        if free_bytes(packed.parent) < SPARE_BYTES + len(made):
            return None  # what is free is the callers'
        # Beside the packed one either way: who recorded it may still be writing it anew beside the WAV.
        with replacing(target, found.st_mtime + later, beside=packed) as half:
            with flushed(half) as out:
                out.write(made)
            if recording_files.digest_at(half, folder) != sha256:
                raise NotWhole("what was packed does not come back from the disk")
        if not smaller:
            return 0
    recording_files.forget_plain(folder, name)
    sync(plain.parent)
    return packed.stat().st_size
