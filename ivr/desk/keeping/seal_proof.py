"""Are the seals what they were, and the rows what was sealed?

Each seal against its entries and the seal before, each entry against its row, each numbered row against the
entries; then the roots against those that were kept elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from stat import S_ISDIR
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.custody import FIRST
from ivr.cases.proving import Finding
from ivr.desk.keeping.retention import TOLD
from ivr.desk.keeping.sealed import NONE, SEALED, Sealed
from ivr.desk.keeping.sealing import (
    NO_SEAL,
    Seal,
    SealedEntry,
    WrittenRoot,
    as_seal,
    entries_of,
    root_of,
    roots_in,
    rows_of,
    setbacks_in,
    unsealed,
)
from ivr.store.folders import TellRefused, listed, unseen
from ivr.store.journal.journal_marks import Setback
from ivr.store.tables import audit, cases, custody_entries, custody_seals

PAGE = 50  # seals at a time
LATE = timedelta(hours=1)  # what was written should be sealed by then
MOST_ADDED = 100  # rows of a kind that are named
Witnessed = dict[int, dict[str, datetime]]  # seal → its roots elsewhere, and when each was made


@dataclass(slots=True)
class SealProof:
    """`found` hears of findings, `count` of progress (what, how many)."""

    engine: AsyncEngine
    found: Callable[[Iterable[Finding]], None]
    count: Callable[[str, int], None]
    witnessed: Witnessed = field(default_factory=dict)
    setbacks: Sequence[Setback] = ()  # what was lost then is another finding's
    lost: set[datetime] = field(default_factory=set)  # of when roots are that were so
    _told: set[int] = field(default_factory=set)  # numbers that retention took
    _asked: AsyncConnection | None = None  # on which that was read: retention goes on beside us

    async def run(self, after: int = 0, root: str = "") -> None:
        """`after`: only those behind that seal, which was proved and had that root."""
        last = await self._proved(after, root) if after else NO_SEAL
        while True:
            async with _one_look(self.engine) as connection:
                page = await _seals(connection, last.seal)
                entries = await _entries(connection, page)
                for seal in page:
                    self.found(self._of_seal(last, seal, entries[seal.seal]))
                    last = seal
                await self._of_rows(connection, [e for each in page for e in entries[each.seal]])
                self.count("seals", len(page))
            if len(page) < PAGE:
                break
        async with _one_look(self.engine) as connection:
            await self._of_unsealed(connection, last)
        self.found(self._lost(last))

    async def _proved(self, number: int, root: str) -> Seal:
        async with self.engine.connect() as connection:
            [*seals] = await _seals(connection, number - 1)
        if seals and seals[0].seal == number and seals[0].root.hex() == root:
            return seals[0]
        self.found([Finding("seal_changed", f"seal {number} is not the one that was proved, or is gone")])
        return NO_SEAL

    def _of_seal(self, last: Seal, seal: Seal, entries: Sequence[SealedEntry]) -> Iterator[Finding]:
        for gone in range(last.seal + 1, seal.seal):
            yield Finding("seal_removed", f"seal {gone} is gone")
        if seal.seal == last.seal + 1 and seal.previous != (last.root or FIRST):
            yield Finding("seal_changed", f"seal {seal.seal} does not follow the one before")
        when = f"seal {seal.seal} of {seal.made_at.isoformat(timespec='seconds')}"
        text = "is not the one that was told elsewhere: what it stands for was changed"
        if root_of(seal.seal, seal.made_at, seal.previous, entries) != seal.root:
            now = f"and has {len(entries)} now that give another root"
            yield Finding("seal_changed", f"{when} was made over {seal.entries} entries, {now}")
        if self._told_otherwise(seal.seal, seal.root.hex()):
            yield Finding("seal_changed", f"{when} {text}")

    def _lost(self, last: Seal) -> Iterator[Finding]:
        """Seals that were told elsewhere and are in the books no more."""
        for number in sorted(self.witnessed):
            if number > last.seal and self._told_otherwise(number):
                yield Finding("seal_removed", f"seal {number} was told elsewhere and is gone")

    def _told_otherwise(self, number: int, root: str = "") -> bool:
        """Whether it has another root elsewhere, that was not lost as the database went back."""
        others = {at for each, at in self.witnessed.get(number, {}).items() if each != root}
        lost = {at for at in others if any(back.took(at) for back in self.setbacks)}
        self.lost |= lost
        return lost != others

    async def _of_rows(self, connection: AsyncConnection, entries: Sequence[SealedEntry]) -> None:
        by_kind: dict[str, dict[int, SealedEntry]] = defaultdict(dict)
        for entry in entries:
            by_kind[entry[1]][entry[0]] = entry
        never = by_kind.pop(NONE, {})
        self.count("never", len(never))
        for kind, sealed in by_kind.items():
            which = SEALED[kind]
            now = await _rows(connection, which, sealed)
            self.count("rows", len(sealed))
            for number, entry in sealed.items():
                if now.get(number) != entry:
                    await self._differs(connection, which, entry, number in now)

    async def _differs(
        self, connection: AsyncConnection, which: Sealed, entry: SealedEntry, there: bool
    ) -> None:
        number, _, key, _ = entry
        if not there and await self._is_taken(connection, number):
            return
        self.found([await _finding(connection, which, key, "changed" if there else "removed")])

    async def _is_taken(self, connection: AsyncConnection, number: int) -> bool:
        """By retention, as this page sees it: a look of before knows nothing of what went since."""
        if number not in self._told and self._asked is not connection:
            query = select(audit.c.detail["numbers"]).where(audit.c.action.in_(TOLD))
            self._told = {n for each in (await connection.execute(query)).scalars() for n in each or ()}
            self._asked = connection
        return number in self._told

    async def _of_unsealed(self, connection: AsyncConnection, last: Seal) -> None:
        for which in SEALED.values():
            number = which.table.c.noted_no
            sealed = (custody_entries.c.number == number, custody_entries.c.kind == which.kind)
            loose = rows_of(which).where(~select(custody_entries.c.number).where(*sealed).exists())
            added = loose.where(number <= last.complete_to).order_by(number).limit(MOST_ADDED)
            for row in await connection.execute(added):
                key = which.name(row._mapping)
                self.found([await _finding(connection, which, key, "added")])
        waiting = await unsealed(connection, last.complete_to)
        self.count("unsealed", waiting)
        now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        late = await unsealed(connection, last.complete_to, now - LATE)
        if late and last is not NO_SEAL and now - last.made_at > LATE:
            text = f"{late} rows wait to be sealed since {last.made_at.isoformat()}: does `ivr serve` run?"
            self.found([Finding("seal_late", text)])


def read_roots(*paths: Path, refused: TellRefused = unseen) -> Witnessed:
    """What `seal N TIME ROOT` lines tell, in files of whatever kind, or in all files of a folder.

    But for those lost as the database went back, where this path itself says that it was looked into.
    `refused` is told of files and folders that can't be read; one that is not there tells nothing.
    """
    found: Witnessed = defaultdict(dict)
    for path in paths:
        roots: list[WrittenRoot] = []
        seen: list[Setback] = []
        for file in _files(path, refused):
            try:
                text = file.read_bytes().decode(errors="replace")
            except FileNotFoundError:
                continue
            except OSError as error:
                refused(file, error)
                continue
            roots += roots_in(text)
            seen += setbacks_in(text)
        for seal, made_at, root in roots:
            if not any(back.took(made_at) for back in seen):
                found[seal][root] = made_at
    return dict(found)


def _files(path: Path, refused: TellRefused) -> Iterator[Path]:
    """Itself, or all in it; what a link in it points to, unless to another folder."""
    try:
        is_folder = S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        refused(path, error)
        return
    if not is_folder:
        yield path
        return
    for entry in sorted(listed(path, refused), key=lambda each: each.name):
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), refused)
            elif entry.is_file():
                yield Path(entry.path)
        except OSError as error:
            refused(Path(entry.path), error)


async def _seals(connection: AsyncConnection, after: int) -> list[Seal]:
    query = select(custody_seals).where(custody_seals.c.seal > after).order_by(custody_seals.c.seal)
    return [as_seal(row) for row in await connection.execute(query.limit(PAGE))]


async def _entries(connection: AsyncConnection, seals: Sequence[Seal]) -> dict[int, list[SealedEntry]]:
    its = custody_entries.c
    query = select(its.seal, its.number, its.kind, its.key, its.digest).order_by(its.number)
    found: dict[int, list[SealedEntry]] = defaultdict(list)
    for seal, *entry in await connection.execute(query.where(its.seal.in_([each.seal for each in seals]))):
        found[seal].append(cast("SealedEntry", tuple(entry)))
    return found


async def _rows(connection: AsyncConnection, which: Sealed, numbers: Iterable[int]) -> dict[int, SealedEntry]:
    query = rows_of(which).where(which.table.c.noted_no == func.any(list(numbers)))
    rows = (await connection.execute(query)).all()
    return {entry[0]: entry for entry in await asyncio.to_thread(entries_of, which, rows)}


_SAID = {
    "changed": "is not what was written",
    "removed": "is gone",
    "added": "was not there when its time was sealed",
}


async def _finding(connection: AsyncConnection, which: Sealed, key: str, what: str) -> Finding:
    """With the case's code where the row is of a case."""
    if which.kind not in ("event", "referral"):
        return Finding(f"{which.kind}_{what}", f"{which.noun} {key} {_SAID[what]}")
    case, _, rest = key.partition("/")
    code = (await connection.execute(select(cases.c.code).where(cases.c.id == case))).scalar()
    if code is None:
        return Finding("case_removed", f"the case with the id {case} is gone from the books", case)
    event = int(rest) if which.kind == "event" else None
    return Finding(f"{which.kind}_{what}", f"case {code}: {which.noun} {rest} {_SAID[what]}", code, event)


def _one_look(engine: AsyncEngine) -> AsyncConnection:
    """A connection on which everything is seen as of one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ").connect()
