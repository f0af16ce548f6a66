"""What only the holder of a key opens, in the form of `age` (age-encryption.org).

`age -d` opens it without us. Whoever closes needs the holder's public key alone (age1…, or an SSH one).
Blocking, for a thread.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import pyrage

MARK = b"age-encryption.org/v1\n"
PIECE_BYTES = 64 * 1024


class AgeError(Exception):
    """No such key, or none that opens it. One sentence."""


def recipients(given: Iterable[str]) -> list[Any]:
    """Raises AgeError for what is no public key."""
    return [_recipient(each.strip()) for each in given]


def identities(path: Path) -> list[Any]:
    """Of a file as `age-keygen` writes it, or an SSH key without a passphrase. Raises AgeError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AgeError(f"{path} can't be read: {error.strerror}") from None
    found: list[Any] = []
    with suppress(pyrage.IdentityError, UnicodeDecodeError):
        lines = (line.strip() for line in content.decode().splitlines())
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
    if not found:
        with suppress(pyrage.IdentityError):
            found = [pyrage.ssh.Identity.from_buffer(content)]
    if not found:
        raise AgeError(f"{path} holds no key like AGE-SECRET-KEY-1…")
    return found


def close(content: bytes, to: Sequence[Any]) -> bytes:
    """For those recipients."""
    return bytes(pyrage.encrypt(content, to))


def open_(content: bytes, by: Sequence[Any]) -> bytes:
    """Raises AgeError."""
    try:
        return bytes(pyrage.decrypt(content, by))
    except pyrage.DecryptError as error:
        raise AgeError(_why(error)) from None


@contextmanager
def closing(out: IO[bytes], to: Sequence[Any]) -> Iterator[IO[bytes]]:
    """A file to write to; what is written leaves through `out`, closed for those recipients.

    Raises what writing to `out` raises.
    """
    through = _Told(out)
    yield from _through(lambda source: pyrage.encrypt_io(source, through, to), through, "w")


@contextmanager
def opening(source: IO[bytes], by: Sequence[Any]) -> Iterator[IO[bytes]]:
    """A file to read from: what is in `source`, piece by piece.

    Raises AgeError for a key that does not fit, or where the source is not as it was closed: what was read
    before that is as it was.
    """
    through = _Told(source)
    yield from _through(lambda out: pyrage.decrypt_io(through, out, by), through, "r")


class _Told:
    """A file that remembers what it failed with: the other side's own words are lost on their way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failed: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        return cast("bytes", self._try(lambda: self._file.read(size)))

    def write(self, piece: bytes) -> int:
        return cast("int", self._try(lambda: self._file.write(piece)))

    def flush(self) -> None:
        """Whoever gave the file does it."""

    def _try(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except BaseException as error:
            self.failed = error
            raise


def _through(work: Callable[[Any], None], through: _Told, mode: str) -> Iterator[IO[bytes]]:
    """A pipe, at whose other end a thread works: theirs is a call that returns at the end."""
    ends = dict(zip("rw", os.pipe(), strict=True))
    ours = os.fdopen(ends[mode], f"{mode}b")
    theirs = os.fdopen(ends["w" if mode == "r" else "r"], "rb" if mode == "w" else "wb")
    failed: list[Exception] = []

    def run() -> None:
        try:
            with theirs:
                work(theirs)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="age", daemon=True)
    thread.start()
    try:
        if mode == "r":
            yield io.BufferedReader(_Ours(ours, thread, through, failed), PIECE_BYTES)
        else:
            yield ours
    except BaseException as error:
        _end(ours, thread)
        # What failed over there is why a write failed here, whatever that was taken for meanwhile.
        if through.failed is None and not isinstance(error, BrokenPipeError):
            raise
    else:
        _end(ours, thread)
    _tell(through, failed)


def _end(ours: IO[bytes], thread: threading.Thread) -> None:
    with suppress(BrokenPipeError):
        ours.close()
    thread.join()


class _Ours(io.RawIOBase):
    """The reading end: its end is the end only when the thread says so."""

    def __init__(
        self, file: IO[bytes], thread: threading.Thread, through: _Told, failed: list[Exception]
    ) -> None:
        self._file, self._thread, self._through, self._failed = file, thread, through, failed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        if not piece and len(buffer):
            self._thread.join()
            _tell(self._through, self._failed)
        return len(piece)


def _tell(through: _Told, failed: Sequence[Exception]) -> None:
    if through.failed is not None:
        raise through.failed
    if failed and not isinstance(failed[0], BrokenPipeError):
        raise AgeError(_why(failed[0])) from None


def _why(error: Exception) -> str:
    text = str(error)
    if "No matching keys" in text:
        return "it was closed for another key than this one"
    return f"it is damaged or cut off, or nothing of age's: {text}"


def _recipient(text: str) -> Any:
    with suppress(pyrage.RecipientError):
        return pyrage.x25519.Recipient.from_str(text)
    with suppress(pyrage.RecipientError):
        return pyrage.ssh.Recipient.from_str(text)
    if text.upper().startswith("AGE-SECRET-KEY-"):  # what is said is logged
        raise AgeError("a secret key stands where its public half like age1… belongs")
    raise AgeError(f"{text!r} is no public key like age1…")
