"""Recordings that are in the books are packed as FLAC: half the room, and every byte comes back.

The packed file is written beside the WAV, flushed, read back and compared with the hash in the books, and
only then the WAV goes. Cut off anywhere, one of the two can be read, and the next pass finishes.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from ivr.desk.recordings.settling import SETTLED, NotWhole, Settling, holds, is_settled
from ivr.store import flac, recording_files
from ivr.store.flushing import flushed, replacing, sync
from ivr.store.recordings import TO_PACK
from ivr.store.room import SPARE_BYTES, free_bytes
from ivr.voice.riff import with_header
from ivr.voice.wave import with_lengths


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
        return packed.stat().st_size if holds(packed, folder, sha256, (recording_files.PLAIN,)) else None
    if not is_settled(plain, settled):
        return None
    if not holds(packed, folder, sha256, (recording_files.PLAIN,)):
        content = _as_recorded(plain.read_bytes(), sha256)
        made = flac.packed(content)
        if not made or len(made) >= len(content):
            return 0
        if free_bytes(packed.parent) < SPARE_BYTES + len(made):
            return None  # what is free is the callers'
        with replacing(packed, plain.stat().st_mtime) as half:
            with flushed(half) as out:
                out.write(made)
            if recording_files.digest_at(half, folder) != sha256:
                raise NotWhole("what was packed does not come back from the disk")
    recording_files.forget_plain(folder, name)
    sync(plain.parent)
    return packed.stat().st_size


def _as_recorded(content: bytes, sha256: str) -> bytes:
    """With its head, or the lengths in it, if a disk lost these and nothing else. Raises NotWhole.

    What has none for a full disk is written anew once there is room, unless who would is killed first.
    """
    for known in (content, with_lengths(content), with_header(content)):
        if hashlib.sha256(known).hexdigest() == sha256:
            return known
    raise NotWhole("it is not what was recorded: ivr verify")
