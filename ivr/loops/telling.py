"""What a process tells of itself to those beside it, over a Unix socket that only our own user reaches.

Strangers speak to the process with the web side alone, so that one tells of all: how the calls are doing at
`/readyz`, `/metrics` and on the live board. The question is one word, the answer JSON, and then it is over.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ivr.settings import DUTIES, Duty, Settings
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.journal.bell import reachable

log = logging.getLogger(__name__)

ALIVE, READY, GAUGES, CALLS = "alive", "ready", "gauges", "calls"
JOURNAL = "journal"  # which one it writes
ANSWER_SECONDS = 3.5  # a little more than a check may take
AGAIN_SECONDS = 1.0  # until a disk that refused our name is asked again
_LONGEST_WORD = 32
_last_read: dict[Path, list[str]] = {}  # who was there, by folder

Sayings = Mapping[str, Callable[[], Awaitable[Any]]]


def telling_place(settings: Settings) -> Path:
    """Where the processes of one state can be asked."""
    return settings.state_path / "run" / "tell"


def name_of(duties: Iterable[Duty], pid: int | None = None) -> str:
    """How such a process is called there, and what the log calls it."""
    return f"{'+'.join(sorted(duties))}-{pid or os.getpid()}"


def duties_of(name: str) -> frozenset[str]:
    """What a process of that name does. One of older code has a name that does not say, and does all."""
    said = name.rpartition("-")[0]
    return frozenset(said.split("+") if said else DUTIES)


class Telling:
    """While open, this process answers. `sayings`: what it tells, by the word that asks for it."""

    def __init__(self, folder: Path, name: str, sayings: Sayings) -> None:
        self._folder, self._name, self._sayings = folder, name, sayings
        self._server: asyncio.Server | None = None
        self._later: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Never fails: on a full disk calls are carried all the same; who asks is told once it has room."""
        if error := await self._listen():
            log.error("nobody can ask how this process is for now: %s: %s", self._folder, error.strerror)
            self._later = asyncio.create_task(self._keep_trying())

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            try:
                if not await self._listen():
                    return
            except Exception:
                log.exception("nobody can ask how this process is yet; tried again")

    async def _listen(self) -> OSError | None:
        """What is in the way. Under its name only once it listens: one that refuses is a dead process's."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        new = self._folder / f"{self._name}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.chmod(0o700)
            new.unlink(missing_ok=True)
            with reachable(self._folder) as near:
                listener.bind(f"{near}/{new.name}")
            listener.listen(64)
            new.rename(self._folder / self._name)
            self._server = await asyncio.start_unix_server(self._answer, sock=listener)
        except OSError as error:
            listener.close()
            return error
        return None

    def close(self) -> None:
        if self._later is not None:
            self._later.cancel()
        if self._server is not None:
            self._server.close()
            with suppress(OSError):
                (self._folder / self._name).unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                asked = (await reader.read(_LONGEST_WORD)).decode("ascii", "replace")
                told = await self._sayings[asked]() if asked in self._sayings else None
                writer.write(json.dumps(told).encode())
                await writer.drain()
        except (OSError, TimeoutError) as error:
            log.warning("a question could not be answered: %s", str(error) or "it took too long")
        finally:
            writer.close()


async def ask_all(folder: Path, what: str, but: str = "") -> dict[str, Any]:
    """What each tells, by name; None of one that does not answer in time, or has nothing to say."""
    try:
        names = _last_read[folder] = await ask_once(partial(in_time, folder, partial(_names, folder)))
    except OSError:  # a disk that hangs, or shows not all: who was there is asked
        if folder not in _last_read:
            raise
        names = _last_read[folder]
    asked = [name for name in names if name != but]
    answers = await asyncio.gather(*(_ask_aside(folder, name, what) for name in asked))
    return {name: told for name, (there, told) in zip(asked, answers, strict=True) if there}


async def is_alive(folder: Path, name: str) -> bool:
    """Whether its loop turns. Begins no thread: who asks forks."""
    try:
        return bool(await _answer_of(_connected(folder, name), ALIVE))
    except (OSError, ValueError):
        return False


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.suffix) if folder.is_dir() else []


async def _ask_aside(folder: Path, name: str, what: str) -> tuple[bool, Any]:
    """Whether such a process is there, and what it tells. The disk that has its name may hang."""
    try:
        asking = await ask_once(partial(in_time, folder / name, partial(_connected, folder, name)))
        return True, await _answer_of(asking, what)
    except (FileNotFoundError, ConnectionRefusedError):  # it ended, or died and left its name
        return False, None
    except (OSError, ValueError):
        return True, None


def _connected(folder: Path, name: str) -> socket.socket:
    """The name that a dead process left is removed; one that is not there may be there by now."""
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asking.setblocking(False)
    try:
        with reachable(folder) as near:
            asking.connect(f"{near}/{name}")
    except OSError as error:
        asking.close()
        if isinstance(error, ConnectionRefusedError):
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)
        raise
    return asking


async def _answer_of(asking: socket.socket, what: str) -> Any:
    """Raises OSError, TimeoutError (which is one), ValueError."""
    reader, writer = await asyncio.open_connection(sock=asking)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(what.encode())
            return json.loads(await reader.read())
    finally:
        writer.close()
