"""A journal's facts on their way out: read in order from its segments, and a checkpoint that says how far.

Whoever brings them into the books holds `applying` in the folder: the process that writes them (`Journal`)
or another (`JournalFollower`). Facts carry ids and applying one twice is harmless, so the checkpoint needs no
flush. Nor is it trusted over the database, which keeps a mark of its own (`journal_marks`) under
the journal's `identity`: after a fail-over what it lacks is applied again, so applied facts stay for a while
(`journal_keeping`).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from zlib import crc32

from ivr.store.disk_thread import DiskThread, in_time
from ivr.store.facts import Fact, FactError
from ivr.store.facts import read as fact_of
from ivr.store.flushing import put, sync
from ivr.store.folders import listed
from ivr.store.journal.journal_keeping import FactTerm, let_go
from ivr.store.volumes import SECOND

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 1.0
CLOSE_SECONDS = 20.0  # who ends waits no longer for a disk
AT_ONCE = 500  # facts that are read together, and share a transaction
IDENTITY = "identity"


class JournalError(Exception):
    """The journal can't be written, and nothing was promised; or it can't be read."""


class JournalFull(JournalError):
    """No room left on the disk."""


class JournalInUse(JournalError):
    """Another process has this journal."""


class JournalUnread(JournalError):
    """A disk does not give what is in it. Nothing was stepped over: it is read on once the disk answers."""


class SecondUnshown(OSError):
    """The disk linked into a journal does not show which segments lie there."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Just behind some line: segment number and byte offset."""

    segment: int = 0
    offset: int = 0


@dataclass(slots=True)
class Applied:
    """`applied`: up to where the facts are in the books; `flushed`: up to where there are any.

    `marked`: the database has been asked and had a mark, or has one now; `dropped`: up to which segment facts
    are not kept any more. `recalled`: there was a checkpoint. `term`: how long applied facts stay.
    `unshown`: why the folder, or the disk linked into it, did not show its segments when last asked.
    """

    folder: Path
    applied: Position = field(default_factory=Position)
    flushed: Position = field(default_factory=Position)
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    term: FactTerm = field(default_factory=FactTerm)
    marked: bool = False
    dropped: int = 0
    recalled: bool = False
    unshown: OSError | None = None
    _disk: DiskThread = field(default_factory=DiskThread)  # where what may hang is asked
    _identity: str = ""
    _places: list[Path] = field(default_factory=list)  # its own folder, then the linked one if there is any
    _checkpointed: float = 0.0
    _unsaved: bool = False
    _saving: asyncio.Task[None] | None = None
    _applying_fd: int = -1

    @property
    def has_more(self) -> bool:
        """Whether facts may wait behind the checkpoint."""
        return self.applied < self.flushed

    def read(self, after: Position, limit: int = AT_ONCE) -> tuple[list[Fact], Position]:
        """Up to `limit` facts behind a position, oldest first, and the position behind what was looked at.

        Damaged and unreadable lines are put into quarantine and stepped over. No facts: everything flushed
        so far was read. Raises JournalUnread where nothing further can be read.

        A linked disk that shows nothing may hold the segments that are missing here, so it is read up to the
        first of these. Each number is given once, on one of the disks: none missing here, none there.
        """
        facts: list[Fact] = []
        end, position = self.flushed, after
        found, refusal = _asked(self.folder)
        proved = end.segment if refusal is None else _last_in_row(found, max(after.segment, 1))
        for segment in [n for n in found if after.segment <= n <= min(proved, end.segment)]:
            start = after.offset if segment == after.segment else 0
            stop = end.offset if segment == end.segment else None
            try:
                for fact, offset in self._read_segment(segment, found[segment], start, stop):
                    position = Position(segment, offset)
                    if fact is not None:
                        facts.append(fact)
                    if len(facts) >= limit:
                        return facts, position
            except OSError as error:
                if position == after:
                    raise JournalUnread(f"a segment can't be read on: {error}") from error
                return facts, position
        if proved < end.segment:
            if position == after:
                raise JournalUnread(
                    f"segment {proved + 1} of {self.folder} is not here, and its second disk does not "
                    f"show what it has ({refusal}); one that is gone for good: remove that link"
                )
            return facts, position
        return facts, max(position, min(end, self.flushed))

    async def next_facts(self, after: Position, limit: int = AT_ONCE) -> tuple[list[Fact], Position]:
        """The same as `read`, but a disk that hangs holds up nobody else."""
        return await self._disk.ask(partial(self.read, after, limit))

    async def applied_up_to(self, position: Position, now: datetime | None = None) -> None:
        """The same as `checkpoint`, likewise."""
        if position.segment != self.applied.segment:
            await self._disk.ask(partial(self.checkpoint, position, now))
            return
        self.applied = position
        if time.monotonic() - self._checkpointed > CHECKPOINT_SECONDS:
            self.save_soon()

    @property
    def identity(self) -> str:
        """Who this journal is to the database, once it was introduced."""
        return self._identity

    async def introduce(self) -> str:
        """Who it is, made at the first question. Only who applies it may ask."""
        if not self._identity:
            self._identity = await self._disk.ask(partial(identity_of, self.folder))
        return self._identity or await self.rename()

    async def rename(self) -> str:
        """Be another journal from now on: what the database says of the old one is not about this one."""
        self._identity = uuid.uuid4().hex
        with suppress(OSError):  # a full disk: another one at the next start, and all is applied again
            await self._disk.ask(partial(put, self.folder / IDENTITY, self._identity.encode()))
        return self._identity

    def checkpoint(self, position: Position, now: datetime | None = None) -> None:
        """Everything up to here is applied. Written down once a second; segments kept long enough go.

        `now`: what time it is by the database; the earlier one counts.
        """
        moved = position.segment != self.applied.segment
        self.applied = position
        if moved:
            try:
                applied = {n: path for n, path in shown(self.folder)[0].items() if n < position.segment}
                at = min(time.time(), now.timestamp() if now else time.time())
                self.dropped = max(self.dropped, let_go(self.folder, applied, self.term, at))
            except OSError as error:  # what is applied is applied; they go with a later one
                log.warning("applied segments of %s stay for now: %s", self.folder, error)
        if moved or time.monotonic() - self._checkpointed > CHECKPOINT_SECONDS:
            self.save_checkpoint()

    def go_to(self, position: Position) -> None:
        """Apply on from there, and know it at the next start."""
        self.applied, self.recalled = position, True
        self.save_soon()
        self.grown.set()

    def save_soon(self) -> None:
        """The same as `save_checkpoint`; a disk that hangs holds up nobody."""
        self._unsaved = True
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        """One after the other: a disk that hangs is not asked by ever more."""
        while self._unsaved:
            self._unsaved = False
            await self._disk.ask(self.save_checkpoint)

    async def _end_with(self, last: Callable[[], object]) -> None:
        """The last that its disk is asked; one that hangs is waited for no longer than `CLOSE_SECONDS`."""
        if self._saving is not None:
            self._saving.cancel()
        if not await self._disk.end(last, CLOSE_SECONDS):
            log.error("%s hangs: its checkpoint is left to its disk", self.folder)

    def save_checkpoint(self) -> None:
        """Write it down now. Where the disk takes nothing the old one stays: facts are then applied again."""
        self._checkpointed, position = time.monotonic(), self.applied
        told = {"segment": position.segment, "offset": position.offset}
        told |= {"marked": self.marked, "dropped": self.dropped}
        try:
            _replace(self.folder / "checkpoint.json", json.dumps(told))
        except OSError as error:
            log.warning("the checkpoint of %s was not written: %s", self.folder, error.strerror)

    async def put_aside(self, name: str, content: bytes, why: str) -> None:
        """The same as `quarantine`; a disk that hangs holds up nobody else."""
        await self._disk.ask(partial(self.quarantine, name, content, why))

    def quarantine(self, name: str, content: bytes, why: str) -> None:
        """Put something unusable aside, never lose it, and say so. Raises OSError when no disk takes it.

        It is on that disk when this returns: the checkpoint, and the database's mark, pass it next.
        """
        for place in self._places:
            shelf = place / "quarantine"
            try:
                shelf.mkdir(exist_ok=True)
                sync(place)  # which has the shelf's own name
                put(shelf / name, content)
                put(shelf / f"{name}.why", f"{why}\n".encode())
            except OSError:
                if place == self._places[-1]:
                    raise
            else:
                log.error("journal %s: %s; kept as %s", self.folder, why, shelf / name)
                return

    def _read_segment(
        self, segment: int, path: Path, start: int, stop: int | None
    ) -> Iterator[tuple[Fact | None, int]]:
        offset = start
        with path.open("rb") as file:
            file.seek(start)
            while stop is None or offset < stop:
                try:
                    line = file.readline()
                except OSError as error:
                    raise at_byte(offset, path, error) from error
                if not line or self._grows(segment, offset, line):
                    return
                fact = self._read_line(line, Position(segment, offset))
                offset += len(line)
                yield fact, offset

    def _read_line(self, line: bytes, at: Position) -> Fact | None:
        """Its fact; None when it is none that can be read, and was put aside."""
        name, where = f"{at.segment:08d}-{at.offset}", f"segment {at.segment}, byte {at.offset}"
        body = body_of(line)
        if body is None:
            self.quarantine(f"{name}.line", line, f"{where}: {len(line)} bytes fail the checksum")
            return None
        try:
            return fact_of(body)
        except FactError as error:
            self.quarantine(f"{name}.fact", body, f"{where}: a fact can't be read: {error}")
            return None

    def _grows(self, segment: int, offset: int, line: bytes) -> bool:
        """Whether what was read there is half a line, of which the rest is being written."""
        return False

    def _claim(self) -> bool:
        """Be the one who applies; False when somebody else is. Raises OSError."""
        try:
            self._applying_fd = lock(self.folder / "applying")
        except JournalInUse:
            return False
        return True

    def _let_go(self) -> None:
        self._disk.close()
        if self._applying_fd >= 0:
            os.close(self._applying_fd)
            self._applying_fd = -1

    def _recall(self) -> None:
        for entry in listed(self.folder):
            if entry.name.endswith(".log") and not entry.name.removesuffix(".log").isdecimal():
                log.error("%s is not read: its name is no segment's number", entry.path)
        second = self.folder / SECOND
        self._places = [self.folder] if _answers(self.folder) else []
        with suppress(OSError):  # it hangs
            self._places += [second] if in_time(second, partial(_answers, second)) else []
        try:
            self.applied, self.marked, self.dropped = _saved(self.folder)
            self.recalled = self.applied > Position()
        except (OSError, ValueError, KeyError, TypeError) as error:
            # A bad sector under it for ever must not keep the facts, which can be read, out of the books.
            log.error(
                "journal %s: the checkpoint is unreadable (%r); the database has its own", self.folder, error
            )


def lock(path: Path) -> int:
    """Its file descriptor, which holds the lock until it is closed. Raises JournalInUse, OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if isinstance(error, BlockingIOError):
            raise JournalInUse(f"{path.parent} is in use by another process") from None
        raise
    return fd


def segments(folder: Path) -> dict[int, Path]:
    """A journal's segments by number, in order, on whichever disk each lies. Raises SecondUnshown, OSError
    for its own disk.
    """
    found, refusal = shown(folder)
    if refusal is not None:
        raise refusal
    return found


def shown(folder: Path) -> tuple[dict[int, Path], SecondUnshown | None]:
    """The segments that are shown, by number, and why the linked disk does not show its own. One that is not
    there may hold as much as one that is damaged. Raises OSError for the journal's own disk.
    """
    second = folder / SECOND
    refusal: SecondUnshown | None = None
    entries = listed(folder, _raised)
    if any(entry.name == SECOND for entry in entries):
        try:
            more, refusal = in_time(second, partial(_shown_on, second))
            entries += more
        except OSError as error:  # it hangs
            refusal = SecondUnshown(error.errno, error.strerror, str(second))
    paths = [Path(entry.path) for entry in entries if entry.name.endswith(".log")]
    found = {int(path.stem): path for path in paths if path.stem.isdecimal()}
    return dict(sorted(found.items())), refusal


def _raised(_: Path, error: OSError) -> None:
    raise error


def _shown_on(second: Path) -> tuple[list[os.DirEntry[str]], SecondUnshown | None]:
    refusals: list[OSError] = []
    entries = listed(second, lambda _, error: refusals.append(error))
    if not (refusals or _answers(second)) and os.path.lexists(second):  # else somebody has just removed it
        refusals.append(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    for error in refusals:
        return entries, SecondUnshown(error.errno, error.strerror, str(second))
    return entries, None


def at_byte(offset: int, path: Path, error: OSError) -> OSError:
    """What a disk said, with the place: whoever mends it wants both."""
    return OSError(error.errno, f"{error.strerror} behind byte {offset}", str(path))


def _answers(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:
        return False


def _asked(folder: Path) -> tuple[dict[int, Path], SecondUnshown | None]:
    try:
        return shown(folder)
    except OSError as error:
        raise JournalUnread(f"{folder} can't be read: {error}") from error


def _last_in_row(found: Mapping[int, Path], first: int) -> int:
    """Up to which number from `first` on none is missing; the one before it where that is."""
    return next(number for number in count(first) if number not in found) - 1


def checkpoint_of(folder: Path) -> Position:
    """How far a journal's facts are applied. OSError, ValueError, KeyError, TypeError: it is unreadable."""
    return _saved(folder)[0]


def identity_of(folder: Path) -> str:
    """Under which name the database knows a journal; "" where it does not yet, or where that was lost.

    What a disk refused to keep reads as zeros, which no database takes for a name.
    """
    try:
        found = (folder / IDENTITY).read_text().strip()
    except (OSError, ValueError):
        return ""
    return found if found.isalnum() else ""


def _saved(folder: Path) -> tuple[Position, bool, int]:
    try:
        saved = json.loads((folder / "checkpoint.json").read_text())
    except FileNotFoundError:
        return Position(), False, 0
    position = Position(int(saved["segment"]), int(saved["offset"]))
    return position, bool(saved.get("marked")), int(saved.get("dropped", 0))


def _replace(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(path)


def body_of(line: bytes) -> bytes | None:
    """What a line holds, or None when it is torn or damaged."""
    if len(line) < 12 or line[8:9] != b" " or line[-1:] != b"\n":
        return None
    body = line[9:-1]
    try:
        return body if int(line[:8], 16) == crc32(body) else None
    except ValueError:
        return None
