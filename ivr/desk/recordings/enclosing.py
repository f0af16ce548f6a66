"""Recordings that are in the books are closed in envelopes: a stolen disk tells nobody what was said.

The envelope is written beside the file, read back and compared with the hash in the books, flushed, and
only then the file goes. Cut off anywhere, one of the two can be read, and the next pass finishes.
Nothing is closed under a key of which no copy is known elsewhere.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.recordings.settling import SETTLED, NotWhole, Settling, as_recorded, holds, is_settled
from ivr.store import envelope, recording_files
from ivr.store.age import AgeError
from ivr.store.envelope import Unopened
from ivr.store.flushing import sync
from ivr.store.folders import refusal, remedy
from ivr.store.key_copies import KeyCopies
from ivr.store.recordings import TO_ENCLOSE
from ivr.store.room import SPARE_BYTES, free_bytes
from ivr.store.tables import recordings

BRING_BACK = "bring the key file back, or ivr keys recover; then ivr verify"


class Encloser(Settling):
    """Of one machine's recordings. `settled`: for how long none is touched."""

    todo, called = TO_ENCLOSE, "enclosed"

    def __init__(
        self, engine: AsyncEngine, folder: Path, copies: KeyCopies, settled: timedelta = SETTLED
    ) -> None:
        super().__init__(engine, folder, settled)
        self.copies = copies

    def prepared(self) -> str:
        """Why nothing can be closed; "" when it can."""
        try:
            self.copies.keep()
        except (OSError, Unopened, AgeError) as error:
            return str(error)
        return self.copies.lacking()

    def settle(self, row: Row[Any], now: datetime) -> dict[str, Any]:
        """Close it, unless a key came meanwhile of which no copy is known: a pass may last for days."""
        if self.copies.lacking():
            return {}
        closed = enclose(self.folder, row.name, row.sha256, self.settled)
        return {"enclosed_at": now} if closed else {}


def enclose(folder: Path, name: str, sha256: str, settled: timedelta = SETTLED) -> bool:
    """Close one; False when it must wait or is not on this machine. Twice is harmless. For a thread.

    Raises OSError, Unopened and NotWhole; then the file is as it was.
    """
    closed = recording_files.closed(folder, name)
    forms = (recording_files.PLAIN, recording_files.PACKED)
    open_ones = [closed.with_suffix(form) for form in forms]
    source = next((path for path in open_ones if path.is_file()), None)
    if source is None:
        return holds(closed, folder, sha256, forms)
    if not is_settled(source, settled):
        return False
    if not holds(closed, folder, sha256, forms):
        found = source.stat()
        if free_bytes(closed.parent) < SPARE_BYTES + envelope.size_outside(found.st_size):
            return False  # what is free is the callers'
        with source.open("rb") as file:
            outside = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            words: IO[bytes] = file
            if outside != sha256 and recording_files.digest_at(source, folder) != sha256:
                words, outside = io.BytesIO(as_recorded(file.read(), sha256)), sha256
            keys = recording_files.keys_beside(folder)
            if envelope.enclose(words, closed, keys, found.st_mtime) != outside:
                raise NotWhole("it changed while it was read")
    recording_files.forget_open(folder, name)
    sync(closed.parent)
    return True


async def enclosed(engine: AsyncEngine) -> int:
    """How many are in envelopes, as far as the books know."""
    kept = (recordings.c.enclosed_at.is_not(None), recordings.c.removed_at.is_(None))
    async with engine.connect() as connection:
        return int(
            (await connection.execute(select(func.count()).select_from(recordings).where(*kept))).scalar_one()
        )


async def some_enclosed(engine: AsyncEngine, most: int = 20) -> list[str]:
    """The names of the newest ones."""
    kept = (recordings.c.enclosed_at.is_not(None), recordings.c.removed_at.is_(None))
    query = select(recordings.c.name).where(*kept).order_by(recordings.c.recorded_at.desc()).limit(most)
    async with engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


def unopened(folder: Path, names: Sequence[str]) -> tuple[str, str]:
    """How many of them that are on this machine can't be opened and why, and what to do; "" when all can.

    For a thread.
    """
    found: list[OSError | Unopened] = []
    for name in names:
        try:
            recording_files.opened(folder, name).close()
        except FileNotFoundError:
            pass  # another machine's; `ivr verify` tells
        except (OSError, Unopened) as error:
            found.append(error)
    if not found:
        return "", ""
    first, mend = str(found[0]), BRING_BACK
    if isinstance(found[0], OSError):
        first, mend = refusal(found[0]), remedy(found[0], BRING_BACK)
    return f"{len(found)} of {len(names)} recordings that were tried can't be opened: {first}", mend
