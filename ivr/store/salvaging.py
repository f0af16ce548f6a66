"""A file on a sick disk, read for as much as it gives: where a sector is bad there are zeros."""

from __future__ import annotations

import os
from typing import IO

from ivr.store.journal.writing import LONGEST_FACT

BLOCK = 4096
MOST = 16  # bad blocks of a file, each of which may take a disk half a minute; the rest is not tried


class Salvaged:
    """Its first `size` bytes, once from the beginning. `file` is unbuffered; not for the event loop.

    `lost`: how many of what was read are zeros for want of the true ones; `error`: why.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.size, self.lost = size, 0
        self.error: OSError | None = None
        self._file, self._at = file, 0
        self._ahead: bytes | None = None

    def read(self, size: int) -> bytes:
        """So many bytes, or less at the end."""
        start, self._at = self._at, min(self._at + size, self.size)
        if self._ahead is not None:
            return self._ahead[start : self._at]
        if self.error is None:
            try:
                return self._piece(start, self._at)
            except OSError as error:
                self.error = error
        return b"".join(self._block(at, min(at + BLOCK, self._at)) for at in range(start, self._at, BLOCK))

    def read_ahead(self) -> None:
        """All of it, into memory: `error` is known then."""
        self._ahead = self.read(self.size)
        self._at = 0

    def end_with_a_line(self) -> None:
        """Leave out what is behind the last whole line: it is being written."""
        start = max(0, self.size - LONGEST_FACT - 16)
        try:
            end = self._piece(start, self.size).rfind(b"\n") + 1
        except OSError:
            return  # told when it is read
        self.size = start + end if end else self.size

    def _block(self, start: int, end: int) -> bytes:
        if self.lost < MOST * BLOCK:
            try:
                return self._piece(start, end)
            except OSError as error:
                self.error = error
        self.lost += end - start
        return bytes(end - start)

    def _piece(self, start: int, end: int) -> bytes:
        self._file.seek(start, os.SEEK_SET)
        piece = b""
        while len(piece) < end - start and (more := self._file.read(end - start - len(piece))):
            piece += more
        return piece
