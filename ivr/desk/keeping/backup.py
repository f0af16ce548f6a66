"""A backup of a living hotline: database, recordings and all else that must not be lost, in one archive.

The order makes it whole. The database is one snapshot. What the dialplan recorded alone and the journal are
read right after it began, so that whatever is not in the snapshot yet is in a fact, and a fact that is in
both is applied once. Attachments and recordings come last, so that every file that a row or a fact names is
there.

Recordings in envelopes lie in it so; their key only in the copy that is closed for a holder (`escrow`).

Where it stands on earlier backups, what those hold of the folders that only grow is named, not read again,
and so are ranges of rows in which nothing came, went or was written anew (`ivr.store.copying`).

What its disk does not give is told, named in the archive (`lacking/files`), and taken by the next one; so is
what the books name and no disk has (`lacking/gone`).

Left out: what can be made again (prompts, Asterisk's configuration), the keys, the journal's checkpoint
(it may be ahead of the snapshot) and the leased code blocks (the living hotline goes on giving them out).
"""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.proving import Finding
from ivr.desk.keeping import answer_voices, backed_up
from ivr.desk.keeping.answer_voices import AnswerVoice
from ivr.desk.keeping.sealing import ROOTS
from ivr.store import copying, recording_files, schema
from ivr.store.archive import Writer
from ivr.store.attachments import FOLDER
from ivr.store.backup_chain import ROWS, WHOLE, BackupChain, Held
from ivr.store.direct import direct
from ivr.store.envelope import Damaged, Unopened
from ivr.store.folders import TellRefused, listed, remedy, unseen
from ivr.store.recording_files import CLOSED, PACKED, PLAIN
from ivr.store.salvaging import Salvaged
from ivr.store.tables import attachments, custody_days, recordings
from ivr.store.vault import Vault, VaultError
from ivr.store.volumes import SECOND

# Folders of IVR_STATE.
KEPT = ("fallback", "spool", "custody", "secrets", "escrow", "voices", FOLDER, "recordings")
GROW = ("custody", FOLDER, "recordings")  # by files that nobody writes again
EARLIER = "earlier/files"  # the member that names what earlier archives hold
COUNTS = "earlier/rows"  # … that says how many rows each table has, where some are in earlier ones
LACKING = "lacking/files"  # the member that names what is not in it, or not whole
GONE = "lacking/gone"  # … what the books name and no disk has: no later one will hold it either
KEYS = ("secrets", "escrow")  # of which half is worth nothing, or less
MEND = "see dmesg; once its disk gives it the next backup takes it"
# Of a running process, or behind its back.
_OWN = ("lock", "applying", "checkpoint.json", "identity", "cut_short", "reconciled.json")
_LOST_FOUND = "lost+found"  # root's, at the top of each ext4
_NOT_IN_IT = "it is not in this backup"
_EARLIER_STANDS = "the copy of an earlier backup stands for it"
_PAGE = 500
_LEVEL = 3  # of gzip: half the work of 6, a tenth more room
_IN_MEMORY = 64 << 20  # of a range, packed: a page of large values leads to megabytes that lie elsewhere


class BackupError(Exception):
    """There can't be a backup; one sentence."""


@dataclass(slots=True)
class Backup:
    """One run. `tell` hears of recordings that are not what they were; `step` of progress."""

    engine: AsyncEngine
    state: Path
    tell: Callable[[Finding], None]
    step: Callable[[str, int], None] = lambda what, count: None
    vault: Vault | None = None  # what is only there is fetched …
    leave_stored: bool = False  # … or left there
    earlier: BackupChain = WHOLE  # what it stands on
    rows: int = 0  # in the books …
    copied: int = 0  # … and of those in this archive
    anew: str = ""  # why all of them are in it though earlier ones hold some
    findings: int = 0
    content: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)  # what the next one may leave out
    left: int = 0  # files that earlier ones hold
    lacking: list[str] = field(default_factory=list)  # in a sentence each: what it and those before lack
    gone: list[str] = field(default_factory=list)  # in a sentence each: what is nowhere
    _unread: set[Path] = field(default_factory=set)  # files and folders that their disk does not give
    _bare: set[Path] = field(default_factory=set)  # of KEPT, in which no file is: is its disk mounted?
    # Recordings that are not told yet, for another copy may stand for them; why, and what is lost.
    _waiting: dict[Path, tuple[OSError, str]] = field(default_factory=dict)
    _added: set[str] = field(default_factory=set)  # members that `held` does not name
    _store_away: str = ""  # why it is not asked again; told once each, where earlier ones hold what is
    _told_away: set[bool] = field(default_factory=set)  # there, and where they don't

    async def write(self, out: IO[bytes]) -> tuple[Writer, str]:
        """All of it. The writer, for its figures, and the SHA-256 that stands for the backup."""
        async with (
            direct(self.engine) as (connection, raw),
            raw.transaction(isolation="repeatable_read", readonly=True),
        ):
            await self._begin(connection, raw)
            last_day = (await connection.execute(select(func.max(custody_days.c.day)))).scalar()
            writer = await asyncio.to_thread(Writer, out, self.content)
            for name in ("fallback", "spool"):
                await asyncio.to_thread(self._folder, writer, name)
            counts = await self._tables(writer, raw)
        await asyncio.to_thread(self._folder, writer, "custody", partial(_is_closed, last_day))
        for name in ("secrets", "escrow", "voices"):
            await asyncio.to_thread(self._folder, writer, name)
        await self._attachments(writer)
        await self._recordings(writer)
        if old := self._left_out():
            await asyncio.to_thread(writer.add_bytes, EARLIER, old)
        if self.copied < self.rows:
            await asyncio.to_thread(writer.add_bytes, COUNTS, json.dumps(counts).encode())
        for member, texts in ((LACKING, self.lacking), (GONE, self.gone)):
            lines = "".join(json.dumps(text) + "\n" for text in texts)
            if lines:
                await asyncio.to_thread(writer.add_bytes, member, lines.encode())
        return writer, await asyncio.to_thread(writer.finish)

    async def _begin(self, connection: AsyncConnection, raw: Any) -> None:
        """The snapshot, and what it says of itself."""
        await copying.take_time(connection)
        taken_at = await raw.fetchval("SELECT now()")
        revision = await schema.revision(connection)
        if not revision:
            raise BackupError("the database is empty: there is nothing to back up")
        self.anew = await backed_up.forgotten(connection, raw, self.earlier)
        if self.anew:
            self.earlier = self.earlier.without_rows()
        self.content = {
            "taken_at": taken_at.isoformat(),
            "revision": revision,
            "tables": await copying.tables(connection),
            "sequences": await copying.sequences(raw),
            "stands_on": [{"file": link.file, "sums": link.sums} for link in self.earlier.chain],
        }

    def _left_out(self) -> bytes:
        """A line for each file that an earlier archive holds: its place in `stands_on`, its name."""
        here = len(self.earlier.chain)
        old = ((held.archive, name) for name, held in self.held.items() if held.archive < here)
        return "".join(json.dumps(each) + "\n" for each in old).encode()

    async def _tables(self, writer: Writer, raw: Any) -> dict[str, int]:
        """How many rows each has."""
        counts, server = dict[str, int](), await copying.server(raw)
        for table, columns in self.content["tables"].items():
            form = (server, self.content["revision"], columns)
            counts[table] = 0
            async for part in copying.ranges(raw, table, form):
                await self._rows(writer, raw, table, part)
                counts[table] += part.rows
            self.step("tables", 1)
        self.rows = sum(counts.values())
        return counts

    async def _rows(self, writer: Writer, raw: Any, table: str, part: copying.RowRange) -> None:
        """A range of them, unless an earlier backup holds it as it is."""
        name = f"{ROWS}{table}/{part.number:06}.copy.gz"
        if held := self.earlier.has(name, part.rows, part.mark):
            self.held[name] = held
            return
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self.state)) as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:

                async def take(piece: bytes) -> None:
                    await asyncio.to_thread(packed.write, piece)

                await copying.copy_out(raw, table, self.content["tables"][table], part.number, take)
            size = file.tell()
            file.seek(0)
            hashed = await asyncio.to_thread(writer.add, name, file, size, time.time())
        self.held[name] = Held(part.rows, part.mark, hashed, len(self.earlier.chain))
        self.copied += part.rows

    def _folder(self, writer: Writer, name: str, wanted: Callable[[Path], bool] = lambda path: True) -> None:
        for path in files(self.state / name, self._refused):
            if wanted(path):
                self._add(writer, path)

    async def _attachments(self, writer: Writer) -> None:
        """Every file, and what is only named."""
        known = await self._papers()
        root, there = self.state / FOLDER, set[str]()
        for path in files(root, self._refused):
            name = path.relative_to(root).as_posix()
            there.add(name)
            hashed = await asyncio.to_thread(self._add, writer, path)
            if hashed and not self._is_old(path) and hashed != known.get(name, hashed):
                text = f"{path} is not what was attached; it is backed up as it is"
                self._found("attachment_changed", text, name)
        if not there:
            self._bare.add(root)
        if known.keys() - there:
            known = await self._papers()  # retention takes some while we read
        for name in sorted(known.keys() - there):
            path = root / name  # in a folder that does not show it, or nowhere
            if not await asyncio.to_thread(self._add, writer, path) and path not in self._unread:
                old = self._stands(f"{FOLDER}/{name}")
                self._missing("attachment_missing", str(path), name, path, old)

    async def _papers(self) -> dict[str, str]:
        """What is attached, each with its SHA-256."""
        query = select(attachments.c.name, attachments.c.sha256).where(attachments.c.removed_at.is_(None))
        async with self.engine.connect() as connection:
            return {row.name: row.sha256 for row in await connection.execute(query)}

    async def _recordings(self, writer: Writer) -> None:
        """Every file, whether a row names it or not, and then what is only named."""
        page: list[Path] = []
        root = self.state / "recordings"
        self._bare.add(root)
        for path in files(root, self._refused):
            self._bare.discard(root)
            page.append(path)
            if len(page) == _PAGE:
                await self._add_recordings(writer, page)
                page = []
        await self._add_recordings(writer, page)
        await self._not_here(writer)
        await self._answers(writer)
        for path, (error, what) in self._waiting.items():
            self._tell_lost(path, error, what, True)

    async def _add_recordings(self, writer: Writer, paths: list[Path]) -> None:
        root = self.state / "recordings"
        names = {path: path.relative_to(root).with_suffix("").as_posix() for path in paths}
        query = select(recordings.c.name, recordings.c.sha256).where(recordings.c.name.in_(names.values()))
        async with self.engine.connect() as connection:
            known = {row.name: row.sha256 for row in await connection.execute(query)}
        for seen, name in names.items():
            path = seen
            hashed = await asyncio.to_thread(self._add, writer, path)
            if not hashed and path not in self._unread and (now := _where(root, name)):
                path = now  # not as it was listed any more
                hashed = await asyncio.to_thread(self._add, writer, path)
            self.step("recordings", 1)
            if self._is_old(path):
                continue  # its bytes were looked at when they went in
            if hashed and path.suffix != PLAIN:
                hashed = await asyncio.to_thread(self._opened, path, name)
            if hashed and name in known and hashed != known[name]:
                text = f"{path} is not what was recorded; it is backed up as it is"
                self._found("recording_changed", text, name)
            is_answer = name.startswith(answer_voices.PLACE)
            if hashed and is_answer and not answer_voices.is_what_was_said(name, hashed):
                text = f"{path} is not what was said in answer; it is backed up as it is"
                self._found("answer_changed", text, name)

    def _opened(self, path: Path, name: str) -> str:
        """SHA-256 of what is packed or closed; "" when it can't be opened, which is told, or is gone."""
        try:
            return (recording_files.digest(self.state / "recordings", name) or b"").hex()
        except Damaged:
            self._found(
                "recording_changed", f"{path} is not as it was written; it is backed up as it is", name
            )
        except Unopened as error:
            self._found("recording_locked", f"{error}; it is backed up as it is", name)
        except OSError as error:  # the key file's, too
            text = f"{error.filename or path} can't be read: {error.strerror}; {remedy(error, 'see dmesg')}"
            self._found("recording_unread", f"{text}; {path} is backed up as it is", name)
        return ""

    async def _not_here(self, writer: Writer) -> None:
        kept = select(recordings).where(recordings.c.removed_at.is_(None))  # not by retention
        query, after = kept.order_by(recordings.c.name).limit(_PAGE), ""
        while True:
            async with self.engine.connect() as connection:
                rows = (await connection.execute(query.where(recordings.c.name > after))).all()
            await asyncio.to_thread(self._by_rows, writer, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].name

    async def _answers(self, writer: Writer) -> None:
        """What was said in answer to a case, and no folder has shown."""
        async for page in answer_voices.pages(self.engine):
            await asyncio.to_thread(self._by_voices, writer, page)

    def _by_voices(self, writer: Writer, voices: Sequence[AnswerVoice]) -> None:
        for voice in voices:
            self._by_voice(writer, voice.name)

    def _by_voice(self, writer: Writer, name: str) -> None:
        path = self.state / "recordings" / f"{name}{PLAIN}"
        member = path.relative_to(self.state).as_posix()
        if self._has(member) or self._add(writer, path) or path in self._unread:
            return
        old = self._stands(member)
        self._missing("answer_missing", f"{path}, the answer in a person's voice,", name, path, old)

    def _by_rows(self, writer: Writer, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            self._by_row(writer, row)

    def _by_row(self, writer: Writer, row: Row[Any]) -> None:
        """What the disk did not show, or not whole."""
        root = self.state / "recordings"
        its = [root / f"{row.name}{suffix}" for suffix in (PLAIN, PACKED, CLOSED)]
        names = [path.relative_to(self.state).as_posix() for path in its]
        what, refused = "", ""

        def lost() -> list[Path]:
            return [path for path in its if path in self._waiting]

        if not self.held.keys().isdisjoint(names) or self._shown(writer, row.name, its):
            what = "the recording is in this backup all the same"
        else:
            try:
                if self._fetch(writer, row):
                    what = "the copy in the recordings' store stands for it"
            except VaultError as error:
                refused = str(error)
        old = not what and any(map(self._stands, names))
        if refused and not lost():
            self._ungiven(row.name, refused, old)
        elif not what and not lost():
            self._missing("recording_missing", f"recording {row.name}", row.name, its[0], old)
        for path in lost() if what or old else ():
            self._tell_lost(path, self._waiting.pop(path)[0], what or _EARLIER_STANDS)

    def _shown(self, writer: Writer, name: str, its: Sequence[Path]) -> bool:
        """Whether its file is there after all, as in a folder that can't be listed; then it is in."""
        for _ in range(2):  # it may be packed or closed while we look
            try:
                path = recording_files.where(self.state / "recordings", name)
            except OSError as error:
                if self._waiting.keys().isdisjoint(its):
                    self._unread.add(its[0])
                    self._waiting[its[0]] = (error, _NOT_IN_IT)
                return False
            if path is None or path in self._unread:
                return False
            if self._add(writer, path):
                return True
        return False

    def _fetch(self, writer: Writer, row: Row[Any]) -> bool:
        """From the store. False: it has none, or a part is in the backup already under that name.

        Raises VaultError with nothing written: one that is away, or refuses one recording, ends no backup.
        """
        name, member = row.name, f"recordings/{row.name}{PLAIN}"
        if self.vault is None or self._has(member):
            return False
        if self._store_away:
            raise VaultError(self._store_away)
        held = self.earlier.files.get(member)
        is_held = held is not None and held.sha256 == row.sha256
        content = b""
        try:
            if self.leave_stored or is_held:
                self.vault.size(name)
            else:  # megabytes; in the middle of a member it would be too late
                content = b"".join(iter(self.vault.open(name).read, b""))
        except FileNotFoundError:
            return False
        except VaultError as error:
            if self.vault.is_away():
                self._store_away = str(error)
            raise
        if self.leave_stored:
            return True
        if held is not None and is_held:
            self._leave(member, held)
            return True
        hashed = writer.add(member, io.BytesIO(content), len(content), row.recorded_at.timestamp())
        self.held[member] = Held(len(content), 0, hashed, len(self.earlier.chain))
        if hashed != row.sha256:
            text = f"recording {name} in the store is not what was recorded; it is backed up as it is"
            self._found("recording_changed", text, name)
        return True

    def _add(self, writer: Writer, path: Path) -> str:
        """Its SHA-256; "" when it is gone (taken in, or applied long ago), is in it, or can't be read."""
        name = path.relative_to(self.state).as_posix()
        place = name.split("/")[0]
        if self._has(name):
            return ""  # a folder was listed while files in it went and came
        try:
            file = path.open("rb", buffering=0)
        except FileNotFoundError:
            return ""
        except OSError as error:
            self._lost(path, error, _NOT_IN_IT)
            return ""
        with file:
            status = os.fstat(file.fileno())
            if held := self.earlier.holds(name, status):
                self._leave(name, held)
                return held.sha256
            content = Salvaged(file, status.st_size)
            if path.suffix == ".log":
                content.end_with_a_line()
            if place in KEYS:
                content.read_ahead()
                if content.error is not None:
                    self._lost(path, content.error, _NOT_IN_IT)
                    return ""
            hashed = writer.add(name, content, content.size, status.st_mtime, status.st_mode)
        self._added.add(name)
        if content.error is not None:
            self._lost(path, content.error, f"{content.lost} of its bytes are zeros in this backup", True)
            return ""
        if place in GROW:
            here = len(self.earlier.chain)
            self.held[name] = Held(status.st_size, status.st_mtime_ns, hashed, here)
            self._added.discard(name)
        return hashed

    def _has(self, name: str) -> bool:
        """Whether it is a member already, in part or whole, or left to an earlier backup: once is enough."""
        return name in self.held or name in self._added

    def _refused(self, place: Path, error: OSError) -> None:
        """A folder that can't be looked into, a second disk that is not there, or a file of no use."""
        if place.suffix:
            self._lost(place, error, _NOT_IN_IT)
            return
        self._unread.add(place)
        mend = remedy(error, MEND)
        mend += ". A disk that is gone for good: remove that link" if place.name == SECOND else ""
        text = f"{place} can't be read: {error.strerror}; what is in it is not in this backup"
        text += f", but for recordings that the books name: {mend}"
        self._found("folder_unread", text, "", self.lacking)

    def _lost(self, path: Path, error: OSError, what: str, in_part: bool = False) -> None:
        name = path.relative_to(self.state).as_posix()
        self._unread.add(path)
        if not in_part and self._stands(name):
            self._tell_lost(path, error, _EARLIER_STANDS)
        elif name.startswith("recordings/"):
            self._waiting[path] = (error, what)
        else:
            self._tell_lost(path, error, what, True)

    def _tell_lost(self, path: Path, error: OSError, what: str, lacks: bool = False) -> None:
        name = path.relative_to(self.state).as_posix()
        text = f"{path} can't be read: {error.strerror}; {what}: {remedy(error, MEND)}"
        self._found("file_unread", text, name, self.lacking if lacks else None)

    def _missing(self, kind: str, what: str, name: str, path: Path, old: bool) -> None:
        """What the books name: in a folder that can't be read, in an earlier backup (`old`), or gone."""
        text = f"{what} is not there to be backed up"
        hidden = next((at for at in path.parents if at in self._unread or at in self._bare), None)
        if old:
            self._found(kind, f"{text}; {_EARLIER_STANDS}", name)
        elif hidden:
            why = "can't be read" if hidden in self._unread else "is empty: is its disk mounted?"
            self._found(kind, f"{what} is not in this backup: {hidden} {why}", name, self.lacking)
        else:
            self._found(kind, text, name, self.gone)

    def _ungiven(self, name: str, why: str, old: bool) -> None:
        """Only in the store, which does not give it: never called gone."""
        among, stands = None if old else self.lacking, f"; {_EARLIER_STANDS}" if old else ""
        if not self._store_away:
            text = f"recording {name} is not given by its store: {why}{stands or f'; {_NOT_IN_IT}'}"
            self._found("recording_unread", text, name, among)
        elif old not in self._told_away:
            self._told_away.add(old)
            text = f"{why}; what is there alone is not in this backup{stands}"
            self._found("store_unread", text, "", among)

    def _stands(self, name: str) -> bool:
        """Whether an earlier backup holds it, which then is brought back from there."""
        held = self.earlier.files.get(name)
        if held is not None and not self._has(name):
            self._leave(name, held)
        return name in self.held

    def _leave(self, name: str, held: Held) -> None:
        self.held[name] = held
        self.left += 1

    def _is_old(self, path: Path) -> bool:
        held = self.held.get(path.relative_to(self.state).as_posix())
        return held is not None and held.archive < len(self.earlier.chain)

    def _found(self, kind: str, text: str, name: str, among: list[str] | None = None) -> None:
        self.findings += 1
        if among is not None:
            among.append(text)
        self.tell(Finding(kind, text, recording=name))


def files(folder: Path, refused: TellRefused) -> Iterator[Path]:
    """The files in and under a folder that belong into a backup, in order; the second volume's too.

    `refused` is told of what can't be looked at.
    """
    for entry in sorted(listed(folder, refused), key=lambda entry: entry.name):
        path = Path(entry.path)
        if path.name in (*_OWN, _LOST_FOUND) or path.name.startswith(".") or path.suffix == ".new":
            continue
        if path.name.partition(".")[0] == "codes":  # they would be given again, the dialplan's, too
            continue
        try:
            if entry.is_symlink() and path.name != SECOND:
                continue
            if entry.is_symlink():
                path.stat()  # of a disk that is not mounted: no such file
            is_folder, is_file = entry.is_dir(), entry.is_file()
            _want_a_name(entry.name)
        except OSError as error:
            refused(path.with_name(_printable(entry.name)), error)
            continue
        if is_folder:
            yield from files(path, refused)
        elif is_file:
            yield path


def least_bytes(state: Path, earlier: BackupChain) -> int:
    """How much room a backup takes at the least: its files, without rows and what only the store has."""
    return sum(
        _least_of(path, path.relative_to(state).as_posix(), earlier)
        for name in KEPT
        if name != "custody"
        for path in files(state / name, unseen)
    )


def _least_of(path: Path, name: str, earlier: BackupChain) -> int:
    try:
        status = path.stat()
    except OSError:  # gone meanwhile, or told of by who reads it
        return 0
    # Of a disk that packs, and of holes, what it takes there.
    return 0 if earlier.holds(name, status) else min(status.st_size, status.st_blocks * 512)


def _want_a_name(name: str) -> None:
    """One that books and archive can hold; a damaged folder shows others. Raises OSError."""
    if "\n" in name or _printable(name) != name:
        raise OSError(errno.EILSEQ, "its name is no UTF-8, or holds a line break")


def _printable(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace").replace("\n", "\\n")


def _where(root: Path, name: str) -> Path | None:
    """A recording's file; None also where its disk does not say."""
    try:
        return recording_files.where(root, name)
    except OSError:
        return None


def _is_closed(last_day: date | None, path: Path) -> bool:
    """A list of a day whose root is in the snapshot. Not the seals' roots: some are younger."""
    return last_day is not None and path.name != ROOTS and path.name[:10] <= last_day.isoformat()
