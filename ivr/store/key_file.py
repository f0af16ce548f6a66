"""Keys that lie in a file outside the database and outside backups.

One a line, the newest first: a name and 32 bytes in base64. AES-256-GCM.
"""

from __future__ import annotations

import base64
import errno
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.store.flushing import draft, put, sync

KEY_BYTES, NONCE_BYTES = 32, 12


class KeyFile:
    """The keys of `path`, read again when the file changes; none without a file."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._read_at = (0, 0)
        self._keys: dict[str, AESGCM] = {}

    def __bool__(self) -> bool:
        return bool(self.current())

    @property
    def newest(self) -> str:
        """Its name; "" when there is none."""
        return next(iter(self.current()), "")

    def current(self) -> Mapping[str, AESGCM]:
        """By name, the newest first. Raises OSError for a file that can't be read."""
        if self.path is None:
            return {}
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return {}
        if (found.st_ino, found.st_mtime_ns) != self._read_at:
            try:
                text = self.path.read_bytes().decode("ascii")
                self._keys = {name: AESGCM(base64.b64decode(key)) for name, key in split(text).items()}
            except ValueError:
                raise OSError(errno.EINVAL, "a line of it is no key", str(self.path)) from None
            except OSError as error:  # a read's own names no file, which would be taken for the recording's
                raise OSError(error.errno, error.strerror, str(self.path)) from None
            self._read_at = (found.st_ino, found.st_mtime_ns)
        return self._keys


def split(text: str) -> dict[str, str]:
    """Of such a file: key by name, as they are written."""
    parts = (line.partition(" ") for line in text.splitlines())
    return {name: key.strip() for name, _, key in parts if key.strip()}


def make(path: Path) -> None:
    """A first key, unless there is one: of several who start at once the first one's is everybody's."""
    if path.is_file():
        return
    first = draft(path, _line().encode())
    with suppress(FileExistsError):
        os.link(first, path)
    first.unlink()
    sync(path.parent)


def add(path: Path) -> None:
    """A new key before the others."""
    make(path)
    put(path, _line().encode() + path.read_bytes())


def keep_newest(path: Path) -> None:
    """The others are forgotten."""
    put(path, path.read_bytes().splitlines(keepends=True)[0])


def _line() -> str:
    return f"k{secrets.token_hex(4)} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
