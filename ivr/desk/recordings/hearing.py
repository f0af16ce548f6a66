"""Listening to a recording: who may, what they hear of it, and the file it comes from.

Voices are masked unless they were revealed (`ivr.desk.recordings.revealing`): `blind` is everybody's first.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.people import auditing
from ivr.desk.people.people import Person
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.desk.recordings.revealing import seen_lately
from ivr.store import recording_files
from ivr.store.derived import Derived
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.envelope import Unopened
from ivr.store.tables import cases, meeting_requests, meeting_slots, meeting_views, recordings
from ivr.store.vault import PIECE, Vault
from ivr.store.volumes import disk_of
from ivr.voice import riff
from ivr.voice.blind import blinded
from ivr.voice.evening import evened
from ivr.voice.outline import outline
from ivr.voice.wave import RIFF, Samples, read

log = logging.getLogger(__name__)
T = TypeVar("T")

SWEEP_SECONDS = 3600.0
AT_ONCE = 2  # recordings of a disk worked on: listeners must not take the machine from the calls
READ_SECONDS = 30.0  # of a recording from its disk: ten minutes are some 10 MB
OUTLINE = "outline.json"


class Rendition(StrEnum):
    """What is heard of a recording."""

    BLIND = "blind"  # pitch and formants moved: the words without the person
    EVEN = "even"  # as loud in every word
    PLAIN = "plain"  # as it was recorded


WORK: dict[Rendition, Callable[[Samples, int], Samples]] = {
    Rendition.BLIND: lambda samples, rate: evened(blinded(samples, rate), rate),
    Rendition.EVEN: evened,
}


async def recording(engine: AsyncEngine, scope: Scope, id: UUID) -> Row[Any] | None:
    """A recording with the code, agency and county of its case. None: there is none that they may know of."""
    async with engine.connect() as connection:
        found: Row[Any] | None = (await connection.execute(one(scope, recordings.c.id == id))).first()
    return found


def one(scope: Scope, which: ColumnElement[bool]) -> Select[Any]:
    """Words of no case are nobody's but the desk's, and so are those of a confidential one."""
    about = (cases.c.code, cases.c.agency, cases.c.county, cases.c.confidential)
    query = select(recordings, *about).join(cases, cases.c.id == recordings.c.case_id, isouter=True)
    nobodys = recordings.c.case_id.is_(None) & (true() if not scope.agency else ~true())
    heard = OPEN_TO_ALL if scope.agency else true()
    return query.where(which, or_(nobodys, recordings.c.case_id.is_not(None) & scope.cases() & heard))


async def asked_about(engine: AsyncEngine, scope: Scope, id: UUID) -> Row[Any] | None:
    """A recording of a request to meet an official of which their body was asked for its view.

    Until she was heard, of what is open to all and no complaint about its head; None for everything else.
    """
    request, slot = meeting_requests.c, meeting_slots.c
    about = (cases.c.code, cases.c.agency, cases.c.county, cases.c.confidential)
    query = select(recordings, *about).join(cases, cases.c.id == recordings.c.case_id)
    query = query.join(meeting_requests, request.case_id == cases.c.id)
    query = query.join(meeting_slots, (slot.case_id == cases.c.id) & (slot.outcome == ""))
    asked = select(meeting_views.c.case_id).where(
        meeting_views.c.case_id == cases.c.id, meeting_views.c.agency == scope.agency
    )
    hers = (asked.exists(), request.bodies.contains([scope.agency]), scope.not_kept(), OPEN_TO_ALL)
    limits = (cases.c.county.is_(None) | cases.c.county.in_(scope.areas),) if scope.areas else ()
    nobody_s = func.coalesce(request.about, "") != scope.agency
    async with engine.connect() as connection:
        found: Row[Any] | None = (
            await connection.execute(query.where(recordings.c.id == id, *hers, *limits, nobody_s))
        ).first()
    return found


async def heard(
    engine: AsyncEngine, person: Person, row: Row[Any], form: Rendition, now: datetime, address: str
) -> None:
    """Note it, once for each sitting: a player asks for a recording piece by piece."""
    action = f"heard_{form}"
    async with engine.begin() as connection:
        if not await seen_lately(connection, person.id, action, now, case=row.case_id, recording=row.name):
            what = {"case": row.case_id, "recording": row.name}
            await auditing.note(connection, now, action, person=person.id, address=address, **what)


async def keep_swept(*folders: Derived) -> None:
    """For ever: what was made for a while is gone after a day, whoever wanted it or died over it."""
    while True:
        for each in folders:
            await asyncio.to_thread(each.sweep)
        await asyncio.sleep(SWEEP_SECONDS)


def _playable(folder: Path, name: str, *, to_the_end: bool) -> IO[bytes]:
    """`to_the_end`: raises for what its disk does not give anywhere in it, before any of it is sent."""
    file = recording_files.opened(folder, name)
    try:
        has_head = file.peek(len(RIFF))[: len(RIFF)] == RIFF
        while to_the_end and file.read(PIECE):
            pass  # it is heard piece by piece, and not kept in memory
        file.seek(0)
    except BaseException:
        file.close()
        raise
    if has_head:
        return file
    with file:  # its disk lost the beginning
        return io.BytesIO(riff.with_header(file.read()))


class Renditions:
    """Where recordings are made ready for listening. One per process, one event loop."""

    def __init__(self, recordings: Path, derived: Derived, vault: Vault | None = None) -> None:
        self.recordings, self.derived, self.vault = recordings, derived, vault
        # Of each disk: who reads from the second while it hangs keeps nobody from what lies on the first.
        self._turns: dict[Path, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._making: dict[tuple[UUID, str], asyncio.Task[Path]] = {}

    async def opened(self, row: Row[Any], form: Rendition) -> IO[bytes]:
        """The WAV to play, to be read and sought.

        Raises FileNotFoundError, other OSError, VaultError when the store is away, and Unopened for want of a
        key. What a disk does not give any more, or no key opens, is heard from the store.
        """
        if form is Rendition.PLAIN:
            try:
                its = self._is_stored(row)
                look = partial(_playable, self.recordings, row.name, to_the_end=its)
                return await ask_once(lambda: self._in_time(row, look))
            except (OSError, Unopened):
                if not its:
                    raise
        return await self._made(row, f"{form}.wav", lambda: self._worked(row, form))

    async def outline(self, row: Row[Any]) -> IO[bytes]:
        """What a player draws and skips, as JSON: `ivr.voice.outline`. Raises what `opened` does."""
        return await self._made(row, OUTLINE, lambda: self._drawn(row))

    async def marked(self, row: Row[Any], info: dict[str, str]) -> bytes:
        """The recording as it is, with these words in the file: `ivr.voice.riff`."""

        def made() -> bytes:
            samples, rate = read(self._original(row))
            return riff.wav(samples, rate, info)

        return await self._in_turn(row, made)

    async def _made(self, row: Row[Any], form: str, make: Callable[[], bytes]) -> IO[bytes]:
        """Whoever comes while it is being made waits for the same."""
        key = (row.id, form)
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(row, form, make))
            task.add_done_callback(lambda _: self._making.pop(key, None))
        path = await asyncio.shield(task)
        opening = partial(in_time, self.derived.folder, partial(self.derived.open, path), READ_SECONDS)
        return await ask_once(opening)

    async def _make(self, row: Row[Any], form: str, make: Callable[[], bytes]) -> Path:
        return await self._in_turn(row, partial(self.derived.get, row.id, form, make))

    async def _in_turn(self, row: Row[Any], work: Callable[[], T]) -> T:
        async with self._turns[disk_of(self.recordings, row.name)]:
            return await ask_once(work)

    def _in_time(self, row: Row[Any], reading: Callable[[], T]) -> T:
        """Raises TimeoutError for a disk that hangs."""
        return in_time(disk_of(self.recordings, row.name), reading, READ_SECONDS)

    def _worked(self, row: Row[Any], form: Rendition) -> bytes:
        content = self._original(row)
        if form is Rendition.PLAIN:
            return content
        samples, rate = read(content)
        return riff.wav(WORK[form](samples, rate), rate)

    def _drawn(self, row: Row[Any]) -> bytes:
        return json.dumps(asdict(outline(*read(self._original(row)))), separators=(",", ":")).encode()

    def _is_stored(self, row: Row[Any]) -> bool:
        return self.vault is not None and row.stored_at is not None

    def _original(self, row: Row[Any]) -> bytes:
        try:
            return self._in_time(row, partial(recording_files.read, self.recordings, row.name))
        except (OSError, Unopened) as error:
            if self.vault is None or not self._is_stored(row):
                raise
            if not isinstance(error, FileNotFoundError | Unopened):  # a sick disk
                log.error("recording %s is to be heard from the store: %s", row.name, error)
        stream, pieces = self.vault.open(row.name), list[bytes]()
        while piece := stream.read(PIECE):
            pieces.append(piece)
        return b"".join(pieces)
