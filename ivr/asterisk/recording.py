"""The caller's words as a file: where it lies, how it ended, what it holds."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from ivr.asterisk.agi import Reply
from ivr.asterisk.connection import LOST
from ivr.voice.events import Ended, Recorded
from ivr.voice.riff import with_header
from ivr.voice.wave import HEADER_BYTES, measure

log = logging.getLogger(__name__)

FORMAT = "wav"
NO_FILE = ("randomerror", "writefile")  # RECORD FILE ended before it made one
NOTHING = Recorded("", 0.0, 0.0, Ended.FAILED)
FLUSH_SECONDS = 10.0  # as long as the journal is waited for
# What a disk refused to flush is written no more: the kernel takes it for written (fsync(2)). So it is
# written anew; after that long the disk is no better for it.
ANEW_SECONDS, ANEW_TRIES = 1.0, 60
_THREADS = ThreadPoolExecutor(32, "recordings")
# Flushes that hang, and what is written anew: nobody else holds them.
_unfinished: set[asyncio.Future[None]] = set()
# RECORD FILE does not tell that its disk refused a part, and its position may be the file's all the same.
# Only the disk can say that it did; then the clock tells whether anything is missing. Neither the clock nor
# the file's length means anything alone: telephones send nothing in silence, fingers are slow, packets odd.
SETTLING, SETTLING_SECONDS = 20, 0.25  # how often it is looked whether a file still grows
GROWS_SECONDS = 2.5  # between two looks at one whose end nobody told us: Asterisk writes every two seconds
THERE_SECONDS = 2.0  # that she hears nothing, until what its disk does not find is not there
SHORT_SECONDS = 0.75  # a whole file that # ended lacks 0.65 s by the clock: the beep, the key
MOST_SAMPLES = 1 << 21  # that a reply is believed: four minutes; whoever answers may say what they like


class Disks(Protocol):
    """Where there is room for recordings."""

    def where(self, seconds: float) -> list[str]:
        """What names of recordings begin with on disks that take so many seconds more, the best first."""

    def hold(self, name: str, seconds: float) -> None:
        """Keep room for that recording."""

    def holds(self, name: str) -> bool:
        """Whether there still is room for it."""

    def release(self, name: str, ended: bool = True) -> None:
        """It needs none any more; unless `ended`, Asterisk may still be writing to it."""

    def flush(self, name: str, fd: int) -> None:
        """Put that recording, open as `fd`, on its disk. Not for the event loop. Raises OSError."""

    def write_anew(self, name: str, content: bytes) -> bool:
        """Put it on the disk in another file of that name; False: that file is no longer ours to write.

        Asks the disk. Raises OSError.
        """

    def threads(self, name: str) -> Executor:
        """Of its disk alone: one that is slow, or hangs, must not use up those that others share."""

    def refused(self, name: str) -> None:
        """That recording could not be made."""

    def was_sick(self, name: str, seconds: float, ended: float) -> bool:
        """Whether its disk refused what that recording wanted, or slept, in the last so many seconds.

        `ended`: so many seconds ago. Asks the disk, so not for the event loop.
        """


class Anywhere:
    """One disk that always has room."""

    def where(self, seconds: float) -> list[str]:
        return [""]

    def hold(self, name: str, seconds: float) -> None:
        pass

    def holds(self, name: str) -> bool:
        return True

    def release(self, name: str, ended: bool = True) -> None:
        pass

    def flush(self, name: str, fd: int) -> None:
        pass

    def write_anew(self, name: str, content: bytes) -> bool:
        return True

    def threads(self, name: str) -> Executor:
        return _THREADS

    def refused(self, name: str) -> None:
        pass

    def was_sick(self, name: str, seconds: float, ended: float) -> bool:
        return False


ANYWHERE = Anywhere()


def by_chance() -> str:
    """What a recording's name ends with; nobody can guess it."""
    return secrets.token_hex(16)


def new_name(recordings: Path, day: date, volume: str = "", new_stem: Callable[[], str] = by_chance) -> str:
    """A name in the day's folder: `2026/11/25/3f…`, without extension.

    Makes the folder, which RECORD FILE doesn't. `volume` is one of `Room.where`; `new_stem` gives the last
    part. Raises OSError.
    """
    folder = f"{volume}{day.year}/{day.month:02}/{day.day:02}"
    _make(str(recordings), folder)
    return f"{folder}/{new_stem()}"


@lru_cache(maxsize=8)
def _make(recordings: str, folder: str) -> None:
    place = Path(recordings, folder)
    if not place.is_dir():  # a disk that hangs also hangs in making what is there already
        place.mkdir(parents=True, exist_ok=True)


def how_it_ended(reply: Reply) -> Ended:
    """What RECORD FILE's reply says.

    Silence and the maximum length both come as `(timeout)`. The result then is what ast_waitfor left of the
    maximum, in milliseconds (res_agi.c, handle_recordfile): next to nothing when all of it was used.
    """
    match reply.value:
        case "dtmf":
            return Ended.HASH
        case "timeout":
            return Ended.SILENCE if reply.result.isdigit() and int(reply.result[:9]) >= 500 else Ended.LIMIT
        case "hangup" | "waitfor":
            return Ended.HANGUP
        case _ if reply is LOST:  # Asterisk died, or cut us off
            return Ended.BROKEN
        case _:  # Asterisk couldn't: then there is no file
            return Ended.HANGUP if reply.dead else Ended.FAILED


async def examine(
    recordings: Path,
    name: str,
    reply: Reply,
    lasted: float = 0.0,
    room: Disks = ANYWHERE,
    ended: float = 0.0,
) -> Recorded:
    """Read and flush, in a thread, the file that `reply` ended. `NOTHING` when there is none.

    `lasted`: how many seconds it should hold; `ended`: how many ago it did. `NOTHING` also of one that
    Asterisk goes on with after we lost it: the reconciler takes it in whole.
    """
    if reply.value in NO_FILE:
        log.error("Asterisk did not record: %s", reply)
        if reply.value == "writefile":
            _make.cache_clear()  # the folder may be gone
        return NOTHING
    if reply is LOST and await grows(recordings, name, room):
        return NOTHING
    file, began = f"{recordings}/{name}.{FORMAT}", time.monotonic()
    try:
        found, flushed = await _read_and_flushed(file, name, reply, room)
    except OSError as error:
        log.error("there is no recording: %s (Asterisk says %s)", error, reply)
        _make.cache_clear()
        return NOTHING
    if not flushed:
        room.refused(name)
        return replace(found, ended=Ended.CUT)
    missing, ended = lasted - found.seconds, ended + time.monotonic() - began
    if missing > SHORT_SECONDS and await _was_sick(room, name, lasted + SHORT_SECONDS + ended, ended):
        log.error("recording %s lacks %.1f s, which its disk refused", name, missing)
        return replace(found, ended=Ended.CUT)
    return found


async def _was_sick(room: Disks, name: str, seconds: float, ended: float) -> bool:
    asking = room.threads(name).submit(room.was_sick, name, seconds, ended)
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            return await asyncio.wrap_future(asking)
    except TimeoutError:  # it hangs again
        return True


async def settled(recordings: Path, name: str, lasted: float, room: Disks = ANYWHERE) -> Recorded:
    """A file that Asterisk ends by itself, once it grows no more: `NOTHING` when there is none."""
    file, began = recordings / f"{name}.{FORMAT}", time.monotonic()
    size: int | None = None
    with suppress(TimeoutError):  # a disk that hangs; `examine` is told so, too
        async with asyncio.timeout(FLUSH_SECONDS):
            for _ in range(SETTLING):
                await asyncio.sleep(SETTLING_SECONDS)
                before, size = size, await _size_of(file, name, room)
                if size == before and size >= 0:
                    break
    reply, lasted = Reply(200, "0", "hangup"), 0.0 if size == -1 else lasted
    return await examine(recordings, name, reply, lasted, room, time.monotonic() - began)


async def grows(recordings: Path, name: str, room: Disks = ANYWHERE) -> bool:
    """Whether Asterisk still writes to it: what it holds now is not what it will hold."""
    file = recordings / f"{name}.{FORMAT}"
    with suppress(TimeoutError):  # a disk that hangs; whoever reads the file is told so, too
        async with asyncio.timeout(FLUSH_SECONDS):
            before = await _size_of(file, name, room)
            if before >= 0:
                await asyncio.sleep(GROWS_SECONDS)
                if await _size_of(file, name, room) > before:
                    log.warning("recording %s goes on without us: it is taken in once it is over", name)
                    return True
    return False


async def is_there(recordings: Path, name: str, room: Disks = ANYWHERE) -> bool:
    """Whether Asterisk can play it now."""
    with suppress(TimeoutError):  # a disk that hangs
        async with asyncio.timeout(THERE_SECONDS):
            return await _size_of(recordings / f"{name}.{FORMAT}", name, room) > HEADER_BYTES
    return False


async def _size_of(file: Path, name: str, room: Disks) -> int:
    return await asyncio.wrap_future(room.threads(name).submit(_size, file))


def _size(file: Path) -> int:
    """-1 where there is none."""
    try:
        return file.stat().st_size
    except OSError:
        return -1


async def _read_and_flushed(file: str, name: str, reply: Reply, room: Disks) -> tuple[Recorded, bool]:
    """What it holds, and whether it is on the disk: she is told nothing before. Raises OSError: no such file.

    Both by one thread. A slow disk is waited for, one on which the flush hangs is not.
    """
    read: list[Recorded] = []
    refused: list[bytes] = []

    def work() -> None:
        fd = os.open(file, os.O_RDONLY)
        try:
            stored = _content(fd, reply)
            content = with_header(stored)
            read.append(_examine(content, name, reply))
            try:
                if content is stored:
                    room.flush(name, fd)
                else:  # else no browser plays it
                    room.write_anew(name, content)
            except OSError:
                refused.append(content)
                raise
        finally:
            os.close(fd)

    queued = room.threads(name).submit(work)
    working = asyncio.wrap_future(queued)
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await asyncio.shield(working)
    except OSError as error:  # or its child TimeoutError, which says nothing
        if queued.cancel():  # all threads of that disk sleep in flushes; it can be read all the same
            stored = await asyncio.get_running_loop().run_in_executor(_THREADS, Path(file).read_bytes)
            content = with_header(stored)
            read.append(_examine(content, name, reply))
            refused.append(content)  # that is, nobody flushes it
        elif not read:
            await working
        log.error("recording %s may not be on its disk: %s", name, str(error) or "its flush hangs")

        def ended(flush: asyncio.Future[None]) -> None:
            if (flush.cancelled() or flush.exception()) and refused:
                _finish(asyncio.create_task(_write_anew(name, refused[0], room)))

        working.add_done_callback(ended)
        _finish(working)
        return read[0], False
    return read[0], True


async def written_anew(seconds: float) -> None:
    """What disks refused, or hang over, is on them, or so many seconds are over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while _unfinished:
                await asyncio.wait(_unfinished)


def _finish(one: asyncio.Future[None]) -> None:
    _unfinished.add(one)
    one.add_done_callback(_unfinished.discard)


async def _write_anew(name: str, content: bytes, room: Disks) -> None:
    for _ in range(ANEW_TRIES):
        await asyncio.sleep(ANEW_SECONDS)
        with suppress(OSError, RuntimeError):  # the latter: we are closed
            if await asyncio.wrap_future(room.threads(name).submit(room.write_anew, name, content)):
                log.info("recording %s is on its disk after all", name)
            return


def _content(fd: int, reply: Reply) -> bytes:
    """By few questions to the disk: after each a thread waits for its turn in the interpreter.

    Most files are as long as `reply` says; one that is longer or shorter is asked for the rest.
    """
    expected = HEADER_BYTES + 2 * min(reply.endpos or 0, MOST_SAMPLES)
    content = os.read(fd, expected + 1)
    while more := len(content) != expected and os.read(fd, 1 << 20):
        content += more
    return content


def _examine(content: bytes, name: str, reply: Reply) -> Recorded:
    found = measure(content)
    ended = how_it_ended(reply)
    if reply.endpos is not None and found.samples != reply.endpos:
        log.warning("recording %s holds %d samples, Asterisk says %d", name, found.samples, reply.endpos)
    return Recorded(
        name=name,
        seconds=found.seconds,
        voiced_seconds=found.voiced_seconds,
        # The file is there, so what is in it was said.
        ended=Ended.HANGUP if ended is Ended.FAILED else ended,
        sha256=found.sha256,
        size=found.size,
    )
