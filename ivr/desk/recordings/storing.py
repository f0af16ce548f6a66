"""Closed recordings are copied to the store, each once. A copy counts when it came back unchanged.

One that the store refuses is put aside (`ivr.store.aside`) and keeps no newer one out.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from io import BufferedReader
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case.holds import holds_what_is_of
from ivr.store import recording_files
from ivr.store.aside import Aside
from ivr.store.derived import Derived
from ivr.store.disk_thread import ask_once
from ivr.store.envelope import Unopened
from ivr.store.recordings import TO_STORE, TO_UNSTORE
from ivr.store.tables import recordings
from ivr.store.vault import Vault, VaultError

log = logging.getLogger(__name__)

PAGE = 100
REMOVED_AT_ONCE = 20  # before it is asked again which case is held since
LATE = timedelta(hours=1)  # it takes half a minute
FEWEST = 2  # that wait, until it is the store's own trouble
Cursor = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Late:
    """Of the newest recordings that should have been there long ago.

    `waiting`: for a store that took nothing since they were recorded; a single one it may refuse for what
    that is. `lost`: not on this machine.
    """

    waiting: int
    lost: int


class StoreAway(OSError):
    """The store's own trouble and no recording's, so `Aside.each` lets it through."""


async def store_recordings(
    engine: AsyncEngine,
    folder: Path,
    vault: Vault,
    derived: Derived,
    now: datetime | None = None,
    aside: Aside | None = None,
) -> int:
    """One pass over what is not there yet. How many were copied.

    Raises VaultError where the store is away and NoneWorks where it takes none; the rest waits then.

    What retention removed here is removed there first, with what somebody made of it for listening meanwhile;
    where that can't be, the rest is copied nevertheless, and then it is raised.
    A file that is not on this machine is another's to copy; of what nobody copied in time the log tells. One
    that is not what was recorded is never copied: `ivr verify` names it.
    """
    refused: Exception | None = None
    try:
        await _remove(engine, vault, derived)
    except (VaultError, OSError) as error:  # a key that may not delete is one to protect what is there
        refused = error
    done = await _store_all(engine, folder, vault, now or datetime.now(UTC), aside or Aside())
    if refused is not None:
        raise refused
    return done


async def late(engine: AsyncEngine, folder: Path) -> Late:
    """A new store has an archive to take for days, oldest first: only that it takes nothing is amiss."""
    each = recordings.c
    newest: Select[Any] = select(each.name, each.recorded_at, each.sha256)
    newest = newest.order_by(each.recorded_at.desc(), each.name.desc())
    newest = newest.where(TO_STORE, each.recorded_at < func.now() - LATE).limit(PAGE)
    async with engine.connect() as connection:
        rows = (await connection.execute(newest)).all()
        found = [row for row in rows if await ask_once(partial(recording_files.where, folder, row.name))]
        lost = len(rows) - len(found)
        here = [row.recorded_at for row in found if await ask_once(partial(_is_whole, folder, row))]
        if not here or (await connection.execute(_newer_that_is_stored(here[0]))).first() is not None:
            return Late(0, lost)
        last = (await connection.execute(select(func.max(each.stored_at)))).scalar_one()  # by no index
    waiting = sum(last is None or at > last for at in here)
    return Late(waiting if waiting >= FEWEST else 0, lost)


async def copies(engine: AsyncEngine) -> int:
    """How many are in the store, as the books say; also of what retention took and nobody removed there."""
    its = select(func.count()).where(recordings.c.stored_at.is_not(None))
    async with engine.connect() as connection:
        return int((await connection.execute(its)).scalar_one())


def _is_whole(folder: Path, row: Row[Any]) -> bool:
    """What is not as it was recorded is in no store (`_copy`)."""
    try:
        with recording_files.opened(folder, row.name) as file:
            return bool(_digest(file) == row.sha256)
    except (OSError, Unopened):
        return False


def _newer_that_is_stored(at: datetime) -> Select[Any]:
    each = recordings.c
    its = select(each.name).where(each.recorded_at >= at, each.removed_at.is_(None))
    return its.where(each.stored_at.is_not(None)).limit(1)


async def _store_all(engine: AsyncEngine, folder: Path, vault: Vault, now: datetime, aside: Aside) -> int:
    done, after = 0, None
    while True:
        async with engine.connect() as connection:
            but = aside.but("store", recordings.c.name, now)
            rows = (await connection.execute(not_stored(after, *but))).all()
        its = {row.name: row for row in rows}
        try:
            done += await aside.each("store", its, partial(_store, engine, folder, vault, now), now)
        except StoreAway as away:
            raise VaultError(*away.args) from away
        if len(rows) < PAGE:
            return done
        after = (rows[-1].recorded_at, rows[-1].name)


def not_stored(after: Cursor | None, *but: ColumnElement[bool]) -> Select[Any]:
    """The oldest recordings that are not in the store; `after` continues behind the last one seen.

    `but`: what leaves out those put aside. A page of them would hold nothing that shows whose fault it is.
    """
    place = (recordings.c.recorded_at, recordings.c.name)
    query = select(*place, recordings.c.sha256).where(TO_STORE, *but)
    query = query.order_by(*place).limit(PAGE)
    return query if after is None else query.where(tuple_(*place) > tuple_(*after))


_TO_REMOVE = (
    select(recordings.c.name, recordings.c.id)
    .where(TO_UNSTORE, ~holds_what_is_of(recordings.c.case_id))
    .limit(REMOVED_AT_ONCE)
)


async def _remove(engine: AsyncEngine, vault: Vault, derived: Derived) -> None:
    while True:
        async with engine.connect() as connection:
            found = (await connection.execute(_TO_REMOVE)).all()
        for row in found:
            await ask_once(partial(vault.delete, row.name))
            await ask_once(partial(derived.forget, row.id))
            await _note(engine, row.name, None)
        if len(found) < REMOVED_AT_ONCE:
            return


async def _store(engine: AsyncEngine, folder: Path, vault: Vault, now: datetime, row: Row[Any]) -> int | None:
    """None where there is nothing to copy. Raises StoreAway, or VaultError for this recording alone."""
    try:
        if not await ask_once(partial(_copy, folder, vault, now, row)):
            return None
    except VaultError as error:
        if await ask_once(vault.is_away):
            raise StoreAway(*error.args) from error
        raise
    await _note(engine, row.name, func.now())
    return 1


async def _note(engine: AsyncEngine, name: str, stored_at: Any) -> None:
    async with engine.begin() as connection:
        this = update(recordings).where(recordings.c.name == name)
        await connection.execute(this.values(stored_at=stored_at))


def _copy(folder: Path, vault: Vault, now: datetime, row: Row[Any]) -> bool:
    """As it was recorded: the store is a copy that needs no key of ours."""
    try:
        file = recording_files.opened(folder, row.name)
    except OSError as error:
        if row.recorded_at < now - LATE:
            _tell_of(row.name, f"it can't be read here: {error.strerror or error}")
        return False
    except Unopened as error:
        _tell_of(row.name, str(error))
        return False
    with file:
        if _digest(file) != row.sha256:
            _tell_of(row.name, "it is not what was recorded (ivr verify)")
            return False
        file.seek(0)
        vault.put(row.name, file, row.sha256)
    return True


@cache
def _tell_of(name: str, why: str) -> None:
    """Once: every pass finds it so."""
    log.error("recording %s is not stored: %s", name, why)


def _digest(file: BufferedReader) -> str:
    """ "" of what is damaged further on, by whoever wrote it or by its disk."""
    try:
        return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, Unopened):
        return ""
