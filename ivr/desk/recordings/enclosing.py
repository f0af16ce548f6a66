"""Recordings that are in the books are closed in envelopes: a stolen disk tells nobody what was said.

Intake, the dialplan's own and the reconciler work on what Asterisk wrote, so nothing is closed in its first
hour. Then the envelope is written beside it, read back and compared with the hash in the books, flushed, and
only then the plain file goes. Cut off anywhere, one of the two can be read, and the next pass finishes.
Nothing is closed under a key of which no copy is known elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store import envelope, recording_files
from ivr.store.age import AgeError
from ivr.store.envelope import Unopened
from ivr.store.flushing import sync
from ivr.store.key_copies import KeyCopies
from ivr.store.recordings import TO_ENCLOSE
from ivr.store.room import SPARE_BYTES, free_bytes
from ivr.store.tables import recordings

log = logging.getLogger(__name__)

SETTLED = timedelta(hours=1)  # no call goes back to what it recorded, nothing grows, nothing is named twice
PAGE = 100


class Encloser:
    """Of one machine's recordings. `settled`: for how long none is touched."""

    def __init__(
        self, engine: AsyncEngine, folder: Path, copies: KeyCopies, settled: timedelta = SETTLED
    ) -> None:
        self.engine, self.folder, self.copies, self.settled = engine, folder, copies, settled
        self._told: set[str] = set()

    async def once(self, now: datetime) -> int:
        """One pass over what is plain and old enough. How many were closed. Raises what AWAY names."""
        if why := await asyncio.to_thread(self._prepared):
            self._tell(why, "no recording is enclosed: %s", why)
            return 0
        done, after = 0, None
        while True:
            async with self.engine.connect() as connection:
                rows = (await connection.execute(not_enclosed(now - self.settled, after))).all()
            for row in await asyncio.to_thread(self._here, rows):
                began = time.monotonic()
                if await self._close(row.name, now):
                    done += 1
                    await asyncio.sleep(time.monotonic() - began)  # the disk is the callers' first
            if len(rows) < PAGE:
                return done
            after = rows[-1]

    def _here(self, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        return [row for row in rows if recording_files.where(self.folder, row.name)]

    def _prepared(self) -> str:
        """Why nothing can be closed; "" when it can."""
        try:
            self.copies.keep()
        except (OSError, Unopened, AgeError) as error:
            return str(error)
        return self.copies.lacking()

    async def _close(self, name: str, now: datetime) -> bool:
        """Held by its row meanwhile: what retention takes never comes back."""
        async with self.engine.begin() as connection:
            row = await _held(connection, name)
            if row is None:
                return False
            try:
                closed = await asyncio.to_thread(enclose, self.folder, row.name, row.sha256, self.settled)
            except (OSError, Unopened, NotWhole) as error:
                self._tell(name, "recording %s is not enclosed: %s", name, error)
                return False
            if closed:
                its = update(recordings).where(recordings.c.name == name)
                await connection.execute(its.values(enclosed_at=now))
        return closed

    def _tell(self, what: str, *told: Any) -> None:
        """Each once."""
        if what not in self._told:
            self._told.add(what)
            log.error(*told)


class NotWhole(Exception):
    """The file is not what was recorded; one sentence."""


def enclose(folder: Path, name: str, sha256: str, settled: timedelta = SETTLED) -> bool:
    """Close one; False when it must wait or is not on this machine. Twice is harmless. For a thread.

    Raises OSError, Unopened and NotWhole; then the plain file is as it was.
    """
    plain, closed = recording_files.plain(folder, name), recording_files.closed(folder, name)
    keys = recording_files.keys_beside(folder)
    if not plain.is_file():
        return _holds(closed, folder, sha256)
    found = plain.stat()
    if found.st_nlink > 1 or abs(time.time() - found.st_mtime) < settled.total_seconds():
        return False  # the dialplan's own is not taken in yet, or the clock was set back
    if not _holds(closed, folder, sha256):
        if free_bytes(closed.parent) < SPARE_BYTES + envelope.size_outside(found.st_size):
            return False  # what is free is the callers'
        with plain.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise NotWhole("it is not what was recorded: ivr verify")
            file.seek(0)
            if envelope.enclose(file, closed, keys, found.st_mtime) != sha256:
                raise NotWhole("it changed while it was read")
    recording_files.forget_plain(folder, name)
    sync(plain.parent)
    return True


def _holds(closed: Path, folder: Path, sha256: str) -> bool:
    """Whether that envelope is there and what is in it is what was recorded."""
    try:
        with recording_files.opened_at(closed, folder) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
    except Unopened:
        if closed.with_suffix(recording_files.PLAIN).is_file():  # it is written anew
            return False
        raise


def not_enclosed(before: datetime, after: Row[Any] | None = None) -> Select[Any]:
    """The oldest plain ones of that time or before; `after` continues behind the last one seen."""
    place = (recordings.c.recorded_at, recordings.c.name)
    query = select(*place).where(TO_ENCLOSE, recordings.c.recorded_at <= before).order_by(*place).limit(PAGE)
    return query if after is None else query.where(tuple_(*place) > tuple_(after.recorded_at, after.name))


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


def unopened(folder: Path, names: Sequence[str]) -> list[str]:
    """Why those of them that are on this machine can't be opened. For a thread."""
    found = []
    for name in names:
        try:
            recording_files.opened(folder, name).close()
        except FileNotFoundError:
            pass  # another machine's; `ivr verify` tells
        except (OSError, Unopened) as error:
            found.append(str(error))
    return found


async def _held(connection: AsyncConnection, name: str) -> Row[Any] | None:
    query = select(recordings.c.name, recordings.c.sha256).where(recordings.c.name == name, TO_ENCLOSE)
    found: Any = await connection.execute(query.with_for_update(skip_locked=True, key_share=True))
    row: Row[Any] | None = found.first()
    return row
