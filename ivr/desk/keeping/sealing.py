"""Sealing: each minute, what was written into the sealed tables gets a root, chained to the one before.

Nobody waits for it: whoever writes only takes a number. Numbers become visible out of order, so a seal takes
what is there, and what is missing below it is looked for again; a number that has not come after
`GIVEN_UP` never will (it was rolled back, or its row was taken away first), and is sealed as that.

Roots are kept in `IVR_STATE/custody/roots.txt` as well, so that they do not only live beside what they prove.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, Select, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.custody import FIRST, seal_heading, seal_line, written
from ivr.desk.keeping.sealed import NONE, SEALED, Sealed
from ivr.store.base import custody_numbers
from ivr.store.calls import UNNUMBERED
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.journal.journal_marks import Setback
from ivr.store.named_lock import alone
from ivr.store.tables import calls, custody_entries, custody_seals

MOST = 500  # entries of one seal; four times as many held the event loop for 30 ms
GIVEN_UP = timedelta(hours=1)  # longer than any transaction of ours lives
ROOTS = "roots.txt"
UNKEPT_SECONDS = 30.0  # for a file of years on a slow mount; one that hangs must not stop the sealing

SealedEntry = tuple[int, str, str, bytes]  # number, kind, key, digest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal; `made_at` by the database's clock."""

    seal: int
    previous: bytes
    root: bytes
    entries: int
    complete_to: int
    up_to: int
    made_at: datetime

    @property
    def line(self) -> str:
        """How its root is told elsewhere."""
        return f"seal {self.seal} {written(self.made_at)} {self.root.hex()}"


NO_SEAL = Seal(0, FIRST, FIRST, 0, 0, 0, datetime.min.replace(tzinfo=UTC))
_ROOT = re.compile(r"\bseal (\d+)\s+(\S+)\s+([0-9a-f]{64})\b")  # a mail's subject is folded
_BACK = re.compile(r"^went_back (\S+) (\S+)\s*$", re.MULTILINE)  # a whole line: logs quote what others say


class WrittenRoot(NamedTuple):
    """A root as a line tells it; `made_at` is before any time where that can't be read."""

    seal: int
    made_at: datetime
    root: str


class RootsUnkept(Exception):
    """A file takes no roots: no database that is away, which is waited for without an alarm."""


async def seal(engine: AsyncEngine, most: int = MOST, given_up: timedelta = GIVEN_UP) -> list[Seal]:
    """Seal everything that is not sealed yet. The seals made now, none when nothing was written."""
    made: list[Seal] = []
    while True:
        async with engine.begin() as connection:
            await alone(connection, "custody_seals")
            await _number_calls(connection, most)
            one = await _seal_some(connection, most, given_up)
        if one is None:
            return made
        made.append(one)
        if one.entries < most:
            return made


async def last_seal(connection: AsyncConnection) -> Seal:
    """NO_SEAL when there is none."""
    query = select(custody_seals).order_by(custody_seals.c.seal.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return as_seal(row) if row else NO_SEAL


def as_seal(row: Row[Any]) -> Seal:
    return Seal(**row._mapping)


def root_of(seal: int, made_at: datetime, previous: bytes, entries: Iterable[SealedEntry]) -> bytes:
    """The root over these entries, which are in the order of their numbers."""
    digest = hashlib.sha256(seal_heading(seal, made_at, previous))
    for entry in entries:
        digest.update(seal_line(*entry))
    return digest.digest()


async def keep_roots(engine: AsyncEngine, path: Path) -> None:
    """Write down the roots that this file does not have yet, whoever made them. Raises RootsUnkept.

    Of a database that went back it has other ones under the same numbers: then from the first of those on.
    """
    last = await _asked(path, partial(last_written, path))
    async with engine.connect() as connection:
        seen = last.seal if last else 0
        its = select(custody_seals.c.root).where(custody_seals.c.seal == seen)
        if last and (await connection.execute(its)).scalar() != bytes.fromhex(last.root):
            seen = await _last_of(connection, await _asked(path, partial(_all_written, path)))
        query = select(custody_seals).where(custody_seals.c.seal > seen).order_by(custody_seals.c.seal)
        new = [as_seal(row).line for row in await connection.execute(query)]
    if new:
        await _asked(path, partial(_append, path, new))


async def keep_setbacks(path: Path, setbacks: Iterable[Setback]) -> None:
    """Write down those that this file does not have yet: somebody has looked. Raises RootsUnkept."""
    known = await _asked(path, partial(_setbacks_written, path))
    new = [setback_line(each) for each in setbacks if each not in known]
    if new:
        await _asked(path, partial(_append, path, new))


async def unsealed(connection: AsyncConnection, above: int, before: datetime | None = None) -> int:
    """How many rows with a number above that, of `before` then, no seal holds."""
    count = 0
    for each in SEALED.values():
        rows = _unsealed(each, above)
        if before is not None:
            rows = rows.where(each.table.c[each.written] < before)
        query = select(func.count()).select_from(rows.subquery())
        count += (await connection.execute(query)).scalar_one()
    return count


async def _asked(path: Path, question: Callable[[], T]) -> T:
    """What that file's disk says. Raises RootsUnkept."""
    try:
        return await ask_once(partial(in_time, path, question, UNKEPT_SECONDS))
    except OSError as error:
        raise RootsUnkept(f"the roots can't be kept in {path}: {error.strerror or error}") from error


def _append(path: Path, lines: Sequence[str]) -> None:
    """Only ever at the end (the file may allow nothing else), and on the disk when it returns.

    Not behind half a line, which a full disk may have left.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    with path.open("a+b") as file:
        file.seek(max(0, file.tell() - 1))
        begins = "" if file.read() in (b"", b"\n") else "\n"
        file.write((begins + "".join(f"{line}\n" for line in lines)).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def last_written(path: Path) -> WrittenRoot | None:
    """The last one in such a file that can be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4_000))
            return next(iter(roots_in(file.read().decode("ascii", "replace"))[::-1]), None)
    except FileNotFoundError:
        return None


def _all_written(path: Path) -> set[bytes]:
    with path.open(encoding="ascii", errors="replace") as file:
        return {bytes.fromhex(each.root) for line in file for each in roots_in(line)}


def _setbacks_written(path: Path) -> list[Setback]:
    return setbacks_in(path.read_text("ascii", "replace")) if path.exists() else []


async def _last_of(connection: AsyncConnection, known: Collection[bytes]) -> int:
    """The last seal with one of these roots; 0 when there is none."""
    query = select(custody_seals.c.seal, custody_seals.c.root).order_by(custody_seals.c.seal.desc())
    async with connection.stream(query) as found:
        async for seal, root in found:
            if root in known:
                return int(seal)
    return 0


def roots_in(text: str) -> list[WrittenRoot]:
    """What its lines `seal N TIME ROOT` tell."""
    return [WrittenRoot(int(seal), _moment(at), root) for seal, at, root in _ROOT.findall(text)]


def setback_line(back: Setback) -> str:
    """How it is told elsewhere that somebody has looked into it."""
    return f"went_back {back.at.isoformat()} {back.to and back.to.isoformat()}"


def setbacks_in(text: str) -> list[Setback]:
    """What its lines `went_back FOUND TO` tell."""
    its = [Setback(_moment(at), _moment(to)) for at, to in _BACK.findall(text)]
    return [back for back in its if NO_SEAL.made_at not in back]  # else it took all that there is


def _moment(said: str) -> datetime:
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError):
        return NO_SEAL.made_at


async def _number_calls(connection: AsyncConnection, most: int) -> None:
    """A call is sealed once, when it has ended. No more than a seal holds: others write calls, too."""
    some = select(calls.c.id).where(UNNUMBERED).limit(most)
    ended = update(calls).where(calls.c.id.in_(some))
    await connection.execute(ended.values(noted_no=custody_numbers.next_value()))


async def _seal_some(connection: AsyncConnection, most: int, given_up: timedelta) -> Seal | None:
    last = await last_seal(connection)
    now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    found = await _new_entries(connection, last.complete_to, most)
    up_to = max(last.up_to, found[-1][0] if found else 0)
    gaps = await _gaps(connection, last.complete_to, up_to, {number for number, *_ in found})
    horizon = await _horizon(connection, now - given_up)
    if len(found) == most:  # above the last one nobody has looked
        horizon = min(horizon, found[-1][0])
    never = [(number, NONE, "-", b"") for number in gaps if number <= horizon]
    entries = sorted(found + never)
    if not entries:
        return None
    complete_to = min((number - 1 for number in gaps if number > horizon), default=up_to)
    root = await asyncio.to_thread(root_of, last.seal + 1, now, last.root, entries)
    made = Seal(last.seal + 1, last.root, root, len(entries), complete_to, up_to, now)
    await _save(connection, made, entries)
    return made


async def _new_entries(connection: AsyncConnection, above: int, most: int) -> list[SealedEntry]:
    """The rows with the lowest numbers that have no entry."""
    each = [await _rows(connection, which, above, most) for which in SEALED.values()]
    return list(islice(merge(*each), most))


async def _rows(connection: AsyncConnection, which: Sealed, above: int, most: int) -> list[SealedEntry]:
    rows = (await connection.execute(_unsealed(which, above).limit(most))).all()
    return await asyncio.to_thread(entries_of, which, rows)


def _unsealed(which: Sealed, above: int) -> Select[Any]:
    number = which.table.c.noted_no
    sealed = select(custody_entries.c.number).where(custody_entries.c.number == number)
    query = rows_of(which).where(number > above, ~sealed.exists()).order_by(number)
    return query if which.unready is None else query.where(text(f"NOT ({which.unready.text})"))


def rows_of(which: Sealed) -> Select[Any]:
    """What its digests are made of."""
    names = dict.fromkeys((*which.key, *which.covered, "noted_no"))
    return select(*(which.table.c[name] for name in names))


def entries_of(which: Sealed, rows: Sequence[Row[Any]]) -> list[SealedEntry]:
    """What is sealed of these rows."""
    plain = (row._mapping for row in rows)
    return [(row["noted_no"], which.kind, which.name(row), which.digest(row)) for row in plain]


async def _horizon(connection: AsyncConnection, before: datetime) -> int:
    """Numbers up to this one were given out before then."""
    query = select(func.max(custody_seals.c.up_to)).where(custody_seals.c.made_at <= before)
    return (await connection.execute(query)).scalar() or 0


async def _gaps(connection: AsyncConnection, above: int, up_to: int, found: set[int]) -> list[int]:
    """The numbers in between that have no entry, nor get one now."""
    missing = await connection.execute(_MISSING, {"above": above, "up_to": up_to})
    return [number for number in missing.scalars() if number not in found]


_MISSING = text(
    "SELECT n FROM generate_series(CAST(:above AS bigint) + 1, CAST(:up_to AS bigint)) n"
    " WHERE NOT EXISTS (SELECT FROM custody_entries WHERE number = n) ORDER BY n"
)


async def _save(connection: AsyncConnection, made: Seal, entries: Sequence[SealedEntry]) -> None:
    await connection.execute(insert(custody_seals).values(asdict(made)))
    raw: Any = (await connection.get_raw_connection()).driver_connection
    records = [(number, made.seal, *rest) for number, *rest in entries]
    columns = ("number", "seal", "kind", "key", "digest")
    await raw.copy_records_to_table("custody_entries", columns=columns, records=records)
