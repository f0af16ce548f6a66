"""What is done to recordings that nothing touches any more, each held by its row meanwhile.

Intake, the dialplan's own and the reconciler work on what Asterisk wrote, so nothing is done in its first
hour. What is free on the disk is the callers' first, and so is the disk's time. Who ends does not wait for
one that hangs: what is cut off anywhere can be read, and the next pass finishes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Row, Select, TextClause, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store import recording_files
from ivr.store.disk_thread import ask_once
from ivr.store.envelope import Unopened
from ivr.store.tables import recordings
from ivr.voice.riff import with_header
from ivr.voice.wave import with_lengths

log = logging.getLogger(__name__)

SETTLED = timedelta(hours=1)  # no call goes back to what it recorded, nothing grows, nothing is named twice
PAGE = 100


class NotWhole(Exception):
    """The file is not what was recorded; one sentence."""


class Settling:
    """Of one machine's recordings. `settled`: for how long none is touched."""

    todo: ClassVar[TextClause]  # of which rows
    called: ClassVar[str]  # what they are then

    def __init__(self, engine: AsyncEngine, folder: Path, settled: timedelta = SETTLED) -> None:
        self.engine, self.folder, self.settled = engine, folder, settled
        self._told: set[str] = set()

    def prepared(self) -> str:
        """Why nothing can be done now; "" when it can. For a thread."""
        return ""

    def settle(self, row: Row[Any], now: datetime) -> dict[str, Any]:
        """What its row says then; nothing when it must wait. For a thread.

        Raises OSError, Unopened and NotWhole; then the file is as it was.
        """
        raise NotImplementedError

    async def once(self, now: datetime) -> int:
        """One pass over what is old enough. How many were done. Raises what AWAY names."""
        if why := await ask_once(self.prepared):
            self._tell(why, "no recording is %s: %s", self.called, why)
            return 0
        done, after = 0, None
        while True:
            async with self.engine.connect() as connection:
                rows = (await connection.execute(due(self.todo, now - self.settled, after))).all()
            for row in await ask_once(partial(self._here, rows)):
                began = time.monotonic()
                if await self._one(row.name, now):
                    done += 1
                    await asyncio.sleep(time.monotonic() - began)  # the disk is the callers' first
            if len(rows) < PAGE:
                return done
            after = rows[-1]

    def _here(self, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        return [row for row in rows if self._is_here(row.name)]

    def _is_here(self, name: str) -> bool:
        """One whose folder its disk damaged is told of and left out: it holds up no other."""
        try:
            return recording_files.where(self.folder, name) is not None
        except OSError as error:
            self._tell(name, "recording %s is not %s: %s", name, self.called, error)
            return False

    async def _one(self, name: str, now: datetime) -> bool:
        """Held by its row meanwhile: what retention takes never comes back."""
        async with self.engine.begin() as connection:
            row = await self._held(connection, name)
            if row is None:
                return False
            try:
                told = await ask_once(partial(self.settle, row, now))
            except (OSError, Unopened, NotWhole) as error:
                self._tell(name, "recording %s is not %s: %s", name, self.called, error)
                return False
            if told:
                its = update(recordings).where(recordings.c.name == name)
                await connection.execute(its.values(**told))
        return bool(told)

    async def _held(self, connection: AsyncConnection, name: str) -> Row[Any] | None:
        query = select(recordings.c.name, recordings.c.sha256).where(recordings.c.name == name, self.todo)
        found: Any = await connection.execute(query.with_for_update(skip_locked=True, key_share=True))
        row: Row[Any] | None = found.first()
        return row

    def _tell(self, what: str, *told: Any) -> None:
        """Each once."""
        if what not in self._told:
            self._told.add(what)
            log.error(*told)


def is_settled(path: Path, settled: timedelta) -> bool:
    """False too for the dialplan's own that is not taken in yet, and when the clock was set back."""
    found = path.stat()
    return found.st_nlink == 1 and abs(time.time() - found.st_mtime) >= settled.total_seconds()


def due(todo: TextClause, before: datetime, after: Row[Any] | None = None) -> Select[Any]:
    """The oldest ones of that time or before; `after` continues behind the last one seen."""
    place = (recordings.c.recorded_at, recordings.c.name)
    query = select(*place).where(todo, recordings.c.recorded_at <= before).order_by(*place).limit(PAGE)
    return query if after is None else query.where(tuple_(*place) > tuple_(after.recorded_at, after.name))


def holds(made: Path, folder: Path, sha256: str, of: Sequence[str]) -> bool:
    """Whether that file is there and what is in it is what was recorded. `of`: the forms it is made of.

    Raises OSError, and Unopened when it can't be opened and there is nothing to make it anew of.
    """
    try:
        return recording_files.digest_at(made, folder) == sha256
    except FileNotFoundError:
        return False
    except Unopened:
        if any(made.with_suffix(form).is_file() for form in of):
            return False
        raise


def as_recorded(content: bytes, sha256: str) -> bytes:
    """With its head, or the lengths in it, if a disk lost these and nothing else. Raises NotWhole.

    What has none for a full disk is written anew once there is room, unless who would is killed first.
    """
    for known in (content, with_lengths(content), with_header(content)):
        if hashlib.sha256(known).hexdigest() == sha256:
            return known
    raise NotWhole("it is not what was recorded: ivr verify")
