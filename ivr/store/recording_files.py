"""Where a recording's bytes are: as Asterisk wrote them, packed, or in an envelope. Read here alone.

Two of these may lie there for a moment, and never none: whoever makes the next one removes the last one when
that is whole. In an envelope lies either of the others. Whoever reads gets what was recorded, whatever it
lies in. The keys lie in `keys/recordings` beside the folder of recordings, or it has none. Asks the disk: not
for the event loop.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BufferedReader
from pathlib import Path

from ivr.store import envelope, flac
from ivr.store.envelope import Damaged
from ivr.store.flushing import HALF
from ivr.store.key_file import KeyFile
from ivr.voice.wave import was_closed, with_lengths

PLAIN, PACKED, CLOSED = ".wav", ".flac", ".sealed"
_MEMORY = Path("/dev/shm")


@cache
def keys_beside(folder: Path) -> KeyFile:
    """Of a folder of IVR_STATE: the recordings', or of what was worked out of them."""
    return KeyFile(folder.parent / "keys" / "recordings")


def plain(folder: Path, name: str) -> Path:
    """As Asterisk writes it."""
    return folder / f"{name}{PLAIN}"


def packed(folder: Path, name: str) -> Path:
    """The same in half the room."""
    return folder / f"{name}{PACKED}"


def closed(folder: Path, name: str) -> Path:
    """Its envelope."""
    return folder / f"{name}{CLOSED}"


def where(folder: Path, name: str) -> Path | None:
    """The file that holds it now; None when there is none."""
    return next((path for path in _places(folder, name) if path.is_file()), None)


def opened(folder: Path, name: str) -> BufferedReader:
    """To be read and sought. Raises FileNotFoundError, other OSError, and Unopened."""
    for path in _places(folder, name):
        try:
            return opened_at(path, folder)
        except FileNotFoundError as error:
            missing = error
    raise missing


def opened_at(path: Path, folder: Path) -> BufferedReader:
    """The same, of one file of that folder."""
    return as_recorded(
        envelope.opened(path, keys_beside(folder)) if path.suffix == CLOSED else path.open("rb"), path
    )


def as_recorded(file: BufferedReader, path: Path) -> BufferedReader:
    """What is packed is unpacked in memory: a minute takes some milliseconds."""
    try:
        if file.peek(len(flac.MARK))[: len(flac.MARK)] != flac.MARK:
            return file
        content = flac.unpacked(file.read())
    except BaseException as error:
        file.close()
        if isinstance(error, flac.NotFlac):
            raise Damaged(f"{path} is not as it was written: {error}") from None
        raise
    file.close()
    return io.BufferedReader(io.BytesIO(content))


def read(folder: Path, name: str) -> bytes:
    """All of it. Raises what `opened` does."""
    with opened(folder, name) as file:
        return file.read()


def digest(folder: Path, name: str) -> bytes | None:
    """SHA-256 of what was recorded; None when there is no such recording. Raises OSError and Unopened."""
    try:
        with opened(folder, name) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return None


def digest_at(path: Path, folder: Path) -> str:
    """The same in hex, of one file of that folder. Raises FileNotFoundError, other OSError, and Unopened."""
    with opened_at(path, folder) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lent(folder: Path, name: str) -> Iterator[Path]:
    """A WAV for a program that wants one: itself, or a copy in memory for as long as this lasts.

    A copy, too, where its writer did not live to tell its lengths: programs hear nothing of that. It has a
    name alone in a folder, and ends with this process, however that ends. Raises what `opened` does.
    """
    content = read(folder, name)
    whole = was_closed(content)
    if whole and (path := plain(folder, name)).is_file():
        yield path
        return
    place = _MEMORY if _MEMORY.is_dir() else None
    copy = os.fdopen(os.memfd_create("words"), "wb")
    with copy, tempfile.TemporaryDirectory(prefix="seda111-", dir=place) as names:
        copy.write(content if whole else with_lengths(content))
        copy.flush()
        path = Path(names, f"words{PLAIN}")
        path.symlink_to(f"/proc/{os.getpid()}/fd/{copy.fileno()}")
        yield path


def forget(folder: Path, name: str) -> None:
    """No matter which of them are there. Raises OSError."""
    its = closed(folder, name)
    forget_open(folder, name)
    its.unlink(missing_ok=True)
    its.with_name(its.name + HALF).unlink(missing_ok=True)


def forget_open(folder: Path, name: str) -> None:
    """All but its envelope. Raises OSError."""
    forget_plain(folder, name)
    its = packed(folder, name)
    its.unlink(missing_ok=True)
    its.with_name(its.name + HALF).unlink(missing_ok=True)


def forget_plain(folder: Path, name: str) -> None:
    """What a link on the first volume points to on the second, too. Raises OSError."""
    path = plain(folder, name)
    for its in (path, path.with_name(path.name + HALF)):
        its.resolve().unlink(missing_ok=True)
        its.unlink(missing_ok=True)


def _places(folder: Path, name: str) -> tuple[Path, ...]:
    """The plain one twice: it may be packed, closed, or opened, while we look."""
    path = plain(folder, name)
    return (path, packed(folder, name), closed(folder, name), path)


def new_stem(call: str) -> str:
    """32 hex digits for the file of a call's words: nobody can guess them or tell the call from them.

    Whoever knows the call can tell that they are its own (`is_of`), so that a process that dies before it
    could write that down loses no more than that.
    """
    chance = secrets.token_hex(8)
    return chance + _tag(chance, call)


def is_of(name: str, call: str) -> bool:
    """Whether a recording was named for that call."""
    stem = name.rpartition("/")[2]
    return len(stem) == 32 and stem[16:] == _tag(stem[:16], call)


def _tag(chance: str, call: str) -> str:
    return hashlib.sha256(f"{chance}:{call}".encode()).hexdigest()[:16]


def is_one(name: str) -> bool:
    """Whether a file of that name is a recording."""
    return name.endswith((PLAIN, PACKED, CLOSED))


def stem(name: str) -> str:
    """Of a file, what the books call it."""
    return os.path.splitext(name)[0]  # noqa: PTH122  a name and no path
