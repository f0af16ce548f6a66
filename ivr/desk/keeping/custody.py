"""Closing the days: once a day is over, its events get one root, which is chained to the day before's.

The list that the root is the SHA-256 of goes to `IVR_STATE/custody/<day>.txt`, so that a root does not only
live beside what it proves, and so that a removed case has a name.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.custody import FIRST, day_heading, day_line
from ivr.cases.zone import ZONE
from ivr.desk.case.event_log import chain_older
from ivr.store.disk_thread import DiskThread, ask_once
from ivr.store.flushing import sync
from ivr.store.named_lock import alone
from ivr.store.tables import case_events, custody_days

log = logging.getLogger(__name__)

SETTLE = timedelta(minutes=10)  # after midnight, lest a clock that is set back write into a closed day
LOCK_SECONDS = 5
AT_ONCE = 10_000  # lines that a list grows by: a megabyte
LISTS_KEPT = 31  # days whose list is written again where it is missing, as on another machine

T = TypeVar("T")


class ListUnkept(Exception):
    """A disk takes no list of a day: no database that is away, which is waited for without an alarm."""


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """One closed day."""

    day: date
    previous: bytes
    root: bytes
    events: int


async def keep(engine: AsyncEngine, folder: Path, settle: timedelta = SETTLE) -> list[ClosedDay]:
    """Chain what older code wrote, close every day that is over, see to its list. The days closed now.

    A day is over `settle` after its midnight. Raises ListUnkept.
    """
    while True:
        async with engine.begin() as connection:
            if not await chain_older(connection):
                break
    closed = await close_days(engine, folder, settle)
    await _write_missing(engine, folder)
    return closed


async def close_days(engine: AsyncEngine, folder: Path, settle: timedelta) -> list[ClosedDay]:
    """Every day that is over and has no root yet, by the database's clock. Raises ListUnkept."""
    closed: list[ClosedDay] = []
    while True:
        async with engine.begin() as connection:
            await alone(connection, "custody_days")
            day, previous = await _next_day(connection, settle)
            if day is None:
                return closed
            await _wait_for_writers(connection)
            done = await _write_list(connection, folder, day, previous)
            row = {"day": day, "previous": previous, "root": done.root, "events": done.events}
            await connection.execute(insert(custody_days).values(**row, closed_at=func.now()))
        log.info("custody: the root of %s over %d events is %s", day, done.events, done.root.hex())
        closed.append(done)


async def day_lines(connection: AsyncConnection, day: date) -> AsyncIterator[bytes]:
    """The lines of a day's list, as the books have them now."""
    query = select(case_events.c.case_id, case_events.c.seq, case_events.c.hash)
    query = query.where(case_events.c.noted_on == day).order_by(case_events.c.case_id, case_events.c.seq)
    async with connection.stream(query) as found:
        async for case, seq, hashed in found:
            yield day_line(case, seq, hashed)


def list_path(folder: Path, day: date) -> Path:
    """Where a day's list lies."""
    return folder / f"{day.isoformat()}.txt"


async def _next_day(connection: AsyncConnection, settle: timedelta) -> tuple[date | None, bytes]:
    """The first day without a root, if it is over, and the root before it."""
    query = select(custody_days.c.day, custody_days.c.root).order_by(custody_days.c.day.desc()).limit(1)
    last = (await connection.execute(query)).first()
    if last is None:
        first = (await connection.execute(select(func.min(case_events.c.noted_on)))).scalar()
        day, previous = first, FIRST
    else:
        day, previous = last.day + timedelta(days=1), last.root
    now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    if day is None or now < datetime.combine(day + timedelta(days=1), time(), ZONE) + settle:
        return None, previous
    return day, previous


async def _wait_for_writers(connection: AsyncConnection) -> None:
    """Until every event that was being written is there: `noted_on` is set before its row can be seen."""
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    async with connection.begin_nested() as point:
        await connection.execute(select(func.custody_wait()))
        await point.rollback()  # which lets go of it


async def _write_list(connection: AsyncConnection, folder: Path, day: date, previous: bytes) -> ClosedDay:
    """Write a day's list, whole or not at all. A disk that hangs holds up nobody but who waits here."""
    path, disk = list_path(folder, day), DiskThread()
    half, events = path.with_suffix(f".{uuid.uuid4().hex}"), 0
    digest = hashlib.sha256(heading := day_heading(day, previous))
    lines = [heading]
    try:
        async for line in day_lines(connection, day):
            digest.update(line)
            lines.append(line)
            events += 1
            if len(lines) == AT_ONCE:
                await _asked(path, disk.ask(partial(_add, half, lines)))
                lines = []
        await _asked(path, disk.ask(partial(_add, half, lines)))
        await _asked(path, disk.ask(partial(_name, half, path)))
    finally:
        disk.close(partial(half.unlink, missing_ok=True))
    return ClosedDay(day, previous, digest.digest(), events)


async def _write_missing(engine: AsyncEngine, folder: Path) -> None:
    """The lists of late days that another machine wrote; never one that is not what its root says."""
    query = select(custody_days).order_by(custody_days.c.day.desc()).limit(LISTS_KEPT)
    async with engine.connect() as connection:
        days = (await connection.execute(query)).all()
        for row in await _asked(folder, ask_once(partial(_without_list, folder, days))):
            path = list_path(folder, row.day)
            again = await _write_list(connection, folder, row.day, row.previous)
            if again.root != row.root:
                await _asked(path, ask_once(partial(path.replace, path.with_suffix(".differs"))))
                log.error("custody: the events of %s are not those it was closed with: ivr verify", row.day)


async def _asked(path: Path, question: Awaitable[T]) -> T:
    """What the disk of the lists says. Raises ListUnkept."""
    try:
        return await question
    except OSError as error:
        raise ListUnkept(f"the list of a day can't be kept in {path}: {error.strerror or error}") from error


def _without_list(folder: Path, days: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in days if not list_path(folder, row.day).exists()]


def _add(half: Path, lines: Sequence[bytes]) -> None:
    half.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    with half.open("ab") as file:
        file.writelines(lines)


def _name(half: Path, path: Path) -> None:
    sync(half)
    _keep_other(half, path)
    half.replace(path)


def _keep_other(half: Path, path: Path) -> None:
    """A list of that day with other bytes goes aside: after a restore it alone names what the books lost."""
    try:
        there = _sha256(path)
    except FileNotFoundError:
        return
    except OSError:
        there = "unread"
    if there != _sha256(half):
        before = path.with_suffix(f".{there[:8]}.before")
        path.replace(before)
        log.warning(
            "custody: %s was closed before, with another list, which is kept as %s", path.stem, before
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
