"""A backup into an empty machine: everything is read and proved before anything of it counts.

One that stands on earlier ones is read with them: its database, its files, and of theirs those that it names.

All is unpacked beside its place, then the database is filled in one transaction; the last steps are a handful
of renames and the commit.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from asyncpg.exceptions import PostgresError
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.keeping import proved
from ivr.desk.keeping.backup import COUNTS, EARLIER, GONE, KEPT, LACKING
from ivr.store import code_blocks, copying, grants, restores, schema
from ivr.store.archive import PIECE, ArchiveError, Member, Reader

_HALF = "restoring"  # the folder of what is not proved yet


class RestoreError(Exception):
    """There can't be a restore, or nothing came of it; one sentence."""


@dataclass(slots=True)
class Restored:
    """What was in the backup."""

    content: dict[str, Any]
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    recordings: int = 0
    size: int = 0
    lacking: list[str] = field(default_factory=list)  # in a sentence each: what it could not hold
    gone: list[str] = field(default_factory=list)  # … and what was nowhere when it was taken
    unnoted: str = ""  # why the archive's folder does not tell the next restore of this one

    def twice(self, member: Member, before: str) -> None:
        """A member that was read came before, with that SHA-256: earlier releases wrote some so."""
        if member.sha256 != before:
            what = "is in the backup twice, and not the same: the last one counts"
            self.lacking.append(f"{member.name} {what}")

    def tell(self, member: Member) -> None:
        """What it says of itself that it lacks, or what was gone before. Raises ArchiveError."""
        if member.name == LACKING:
            self.lacking += _sentences(member)
        else:
            self.gone = _sentences(member)

    @property
    def stands_on(self) -> list[Mapping[str, str]]:
        """The earlier backups without which it is not whole, oldest first."""
        chain: list[Mapping[str, str]] = self.content.get("stands_on", [])
        return chain


Opens = Callable[[str], AbstractContextManager[IO[bytes]]]  # an earlier archive, by its file's name


async def check(source: IO[bytes], opens: Opens | None = None) -> Restored:
    """Read a whole backup, and those it stands on, and prove them without a database. Raises ArchiveError."""
    return await asyncio.to_thread(_check, source, opens)


def _check(source: IO[bytes], opens: Opens | None) -> Restored:
    reader = Reader(source)
    done, wanted = Restored(reader.content()), list[set[str]]()
    sums: dict[str, str] = {}

    def look(member: Member) -> None:
        for _ in member.pieces():
            pass
        if before := sums.get(member.name):
            done.twice(member, before)
        elif _where(member)[0] == "recordings":
            done.recordings += 1
        sums[member.name] = member.sha256

    while (member := reader.next()) is not None:
        if member.name == EARLIER:
            wanted = _wanted(member, done)
        elif member.name == COUNTS:
            _counts(member)
        elif member.name in (LACKING, GONE):
            done.tell(member)
        else:
            look(member)
    done.files, done.size = reader.files, reader.size
    for member in _earlier(done, wanted, opens):
        look(member)
    return done


async def restore(
    engine: AsyncEngine,
    state: Path,
    source: IO[bytes],
    service: str = "",
    opens: Opens | None = None,
    beside: Path | None = None,
) -> Restored:
    """Raises RestoreError, ArchiveError or NoSuchRole; then database and folder are as they were.

    `service`: the role that is to work with the tables, where it is not the engine's own. `beside`: the
    folder of the archive, if it has one: there, too, it is noted for the next restore where codes go on.
    """
    _want_empty_state(state)
    _want_plain_folders(state)
    half = state / _HALF
    shutil.rmtree(half, ignore_errors=True)  # of a restore that was killed
    try:
        return await _Restoring(state, half, Reader(source), service, opens, beside).run(engine)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _wanted(member: Member, done: Restored) -> list[set[str]]:
    """The names that a backup wants of each of those it stands on. Raises ArchiveError."""
    found: list[set[str]] = [set() for _ in done.stands_on]
    try:
        for place, name in map(json.loads, b"".join(member.pieces()).splitlines()):
            found[place].add(name)
    except (ValueError, TypeError, IndexError):
        raise ArchiveError(f"{EARLIER} of the backup can't be read") from None
    return found


def _counts(member: Member) -> dict[str, int]:
    """How many rows each table has. Raises ArchiveError."""
    try:
        return {table: int(rows) for table, rows in json.loads(b"".join(member.pieces())).items()}
    except (ValueError, TypeError, AttributeError):
        raise ArchiveError(f"{COUNTS} of the backup can't be read") from None


def _sentences(member: Member) -> list[str]:
    try:
        return [str(json.loads(line)) for line in b"".join(member.pieces()).splitlines()]
    except ValueError:
        raise ArchiveError(f"{member.name} of the backup can't be read") from None


def _earlier(done: Restored, wanted: list[set[str]], opens: Opens | None) -> Iterator[Member]:
    """What is wanted of earlier backups, each proved once it was read. Raises ArchiveError."""
    for link, names in zip(done.stands_on, wanted, strict=False):  # none: it stands on nothing
        if not names:
            continue
        if opens is None:
            raise ArchiveError(f"it stands on {link['file']}: give it as a file, beside that one")
        with opens(link["file"]) as stream:
            for member in _of_one(stream, link, names):
                done.files, done.size = done.files + 1, done.size + member.size
                yield member


def _of_one(stream: IO[bytes], link: Mapping[str, str], names: set[str]) -> Iterator[Member]:
    """These of an earlier backup. Raises ArchiveError, which names it."""
    reader, seen = Reader(stream), set[str]()
    try:
        reader.content()
        while (member := reader.next()) is not None:
            if member.name in names:
                seen.add(member.name)
                yield member
    except ArchiveError as error:
        raise ArchiveError(f"it stands on {link['file']}: {error}") from None
    if reader.sums != link["sums"]:
        raise ArchiveError(f"{link['file']} is another backup than the one that it stands on")
    if names := names - seen:
        raise ArchiveError(f"{link['file']} lacks {min(names)}, for which it stands on it")


@dataclass(slots=True)
class _Restoring:
    state: Path
    half: Path
    reader: Reader
    service: str = ""
    opens: Opens | None = None
    beside: Path | None = None
    done: Restored = field(default_factory=lambda: Restored({}))
    _names: list[set[str]] = field(default_factory=list)  # wanted of earlier backups
    _counted: dict[str, int] = field(default_factory=dict)  # rows of each table, where it says so

    async def run(self, engine: AsyncEngine) -> Restored:
        content = self.done.content = await asyncio.to_thread(self.reader.content)
        async with engine.begin() as connection:
            await copying.take_time(connection)
            await self._prepare(connection, content)
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await copying.empty_all(raw, content["tables"])
            await self._take_all()
            for table, columns in content["tables"].items():
                await self._fill(raw, table, columns)
            last = content["sequences"]
            hotline = code_blocks.fingerprint(await code_blocks.tracking_key(connection))
            begins = await asyncio.to_thread(self._codes_go_on, hotline, last)
            await copying.set_sequences(raw, {**last, **begins})
            await schema.migrate(connection)
            await code_blocks.begin_here(connection)
            await proved.note_restore(connection, content["taken_at"])
            if self.service:
                await grants.grant(connection, self.service)
            await self._into_place()
        return self.done

    async def _into_place(self) -> None:
        """To its end, whoever gives up, for the thread goes on; then what was placed is taken back.

        Not behind this: of a COMMIT that was sent nobody knows whether the books are full.
        """
        placed: list[Path] = []
        # No task: a second Ctrl-C ends all of these.
        placing = asyncio.get_running_loop().run_in_executor(None, self._place, placed)
        try:
            await asyncio.shield(placing)
        except BaseException:
            while not placing.done():
                with suppress(asyncio.CancelledError):  # Ctrl-C once more
                    await asyncio.wait({placing})
            for folder in placed:
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def _codes_go_on(self, hotline: str, last: dict[str, int]) -> dict[str, int]:
        """From where; noted before anybody can give one. Raises RestoreError."""
        try:
            before = restores.furthest([self.state, *filter(None, [self.beside])], hotline)
            begins = code_blocks.after_restore(last, before)
            self.state.mkdir(parents=True, exist_ok=True)
            restores.note(self.state, hotline, begins)
        except restores.NoteUnread as error:
            raise RestoreError(str(error)) from error
        except OSError as error:
            raise RestoreError(f"{self.state} can't be written: {error.strerror or error}") from error
        try:
            if self.beside:
                restores.note(self.beside, hotline, begins)
        except OSError as error:
            self.done.unnoted = f"{self.beside} can't be written ({error.strerror or error})"
        return begins

    async def _prepare(self, connection: AsyncConnection, content: dict[str, Any]) -> None:
        there = await connection.run_sync(lambda c: inspect(c).get_table_names())
        if there:
            raise RestoreError(
                f"the database is not empty ({', '.join(sorted(there)[:3])}, …): "
                "a restore wants a new one, without `ivr db upgrade`"
            )
        revision = str(content["revision"])
        if not schema.knows(revision):
            text = f"the backup is of newer code (migration {revision}): update this installation first"
            raise RestoreError(text)
        await schema.migrate(connection, revision)

    async def _take_all(self) -> None:
        """Unpack it, and what it stands on, one by one, so that it ends when somebody ends it."""
        while (member := await asyncio.to_thread(self.reader.next)) is not None:
            await asyncio.to_thread(self._take, member)
        self.done.files, self.done.size = self.reader.files, self.reader.size
        earlier = _earlier(self.done, self._names, self.opens)
        while (member := await asyncio.to_thread(next, earlier, None)) is not None:
            await asyncio.to_thread(self._unpack, member)

    def _take(self, member: Member) -> None:
        if member.name == EARLIER:
            self._names = _wanted(member, self.done)
        elif member.name == COUNTS:
            self._counted = _counts(member)
        elif member.name in (LACKING, GONE):
            self.done.tell(member)
        else:
            self._unpack(member)

    async def _fill(self, raw: Any, table: str, columns: list[str]) -> None:
        try:
            rows = await copying.copy_in(raw, table, columns, self._rows_of(table))
        except (PostgresError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ArchiveError(f"the rows of {table} can't be read back: {error}") from error
        except OSError as error:
            raise RestoreError(f"{self.half} can't be read: {error.strerror or error}") from error
        if rows != (wanted := self._counted.get(table, rows)):
            raise ArchiveError(f"{table} has {rows} rows, and had {wanted} when it was backed up")
        if rows:
            self.done.rows[table] = rows

    async def _rows_of(self, table: str) -> AsyncIterator[bytes]:
        """All that was unpacked of them, which is not needed any more then."""
        folder = self.half / "database" / table
        for path in sorted(folder.glob("*")):
            with gzip.open(path) as rows:
                while piece := await asyncio.to_thread(rows.read, PIECE):
                    yield piece
            path.unlink()

    def _unpack(self, member: Member) -> None:
        place, table = _where(member)
        if place == "database" and table not in self.done.content["tables"]:
            raise ArchiveError(f"the backup holds {member.name}, of no table that it names")
        path = self.half / member.name
        try:
            self._write(member, path)
        except OSError as error:
            raise RestoreError(f"{path} can't be written: {error.strerror or error}") from error

    def _write(self, member: Member, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if "secrets" in path.parts else 0o777)
        before = _taken_away(path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o777)
        with os.fdopen(fd, "wb") as file:
            for piece in member.pieces():
                file.write(piece)
        os.utime(path, (member.mtime, member.mtime))
        if before:
            self.done.twice(member, before)
        elif _where(member)[0] == "recordings":
            self.done.recordings += 1

    def _place(self, placed: list[Path]) -> None:
        """The whole folders into their places, which were empty when we began."""
        for codes in (self.half / "fallback").glob("codes*"):  # of an earlier release: given since
            codes.unlink()
        os.sync()
        for name in KEPT:
            if (self.half / name).is_dir():
                _want_empty_state(self.state)
                shutil.rmtree(self.state / name, ignore_errors=True)
        for name in KEPT:
            if (self.half / name).is_dir():
                self._move(self.half / name, self.state / name)
                placed.append(self.state / name)
        os.sync()

    def _move(self, here: Path, there: Path) -> None:
        try:
            here.rename(there)
        except OSError as error:
            raise RestoreError(f"{there} can't be put in its place: {error.strerror or error}") from error


def _taken_away(path: Path) -> str:
    """SHA-256 of a file that the same name in the archive brought before; "" for none. Raises OSError."""
    try:
        with path.open("rb") as file:
            before = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    path.unlink()
    return before


def _where(member: Member) -> tuple[str, str]:
    """The folder that a member belongs to, and below it the next name. Raises ArchiveError."""
    place, *rest = member.name.split("/")
    if not rest or place not in (*KEPT, "database"):
        raise ArchiveError(f"the backup holds {member.name!r}, which no backup of ours does")
    return place, rest[0]


def _want_plain_folders(state: Path) -> None:
    """What is unpacked beside them takes their place by a rename, which it can't on another disk."""
    for name in KEPT:
        if (folder := state / name).is_symlink() or folder.is_mount():
            raise RestoreError(
                f"{folder} leads to another disk, where a restore can't put it: take the mount or link away, "
                "restore, then move what came into it there"
            )


def _want_empty_state(state: Path) -> None:
    many = {name: sum(len(files) for _, _, files in os.walk(state / name)) for name in KEPT}
    if any(many.values()):
        its = ", ".join(f"{name} ({n} file{'s' if n > 1 else ''})" for name, n in many.items() if n)
        raise RestoreError(
            f"{state} holds {its}: a restore wants an empty IVR_STATE; move all of it away first, or, where "
            "the database alone is lost, leave the hotline running: docs/production.md, 9"
        )
