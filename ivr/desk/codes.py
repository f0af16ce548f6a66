"""Tracking codes while PostgreSQL is away: blocks of sequence numbers leased ahead and kept on local disk.

The pointer on disk always stands *behind* the numbers in use, a chunk at a time, so that a crash wastes part
of a chunk and never gives a number twice. The key of the codes is cached beside it, for this process's user
only.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import socket
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.code import code_for
from ivr.store import code_blocks
from ivr.store.engine import AWAY

log = logging.getLogger(__name__)

CHUNK = 200  # numbers reserved with one flush
AHEAD = 2  # whole blocks kept in hand


class CodesError(Exception):
    """The lease can't be used or kept."""


@dataclass(slots=True)
class CodeBlock:
    """The codes of one process; `folder` is its own. `open` first; `lease` whenever the database is there."""

    folder: Path
    _key: bytes = b""
    _next: int = 0  # in memory: the next number …
    _reserved: int = 0  # … of those below this, which the disk counts as used
    _blocks: list[tuple[int, int]] = field(default_factory=list)  # on disk: [from, below) not yet reserved
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _lock_fd: int = -1

    def open(self) -> None:
        """Lock the folder and recall what was leased. Raises CodesError when another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_fd)
            raise CodesError(f"{self.folder} is in use by another process") from None
        self._recall()

    def close(self) -> None:
        os.close(self._lock_fd)

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
            if self._next >= self._reserved and not await asyncio.to_thread(self._reserve):
                return ""
            number, self._next = self._next, self._next + 1
        return code_for(number, self._key)

    async def lease(self, engine: AsyncEngine) -> None:
        """Fill up to AHEAD whole blocks. Raises what `ivr.store.engine.AWAY` names when it can't."""
        async with engine.connect() as connection:
            key = await code_blocks.tracking_key(connection)
            if key != self._key:
                await self._adopt(key)
            while self.left < AHEAD * code_blocks.BLOCK:
                first = await code_blocks.lease(connection, f"{socket.gethostname()}:{self.folder}")
                await connection.commit()
                async with self._lock:
                    self._blocks.append((first, first + code_blocks.BLOCK))
                    await asyncio.to_thread(self._save)

    async def keep_leased(self, engine: AsyncEngine, seconds: float = 5.0) -> None:
        """For ever: lease whenever there are too few, try again when the database is away."""
        while True:
            if self.wants_lease:
                try:
                    await self.lease(engine)
                except AWAY as error:
                    log.warning("no new tracking codes leased, %d left: %s", self.left, error)
            await asyncio.sleep(seconds)

    async def _adopt(self, key: bytes) -> None:
        """Another key means another database: its blocks are not ours."""
        async with self._lock:
            if self._key:
                log.warning("the database has another code key; forgetting the codes leased from the old one")
            self._key, self._blocks, self._next, self._reserved = key, [], 0, 0
            await asyncio.to_thread(_write, self.folder / "key", key)

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
        return True

    def _save(self) -> None:
        lease = {"key": _fingerprint(self._key), "blocks": self._blocks}
        _write(self.folder / "lease.json", json.dumps(lease).encode())

    def _recall(self) -> None:
        try:
            key = (self.folder / "key").read_bytes()
            lease = json.loads((self.folder / "lease.json").read_bytes())
            if lease["key"] == _fingerprint(key):
                self._key, self._blocks = key, [(int(a), int(b)) for a, b in lease["blocks"]]
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            log.error("%s is unreadable; leasing new tracking codes", self.folder / "lease.json")


async def desk_code(connection: AsyncConnection) -> str:
    """A code for a case that opens while the database is there."""
    number = await code_blocks.next_desk_number(connection)
    return code_for(number, await code_blocks.tracking_key(connection))


def _fingerprint(key: bytes) -> str:
    return blake2b(key, digest_size=8).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole, flushed, readable by its owner only."""
    scratch = path.with_suffix(".new")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    scratch.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
