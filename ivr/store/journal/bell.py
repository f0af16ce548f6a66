"""Whoever writes a journal rings; whoever applies its facts hears it at once: a socket in its folder.

It rings for facts that somebody waits for.
A ring that is not heard is no matter: the journal is looked at every second all the same.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "bell"


class Ringer:
    """The writer's end. Any thread may ring; it never waits and never fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self) -> None:
        with suppress(OSError):  # nobody is there, or it rings already
            self._socket.sendto(b"", f"/proc/self/fd/{self._folder}/{NAME}")

    def close(self) -> None:
        self._socket.close()
        os.close(self._folder)


def hang(folder: Path) -> socket.socket | None:
    """The other end, which becomes readable; None where no socket can be made. For who applies there."""
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    try:
        (folder / NAME).unlink(missing_ok=True)
        with reachable(folder) as near:
            bell.bind(f"{near}/{NAME}")
    except OSError:
        bell.close()
        return None
    return bell


def heard(bell: socket.socket) -> None:
    """All rings so far."""
    with suppress(OSError):
        while True:
            bell.recv(1)


@contextmanager
def reachable(folder: Path) -> Iterator[str]:
    """A short name for a folder: a Unix socket's path has 107 bytes, IVR_STATE may have more."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
