"""Where a recording's bytes are: as Asterisk wrote them, or in an envelope beside that name. Read here alone.

Both may lie there for a moment, and never none: whoever closes one removes the plain one last. The keys lie
in `keys/recordings` beside the folder of recordings, or it has none. Asks the disk: not for the event loop.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BufferedReader
from pathlib import Path

from ivr.store import envelope
from ivr.store.key_file import KeyFile

PLAIN, CLOSED = ".wav", ".sealed"
_MEMORY = Path("/dev/shm")


@cache
def keys_beside(folder: Path) -> KeyFile:
    """Of a folder of IVR_STATE: the recordings', or of what was worked out of them."""
    return KeyFile(folder.parent / "keys" / "recordings")


def plain(folder: Path, name: str) -> Path:
    """As Asterisk writes it."""
    return folder / f"{name}{PLAIN}"


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
    return envelope.opened(path, keys_beside(folder)) if path.suffix == CLOSED else path.open("rb")


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


@contextmanager
def lent(folder: Path, name: str) -> Iterator[Path]:
    """A plain file for a program that wants one: itself, or a copy in memory for as long as this lasts.

    Raises what `opened` does.
    """
    if (path := plain(folder, name)).is_file():
        yield path
        return
    place = _MEMORY if _MEMORY.is_dir() else None
    with opened(folder, name) as file, tempfile.NamedTemporaryFile(suffix=PLAIN, dir=place) as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        yield Path(copy.name)


def forget(folder: Path, name: str) -> None:
    """No matter which of them are there. Raises OSError."""
    its = closed(folder, name)
    forget_plain(folder, name)
    its.unlink(missing_ok=True)
    its.with_name(its.name + envelope.HALF).unlink(missing_ok=True)


def forget_plain(folder: Path, name: str) -> None:
    """What a link on the first volume points to on the second, too. Raises OSError."""
    path = plain(folder, name)
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _places(folder: Path, name: str) -> tuple[Path, ...]:
    """The plain one twice: it may be closed, or opened, while we look."""
    path = plain(folder, name)
    return (path, closed(folder, name), path)


def is_one(name: str) -> bool:
    """Whether a file of that name is a recording."""
    return name.endswith((PLAIN, CLOSED))


def stem(name: str) -> str:
    """Of a file, what the books call it."""
    return os.path.splitext(name)[0]  # noqa: PTH122  a name and no path
