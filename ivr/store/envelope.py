"""A file in an envelope: nobody without the key reads it, any part of it is read without the rest.

The head is two slots of a page, each whole by itself: which key of the key file opens the file's own one. The
same stands in both; they are changed one after the other, so a power cut leaves one. Then come pieces of
64 KiB, each AES-256-GCM under the file's own key, which is made for it and never used again. A piece's nonce
is its number and whether it is the last one: none can be left out, moved or cut off.

Asks the disk: not for the event loop.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.store.flushing import flushed, replacing
from ivr.store.key_file import KEY_BYTES, NONCE_BYTES, KeyFile

MARK = b"seda111 envelope 1 "
SLOT_BYTES = 4096
HEAD_BYTES = 2 * SLOT_BYTES
PIECE_BYTES, TAG_BYTES = 64 * 1024, 16
_BODY = PIECE_BYTES + TAG_BYTES


class Unopened(Exception):
    """An envelope that can't be opened; one sentence. What is in it is not lost by that."""


class KeyMissing(Unopened):
    """The key that opens it is not in the key file."""


class Damaged(Unopened):
    """Its bytes are not those that were written."""


def size_outside(size: int) -> int:
    """Of an envelope around so many bytes."""
    return HEAD_BYTES + size + max(1, -(-size // PIECE_BYTES)) * TAG_BYTES


def size_inside(size: int) -> int:
    """Of what is in an envelope of so many bytes; 0 for one that is cut off in its head."""
    body = max(0, size - HEAD_BYTES)
    return max(0, body - -(-body // _BODY) * TAG_BYTES)


def enclose(source: IO[bytes], target: Path, keys: KeyFile, mtime: float = 0.0) -> str:
    """Write what is left of `source` there, on the disk before the name is.

    The SHA-256 of what it holds, in hex: of what was read back and opened. `mtime`: the file's time; 0 = now.
    Raises OSError, and Unopened when it is not what was written.
    """
    with replacing(target, mtime) as half:
        with flushed(half) as out:
            given = write(source, out, keys)
        with opened(half, keys) as file:
            kept = hashlib.file_digest(file, "sha256").hexdigest()
        if kept != given:
            raise Damaged(f"{half} is not what was written to it")
    return kept


def opened(path: Path, keys: KeyFile) -> io.BufferedReader:
    """What is in it, to be read and sought like any file.

    Raises OSError, KeyMissing and Damaged; so does reading.
    """
    file = path.open("rb", buffering=0)
    try:
        own = _own_key(path, file.read(HEAD_BYTES), keys)
        return io.BufferedReader(_Inside(path, file, own), PIECE_BYTES)
    except BaseException:
        file.close()
        raise


def rewrap(path: Path, keys: KeyFile) -> bool:
    """Let the newest key open it, and no other; what is in it stays. Whether there was anything to do.

    Raises OSError, KeyMissing and Damaged. Cut off anywhere it still is opened by the one or the other.
    """
    with path.open("r+b", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        own = _own_key(path, head, keys)
        if all(slot and slot["key"] == keys.newest for slot in _each_slot(head)):
            return False
        new = _slot(keys.newest, own, keys.current())
        whole = [bool(slot) for slot in _each_slot(head)]
        for place in sorted((0, 1), key=lambda each: whole[each]):  # a torn one first
            os.pwrite(file.fileno(), new, place * SLOT_BYTES)
            os.fsync(file.fileno())
    return True


class _Inside(io.RawIOBase):
    def __init__(self, path: Path, file: io.FileIO, own: bytes) -> None:
        self._path, self._file = path, file
        self._own = AESGCM(own)
        outside = os.fstat(file.fileno()).st_size
        self._last = max(0, -(-(outside - HEAD_BYTES) // _BODY) - 1)
        self.size = size_inside(outside)
        self._at, self._number, self._piece = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self._at, PIECE_BYTES)
        if self._at >= self.size and number != self._last:
            number = self._last  # its end is proved, too
        if number != self._number:
            self._piece, self._number = self._read(number), number
        piece = self._piece[start : start + len(buffer)] if self._at < self.size else b""
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, number: int) -> bytes:
        sealed = os.pread(self._file.fileno(), _BODY, HEAD_BYTES + number * _BODY)
        try:
            return self._own.decrypt(_nonce(number, last=number == self._last), sealed, MARK)
        except (InvalidTag, ValueError):
            raise Damaged(f"{self._path} is not as it was written, from {number * PIECE_BYTES} on") from None


def write(source: IO[bytes], out: IO[bytes], keys: KeyFile) -> str:
    """What is left of `source`, in an envelope. Its SHA-256 in hex. Raises KeyMissing without a key."""
    name, secret = keys.newest, secrets.token_bytes(KEY_BYTES)
    if not name:
        raise KeyMissing(f"there is no key in {keys.path}")
    own, given = AESGCM(secret), hashlib.sha256()
    out.write(_slot(name, secret, keys.current()) * 2)
    number, piece = 0, _full(source)
    while True:
        following = _full(source) if len(piece) == PIECE_BYTES else b""
        given.update(piece)
        out.write(own.encrypt(_nonce(number, last=not following), piece, MARK))
        if not following:
            return given.hexdigest()
        number, piece = number + 1, following


def _full(source: IO[bytes]) -> bytes:
    """A whole piece, or what is left."""
    found = b""
    while len(found) < PIECE_BYTES and (more := source.read(PIECE_BYTES - len(found))):
        found += more
    return found


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + bytes([last])


# The head


def _slot(name: str, own: bytes, keys: Mapping[str, AESGCM]) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    wrapped = base64.b64encode(nonce + keys[name].encrypt(nonce, own, MARK)).decode()
    told = json.dumps({"key": name, "wrapped": wrapped}).encode()
    return (MARK + hashlib.sha256(told).hexdigest().encode() + b" " + told + b"\n").ljust(SLOT_BYTES, b"\0")


def _each_slot(head: bytes) -> list[dict[str, str]]:
    """Both, in their order; empty for one that is not whole."""
    return [_read_slot(head[start : start + SLOT_BYTES]) for start in (0, SLOT_BYTES)]


def _read_slot(slot: bytes) -> dict[str, str]:
    hashed, _, told = slot.removeprefix(MARK).rstrip(b"\0").rstrip(b"\n").partition(b" ")
    if not slot.startswith(MARK) or hashlib.sha256(told).hexdigest().encode() != hashed:
        return {}
    found: dict[str, str] = json.loads(told)
    return found


def _slots(path: Path, head: bytes) -> list[dict[str, str]]:
    whole = [slot for slot in _each_slot(head) if slot]
    if not whole:
        raise Damaged(f"{path} is no envelope, or its head was destroyed")
    return whole


def _own_key(path: Path, head: bytes, keys: KeyFile) -> bytes:
    there, slots = keys.current(), _slots(path, head)
    for slot in slots:
        if (key := there.get(slot["key"])) is not None:
            wrapped = base64.b64decode(slot["wrapped"])
            try:
                return key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], MARK)
            except InvalidTag:
                continue
    names = ", ".join(sorted({slot["key"] for slot in slots} - set(there)))
    if not names:
        raise Damaged(f"the head of {path} was changed: its key does not open it")
    raise KeyMissing(f"{path} is closed with the key {names}, which is not in {keys.path}")
