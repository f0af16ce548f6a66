"""Tracking codes while PostgreSQL is away: blocks of sequence numbers leased ahead and kept on local disk.

The pointer on disk always stands *behind* the numbers in use, a chunk at a time, so that a crash wastes part
of a chunk and never gives a number twice. The key of the codes is cached beside it, for this process's user
only.

A disk can be set back (a snapshot), and then its pointer is old. Two others know better: the database, which
is told of each chunk and knows the cases, and a mark elsewhere on the disk, for when the database is away.
When either is ahead, nothing leased before is used again.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.code import code_for
from ivr.desk.case import set_back
from ivr.store import code_blocks
from ivr.store.code_blocks import BLOCK, fingerprint
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.engine import AWAY, is_away
from ivr.store.flushing import sync
from ivr.store.tables import cases

log = logging.getLogger(__name__)

CHUNK = 200  # numbers reserved with one flush
AHEAD = 2  # whole blocks kept in hand


class CodesError(Exception):
    """The lease can't be used or kept."""


@dataclass(slots=True)
class CodeBlock:
    """The codes of one process; `folder` is its own. `open` first; `lease` whenever the database is there.

    `marks`: files elsewhere, which are not set back together with the folder.
    """

    folder: Path
    marks: tuple[Path, ...] = ()
    _key: bytes = b""
    _next: int = 0  # in memory: the next number …
    _reserved: int = 0  # … of those below this, which the disk counts as used
    _blocks: list[tuple[int, int]] = field(default_factory=list)  # on disk: [from, below) not yet reserved
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _lock_fd: int = -1
    _serial: int = 0  # of the lease on disk: one more with each writing
    _recalled: list[tuple[int, int]] = field(default_factory=list)  # not yet compared with the database
    _far: dict[int, int] = field(default_factory=dict)  # block → numbers used, which it was not told yet
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Lock the folder and recall what was leased. Raises CodesError when another process has it.

        Where that can't be told nothing leased before is used; the database leases none of it again.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise CodesError(f"{self.folder} is in use by another process") from None
        except OSError as error:
            log.error("%s can't be locked (%s): leasing new tracking codes", self.folder, error)
            self._serial = self._marked()
        else:
            self._recall()

    def close(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @property
    def left(self) -> int:
        """How many codes can still be promised without the database."""
        return self._reserved - self._next + sum(below - first for first, below in self._blocks)

    @property
    def wants_lease(self) -> bool:
        return not self._key or self.left < AHEAD * code_blocks.BLOCK

    async def take(self) -> str:
        """A code nobody else has, or "" when none can be promised."""
        async with self._lock:
            if self._next >= self._reserved and not await ask_once(self._reserve):
                return ""
            return self._taken()

    def take_at_hand(self) -> str:
        """The same where nobody and no disk has to be waited for; else ""."""
        return "" if self._lock.locked() or self._next >= self._reserved else self._taken()

    def _taken(self) -> str:
        number, self._next = self._next, self._next + 1
        if self._far:
            self._moved.set()
        return code_for(number, self._key)

    async def lease(self, engine: AsyncEngine) -> None:
        """Fill up to AHEAD whole blocks. Raises what `ivr.store.engine.AWAY` names when it can't."""
        async with engine.connect() as connection:
            key = await code_blocks.tracking_key(connection)
            if key != self._key:
                await self._adopt(key)
            if self._recalled and await self._was_set_back(connection):
                await self._forget("the database knows of later ones")
            self._recalled = []
            far, self._far = dict(self._far), {}
            try:
                await code_blocks.hold(connection, self._holder, self._in_hand | far.keys())
                await code_blocks.tell_used(connection, far)
                await connection.commit()
            except BaseException:
                self._far = {**far, **self._far}
                raise
            while self.left < AHEAD * code_blocks.BLOCK:
                first = await code_blocks.lease(connection, self._holder)
                await connection.commit()
                async with self._lock:
                    self._blocks.append((first, first + code_blocks.BLOCK))
                    await ask_once(self._save)

    async def keep_leased(self, engine: AsyncEngine, seconds: float = 5.0) -> None:
        """For ever: lease whenever there are too few, try again when the database is away."""
        while True:
            self._moved.clear()
            if self.wants_lease or self._far:
                try:
                    await self.lease(engine)
                except AWAY as error:
                    if not is_away(error):
                        raise
                    log.warning("no new tracking codes leased, %d left: %s", self.left, error)
                    await asyncio.sleep(seconds)
            with suppress(TimeoutError):  # the database is told of a chunk as it is begun
                async with asyncio.timeout(seconds):
                    await self._moved.wait()

    @property
    def _holder(self) -> str:
        return f"{socket.gethostname()}:{self.folder}"

    @property
    def _in_hand(self) -> set[int]:
        blocks = {first // BLOCK for first, _ in self._blocks}
        return blocks | ({(self._reserved - 1) // BLOCK} if self._reserved else set())

    async def _was_set_back(self, connection: AsyncConnection) -> bool:
        """Whether numbers that the disk held for unused at our start had been used before it."""
        used = await code_blocks.used(connection, {first // BLOCK for first, _ in self._recalled})
        if any(used.get(first // BLOCK, 0) > first % BLOCK for first, _ in self._recalled):
            return True
        if self._reserved:  # some may be our own by now
            return False
        first, below = self._recalled[0]
        codes = [code_for(number, self._key) for number in range(first, min(first + CHUNK, below))]
        return await connection.scalar(select(cases.c.id).where(cases.c.code.in_(codes)).limit(1)) is not None

    async def _forget(self, why: str) -> None:
        log.error("%s was set back (%s): no tracking code leased before is used again", self.folder, why)
        await ask_once(partial(set_back.note, self.marks, self.folder, f"set back: {why}"))
        async with self._lock:
            self._blocks, self._next, self._reserved = [], 0, 0
            self._far.clear()
            await ask_once(self._save)

    async def _adopt(self, key: bytes) -> None:
        """Another key means another database: its blocks are not ours."""
        async with self._lock:
            if self._key:
                log.warning("the database has another code key; forgetting the codes leased from the old one")
            self._key, self._blocks, self._next, self._reserved = key, [], 0, 0
            self._recalled, self._far = [], {}
            try:
                await ask_once(partial(_write, self.folder / "key", key))
            except OSError as error:  # codes can be given; after a restart only once the database is there
                log.error("the key of tracking codes is not kept: %s", error)

    def _reserve(self) -> bool:
        if not self._key or not self._blocks:
            return False
        first, below = self._blocks[0]
        upto = min(first + CHUNK, below)
        rest = [(upto, below)] if upto < below else []
        before = self._blocks
        self._blocks = rest + self._blocks[1:]
        try:
            self._save()
        except OSError as error:
            self._blocks = before
            log.error("no tracking code can be promised: %s can't be written: %s", self.folder, error)
            return False
        self._next, self._reserved = first, upto
        self._far[first // BLOCK] = upto - first // BLOCK * BLOCK
        return True

    def _save(self) -> None:
        """Raises OSError. One mark is enough: with it the lease on disk is an old one, which nobody uses."""
        self._serial += 1
        lease = {"key": fingerprint(self._key), "blocks": self._blocks, "serial": self._serial}
        trouble: OSError | None = None
        try:
            _write(self.folder / "lease.json", json.dumps(lease).encode())
        except OSError as error:
            trouble = error
        marked = 0
        for mark in self.marks:  # after the lease: a crash in between leaves it behind, which is no alarm
            try:
                in_time(mark, partial(_mark, mark, self._serial))  # a disk that hangs keeps no code back
                marked += 1
            except OSError as error:
                log.warning("%s can't be written: %s", mark, error.strerror)
        if trouble is not None:
            if not marked:
                raise trouble
            log.error("%s takes nothing (%s): its codes are used up by the marks alone", self.folder, trouble)

    def _marked(self) -> int:
        """How many times the lease was written, as the marks tell."""
        found = [0]
        for mark in self.marks:
            with suppress(OSError, ValueError):
                found.append(int(in_time(mark, mark.read_bytes)))
        return max(found)

    def _recall(self) -> None:
        try:
            key = (self.folder / "key").read_bytes()
            lease = json.loads((self.folder / "lease.json").read_bytes())
            if lease["key"] == fingerprint(key):
                self._key, self._blocks = key, [(int(a), int(b)) for a, b in lease["blocks"]]
                self._serial = int(lease.get("serial", 0))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            # What was leased is given up, which costs two blocks; the database leases none of them again.
            log.error("the lease in %s is unreadable (%r); leasing new tracking codes", self.folder, error)
        if (marked := self._marked()) > self._serial:
            if self._blocks:
                log.error(
                    "%s was set back, or could not be written: its tracking codes are not used; "
                    "new ones are leased",
                    self.folder,
                )
                set_back.note(
                    self.marks, self.folder, "a mark outside it is ahead: set back, or it took nothing"
                )
            self._blocks, self._serial = [], marked
        self._recalled = list(self._blocks)


async def desk_code(connection: AsyncConnection) -> str:
    """A code for a case that opens while the database is there."""
    number = await code_blocks.next_desk_number(connection)
    return code_for(number, await code_blocks.tracking_key(connection))


def _mark(mark: Path, serial: int) -> None:
    if not mark.parent.is_symlink():  # one that leads to nothing: that disk is not mounted
        mark.parent.mkdir(parents=True, exist_ok=True)
    _write(mark, str(serial).encode())


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole, flushed, readable by its owner only."""
    scratch = path.with_suffix(".new")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    scratch.replace(path)
    sync(path.parent)
