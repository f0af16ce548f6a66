"""Seeds of second factors, sealed with a key that is not in the database: a copy of it signs nobody in.

AES-256-GCM, bound to the person, so that one row's seed is none in another's. The file holds keys, the newest
first, a name and 32 bytes in base64 a line; it is in no backup.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.desk.refusals import Refused

KEY_BYTES, NONCE_BYTES = 32, 12


class SeedUnreadable(Refused):
    """No key in the file opens it."""


class SeedKeys:
    """The keys of `path`, read again when the file changes. Without a file seeds stay as they are."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._read_at = 0
        self._keys: dict[str, AESGCM] = {}

    def __bool__(self) -> bool:
        return bool(self._current())

    def seal(self, seed: str, person: UUID) -> str:
        """As it may be kept."""
        keys = self._current()
        if not keys or not seed:
            return seed
        name, key = next(iter(keys.items()))
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + key.encrypt(nonce, seed.encode(), person.bytes)
        return f"{name}:{base64.b64encode(sealed).decode()}"

    def open(self, kept: str, person: UUID) -> str:
        """The seed. Raises SeedUnreadable."""
        name, sealed, rest = kept.partition(":")
        if not sealed:
            return kept
        key, data = self._current().get(name), base64.b64decode(rest)
        if key is not None:
            with suppress(InvalidTag):
                return key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], person.bytes).decode()
        raise SeedUnreadable(f"no key {name} in {self.path} opens this second factor")

    def is_current(self, kept: str) -> bool:
        """Whether it is sealed with the newest key; always so without keys."""
        newest = next(iter(self._current()), "")
        return not newest or not kept or kept.startswith(f"{newest}:")

    def _current(self) -> dict[str, AESGCM]:
        if self.path is None:
            return {}
        try:
            changed = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if changed != self._read_at:
            self._keys = dict(_keys(self.path.read_text(encoding="ascii")))
            self._read_at = changed
        return self._keys


def _keys(text: str) -> Iterator[tuple[str, AESGCM]]:
    for line in text.splitlines():
        name, _, key = line.partition(" ")
        if key:
            yield name, AESGCM(base64.b64decode(key))


def make(path: Path) -> None:
    """A first key, unless there is one: of several who start at once the first one's is everybody's."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _written(path, _line())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def add(path: Path) -> None:
    """A new key before the others."""
    make(path)
    _written(path, _line() + path.read_text(encoding="ascii")).replace(path)


def keep_newest(path: Path) -> None:
    """The others are forgotten."""
    newest = path.read_text(encoding="ascii").splitlines(keepends=True)[0]
    _written(path, newest).replace(path)


def _line() -> str:
    return f"k{secrets.token_hex(4)} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"


def _written(path: Path, text: str) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
