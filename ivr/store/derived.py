"""What was worked out of a recording, kept for a while beside it: never in a backup, never what is proved.

Each file is as personal as the recording: the same permission before every use, nothing older than a day,
and `forget` when retention takes the recording.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from ivr.store import envelope
from ivr.store.recording_files import CLOSED, keys_beside, opened_at

log = logging.getLogger(__name__)

OLDEST_SECONDS = 86_400.0
MOST_BYTES = 512 * 1024 * 1024


class Derived:
    """A folder of files named by recording and form. Blocking, for a thread."""

    def __init__(self, folder: Path, most: int = MOST_BYTES, oldest: float = OLDEST_SECONDS) -> None:
        self.folder, self.most, self.oldest = folder, most, oldest
        self.unread: list[str] = []  # folders and files, as of the last sweep

    def get(self, recording: UUID, form: str, make: Callable[[], bytes]) -> Path:
        """The file of that form, like "blind.wav"; made if it is not there.

        Raises what `make` raises, and FileNotFoundError when the recording is forgotten meanwhile.
        """
        path = self.folder / recording.hex[:2] / f"{recording.hex}.{form}"
        keys = keys_beside(self.folder)
        if keys:  # recordings are closed here: so is what they are heard from
            path = path.with_name(path.name + CLOSED)
        if not path.is_file() or time.time() - path.stat().st_mtime > self.oldest:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            half = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
            try:
                # There before the recording is read: who forgets it meanwhile finds it, in any process.
                with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    content = make()
                    if keys:
                        envelope.write(io.BytesIO(content), file, keys)
                    else:
                        file.write(content)
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)
            self.sweep()
        return path

    def open(self, path: Path) -> io.BufferedReader:
        """What `get` gave, to be read and sought. Raises OSError and Unopened."""
        return opened_at(path, self.folder)

    def forget(self, recording: UUID) -> None:
        """All of a recording's, also what is only being made, whoever makes it.

        When the recording itself is gone before, nothing of it can come back.
        """
        for path in (self.folder / recording.hex[:2]).glob(f"*{recording.hex}.*"):
            path.unlink(missing_ok=True)

    def sweep(self, now: float | None = None) -> None:
        """What is too old goes, then the oldest until the rest is no more than `most` bytes.

        What a damaged disk does not show or let go is left in `unread`, and keeps nothing else here.
        """
        now = time.time() if now is None else now
        found = []
        unread: dict[str, OSError] = {}

        def leave(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):  # siblings sweep too
                unread[str(error.filename)] = error

        for folder, _, names in os.walk(self.folder, onerror=leave):
            for path in (Path(folder, name) for name in names):
                try:
                    stat = path.stat()
                except OSError as error:
                    leave(error)
                else:
                    found.append((stat.st_mtime, stat.st_size, path))
        total = sum(size for _, size, _ in found)
        for at, size, path in sorted(found):
            if now - at > self.oldest or total > self.most:
                try:
                    path.unlink(missing_ok=True)
                    total -= size
                except OSError as error:
                    leave(error)
        for place in unread.keys() - set(self.unread):
            log.error("what was made for a while can't be taken away: %s", unread[place])
        self.unread = sorted(unread)


def exports(state: Path) -> Derived:
    """Where tables lie on their way out of the panel, however large; one that dies over them leaves them."""
    return Derived(state / "exports", most=sys.maxsize)
