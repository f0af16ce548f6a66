"""The sockets by which calls and browsers come in: one of each for all processes of one IVR_STATE.

Every process of a role accepts from the same socket (`calls`: FastAGI, `panel`: the web; `work`: none), so a
connection that waits in their queue belongs to nobody yet: whoever lives takes it, whether a sibling died,
hangs or ends. A process that starts asks a living sibling for it over a Unix socket under
IVR_STATE/run/serve, and makes it only when there is none. When nobody serves, nobody listens, and the
dialplan's fall-back speaks at once (docs/decisions/workers.md).
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ivr.asterisk.server import listening_socket
from ivr.loops.telling import duties_of
from ivr.settings import DUTIES, Agi, Duty, Settings, Web
from ivr.store.journal.bell import reachable

log = logging.getLogger(__name__)

Sockets = Mapping[str, socket.socket]
SOCKETS, DRAIN = b"sockets", b"drain"
ASK_SECONDS = 2.0  # a sibling that does not answer is passed over
START_SECONDS = 3.0  # two that start at once: one binds, the other hears of it a moment later
AGAIN_SECONDS = 1.0  # until a disk that refused our name is asked again
HANG_SECONDS = 25.0  # longer than the watchdog lets a sibling hang


class ListeningError(Exception):
    """The addresses can't be had; the text is one sentence."""


class Sharing:
    """While open, siblings get our sockets and may tell us to drain. A thread: a busy loop is no matter.

    `name`: says what this process does (`ivr.loops.telling.name_of`).
    """

    def __init__(self, folder: Path, name: str, sockets: Sockets, drain: Callable[[], object]) -> None:
        self._folder, self._name = folder, name
        self._sockets = {name: each.dup() for name, each in sockets.items()}
        self._drain = drain
        self._listener: socket.socket | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sharing", daemon=True)

    def open(self) -> None:
        """Never fails: on a full disk calls are answered all the same, and siblings come once it has room."""
        try:
            self._listen()
        except OSError as error:
            log.error("no sibling can share our ports for now: %s: %s", self._folder, error.strerror)
        self._thread.start()

    def _listen(self) -> None:
        """Under its name only once it listens: a name that refuses is a dead process's."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        new = self._folder / f"{self._name}.new"
        try:
            new.unlink(missing_ok=True)
            with reachable(self._folder) as near:
                listener.bind(f"{near}/{new.name}")
                listener.listen(64)
            new.rename(self._folder / self._name)
        except OSError:
            listener.close()
            raise
        self._listener = listener

    def close(self) -> None:
        """Let go of the sockets. Harmless when done before."""
        self._closed.set()
        with suppress(OSError):
            (self._folder / self._name).unlink(missing_ok=True)
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for each in self._sockets.values():
            each.close()

    def _serve(self) -> None:
        while self._listener is None:
            if self._closed.wait(AGAIN_SECONDS):
                return
            with suppress(OSError):
                self._listen()
        listener = self._listener
        if self._closed.is_set():  # meanwhile
            self.close()
        while True:
            try:
                asking, _ = listener.accept()
            except OSError as error:
                if self._closed.wait(AGAIN_SECONDS):
                    return
                log.error("no sibling is answered for now: %s", error.strerror)  # as without a free file
                continue
            with asking, suppress(OSError):
                asking.settimeout(ASK_SECONDS)
                if _is_ours(asking):
                    self._answer(asking, asking.recv(64))

    def _answer(self, asking: socket.socket, asked: bytes) -> None:
        if asked == DRAIN:
            self._drain()
        elif asked == SOCKETS:
            files = [each.fileno() for each in self._sockets.values()]
            socket.send_fds(asking, [json.dumps([*self._sockets]).encode()], files)


def meeting_place(settings: Settings) -> Path:
    """Where the processes of one state find each other."""
    return settings.state_path / "run" / "serve"


async def obtain(
    settings: Settings, folder: Path, duties: Collection[Duty] = DUTIES
) -> dict[str, socket.socket]:
    """The sockets for `agi` (calls) and `web` (panel).

    Raises ListeningError when they can't be had.
    """
    loop = asyncio.get_running_loop()
    began, told = loop.time(), False
    while True:
        try:
            return await asyncio.to_thread(_obtain, settings, folder, duties)
        except _NotHad as error:
            longest = HANG_SECONDS if error.hangs else START_SECONDS
            if loop.time() - began > longest:
                raise ListeningError(str(error)) from None
            if not told:  # no warning: of two that start at once one comes here
                log.info("not listening yet: %s; tried again for up to %g s", error.reason, longest)
                told = True
        await asyncio.sleep(0.2)


class _NotHad(Exception):
    """`hangs`: a worker of ours does what this address is for, and shares none."""

    def __init__(self, error: OSError, hangs: bool) -> None:
        self.reason, self.hangs = error.strerror or str(error), hangs
        who = "a worker that does not answer" if hangs else "another program"
        taken = f"{who} has the address" if error.errno == errno.EADDRINUSE else "the address can't be had"
        super().__init__(f"{taken}: {self.reason}")


def _obtain(settings: Settings, folder: Path, duties: Collection[Duty]) -> dict[str, socket.socket]:
    """Raises _NotHad."""
    given, taken = _from_siblings(folder), {}
    shared = set(given)
    wanted: dict[Duty, tuple[str, Agi | Web]] = {
        "calls": ("agi", settings.agi), "panel": ("web", settings.web)
    }  # fmt: skip
    try:
        for duty, (name, part) in wanted.items():
            if duty not in duties:
                continue
            if (sibling := given.get(name)) and _has_address(sibling, part.host, part.port):
                taken[name] = given.pop(name)
            else:
                taken[name] = listening_socket(part.host, part.port)
    except OSError as error:
        given |= taken
        there = any(duty in duties_of(each) for each in siblings(folder))
        raise _NotHad(error, hangs=there and name not in shared) from None
    finally:
        for each in given.values():
            each.close()
    return taken


def replaced(names: Collection[str], duties: Collection[Duty]) -> list[str]:
    """Of those that share now, whom a process that does these would replace: nobody who does more."""
    return [name for name in names if duties_of(name) <= set(duties)]


def siblings(folder: Path) -> list[str]:
    """The names of those that share now. What dead ones left is removed."""
    names = []
    for path in sorted(folder.glob("*")):
        if path.suffix:
            continue
        with suppress(OSError):
            try:
                with _connected(path):
                    names.append(path.name)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
    return names


def drain(folder: Path, names: list[str]) -> None:
    """Tell them to take no more calls and to end with their last one. Who hangs reads it later."""
    for name in names:
        with suppress(OSError), _connected(folder / name) as sibling:
            sibling.send(DRAIN)


def _from_siblings(folder: Path) -> dict[str, socket.socket]:
    """One of each, of whoever has it."""
    found: dict[str, socket.socket] = {}
    for name in siblings(folder):
        with suppress(OSError, ValueError), _connected(folder / name) as sibling:
            sibling.send(SOCKETS)
            said, files, _, _ = socket.recv_fds(sibling, 1024, 8)
            given = [socket.socket(fileno=file) for file in files]
            for what, each in zip(json.loads(said), given, strict=True):
                if found.setdefault(what, each) is not each:
                    each.close()
    return found


def _has_address(given: socket.socket, host: str, port: int) -> bool:
    """The settings may have changed since it was made."""
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
    return bool(given.getsockname()[:2] == address[:2])


@contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sibling, reachable(path.parent) as near:
        sibling.settimeout(ASK_SECONDS)
        sibling.connect(f"{near}/{path.name}")
        if not _is_ours(sibling):
            raise PermissionError(f"{path} belongs to another user")
        yield sibling


def _is_ours(peer: socket.socket) -> bool:
    """Whether the other side runs as our user."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.geteuid())
