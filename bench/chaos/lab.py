"""The hotline that is harmed: real PostgreSQL, Asterisk and `ivr serve`, kept alive as a supervisor would."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

from bench import say
from bench.chaos import speech, tones
from bench.chaos.cable import Cable
from bench.chaos.sick_disks import SickDisk
from ivr import installation
from ivr.asterisk.dialplan import PROMPTS, Secrets
from ivr.installation import load_secrets
from ivr.lab import asterisk, postgres
from ivr.lab.ports import UDP, free
from ivr.lab.process import Child
from ivr.settings import Agi, AmiAccount, Rtp, Settings, Sip, Web, Ws
from tests.fixtures.small_disk import SmallDisk

ASTERISK, SERVERS = "Asterisk", ("first server", "second server")  # a server carries calls
WORK, PANEL, NEW_SERVER = "work", "panel", "new server"
ROLES = {SERVERS[0]: "calls", SERVERS[1]: "calls", NEW_SERVER: "calls", WORK: "work", PANEL: "panel"}
WRONG_CLOCK = "bench.chaos.wrong_clock"
SPOKEN = "az"  # whoever chooses it hears the real prompts, where there are any
READY_SECONDS = 60.0
AGAIN_SECONDS = 1.0  # until the supervisor starts again who died
SOCKET = ".s.PGSQL.5432"
LENGTHS = {
    "beep": 15,
    "fallback.apology": 30,
    "fallback.kept": 20,
    "fallback.thanks": 20,
    "fallback.thanks_no_call": 20,
}  # frames; others 12


class LabError(Exception):
    """The hotline can't run; the text is one sentence."""


@dataclass(slots=True)
class Kept:
    """One program and how to start it again."""

    child: Child
    again: Callable[[], Child]
    held: bool = False  # not started again for now


@dataclass(frozen=True, slots=True)
class Disks:
    """`state` holds everything but PostgreSQL and the second volume; recordings, journals and PostgreSQL lie
    on disks of their own where this machine has them (bench.chaos.sick_disks), which are lists of one then.
    `alone`: there is no second volume, as in a default installation.
    """

    state: SmallDisk
    recordings: Sequence[SickDisk] = ()
    journal: Sequence[SickDisk] = ()
    database: Sequence[SickDisk] = ()
    alone: bool = False

    @property
    def filled(self) -> list[SmallDisk]:
        """What is full when the state's disk is."""
        return [self.state, *(disk.small for disk in (*self.recordings, *self.journal))]


@dataclass(slots=True)
class Lab:
    """What is running.

    `url` is the database itself, `cable` what the servers reach it through; the state lies on `disks`.
    `home`: where all else is. `databases`: the one that is used, after those of before a fail-over.
    """

    settings: Settings
    secrets: Secrets
    url: str
    databases: list[postgres.Server]
    cable: Cable
    sipp: tuple[str, ...]
    disks: Disks
    another_server: Callable[[], Child]  # as a deploy does: it takes over from those that are kept
    wrong_server: Callable[[str], Child]  # starts that one, with a wrong clock
    home: Path
    kept: dict[str, Kept] = field(default_factory=dict)

    @property
    def database(self) -> postgres.Server:
        return self.databases[-1]

    async def supervise(self) -> None:
        """For ever: start again who died, a second later."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mind_database())
            for kept in self.kept.values():
                group.create_task(self._mind(kept))

    async def _mind(self, kept: Kept) -> None:
        while True:
            await asyncio.sleep(0.1)
            if kept.child.ended and not kept.held:
                await asyncio.sleep(AGAIN_SECONDS)
                try:
                    kept.child = await asyncio.to_thread(kept.again)
                except (asterisk.LabError, OSError) as error:  # no room for its process id: tried again
                    say(str(error))

    async def _mind_database(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if self.database.ended:
                await asyncio.sleep(AGAIN_SECONDS)
                with suppress(postgres.PostgresError):  # what is left of the killed one may still be there
                    await asyncio.to_thread(self.database.start_again)

    def turn_to(self, second: postgres.Server) -> None:
        """From now on that is the database, and nobody starts the first again."""
        self.databases.append(second)
        self.url, self.cable.far = second.url, socket_file(second)

    async def ready(self, seconds: float = READY_SECONDS) -> None:
        """Until every server says so. Raises LabError."""
        await asyncio.to_thread(_await_ready, self.settings.web.port, seconds)


@asynccontextmanager
async def lab(
    home: Path, disks: Disks, spoken: Path | None = None, ivr: str = "ivr.cli"
) -> AsyncIterator[Lab]:
    """Everything, in a new folder with a short path. `lab.supervise` is the caller's to run.

    The state lies on `disks`; PostgreSQL, the second volume and the logs are in `home`. `spoken`: built
    prompts (`<language>/<id>.wav`), of which one language gets its own. `ivr`: the module that serves.
    """
    home.chmod(0o755)  # as root PostgreSQL runs as a user of its own
    settings = _settings(disks.state.path, None if disks.alone else home / "second")
    _stand_ins(settings, spoken)
    programs = asterisk.asterisk(say), asterisk.sipp(say)
    database = await asyncio.to_thread(postgres.start, home)
    running: list[Kept] = []
    databases = [database]
    try:
        async with Cable(socket_file(database), home / "db" / SOCKET) as cable:
            secrets = load_secrets(settings)
            _ivr(settings, database.url, "db", "upgrade")
            through = f"postgresql+asyncpg://postgres@/{postgres.DATABASE}?host={quote(str(home / 'db'))}"
            serve = partial(_serve, settings, home, through, module=ivr)
            found = Lab(
                settings, secrets, database.url, databases, cable, programs[1].command, disks,
                partial(serve, NEW_SERVER), partial(serve, module=WRONG_CLOCK), home,
            )  # fmt: skip
            pbx = await asyncio.to_thread(asterisk.start, programs[0], settings, secrets)
            found.kept[ASTERISK] = Kept(pbx, partial(_pbx, found, programs[0]))
            running.append(found.kept[ASTERISK])
            for name in (*SERVERS, WORK, PANEL):
                found.kept[name] = Kept(serve(name), partial(serve, name))
                running.append(found.kept[name])
            await found.ready()
            yield found
    finally:
        for kept in reversed(running):
            await asyncio.to_thread(kept.child.stop, 8)
        for each in databases:
            with suppress(Exception):  # those before a fail-over were killed
                await asyncio.to_thread(each.stop)


def socket_file(database: postgres.Server) -> Path:
    """Where a database listens."""
    return Path(database.own.get_postmaster_info().socket_dir) / SOCKET


def _settings(state: Path, second: Path | None) -> Settings:
    # Above the ports that free() gives, below those that sockets get by chance.
    first = random.Random(os.urandom(8)).randrange(20_000, 29_700, 2)
    return Settings(
        state=state, web=Web(port=free()), agi=Agi(port=free(), drain_seconds=5), ami=AmiAccount(port=free()),
        sip=Sip(port=free(UDP)), ws=Ws(port=free()), rtp=Rtp(start=first, end=first + 2_999),
        second_volume=str(second or ""),
    )  # fmt: skip


def _environment(settings: Settings, url: str) -> dict[str, str]:
    ports = {f"IVR_{name.upper()}__PORT": str(getattr(settings, name).port)
             for name in ("web", "agi", "ami", "sip", "ws")}  # fmt: skip
    return {
        **os.environ, **ports, "IVR_STATE": str(settings.state), "IVR_DATABASE_URL": url,
        "IVR_AGI__DRAIN_SECONDS": str(settings.agi.drain_seconds),
        "IVR_SECOND_VOLUME": settings.second_volume,
    }  # fmt: skip


def _serve(settings: Settings, home: Path, url: str, name: str, module: str = "ivr.cli") -> Child:
    """Its log is not on the disk that is filled."""
    return Child.start(
        name, command_of(name, module), env=_environment(settings, url),
        log=home / "log" / f"{name}.log", pid_file=home / "log" / f"{name}.pid",
    )  # fmt: skip


def command_of(name: str, module: str = "ivr.cli") -> list[str]:
    """What a program is started with. Who comes by a deploy tells those that serve already to drain."""
    plain = [sys.executable, "-m", module, "serve", "--role", ROLES[name]]
    return [*plain, "--take-over"] if name == NEW_SERVER else plain


def _pbx(lab: Lab, program: asterisk.Program) -> Child:
    """On the configuration that is there already, as a supervisor starts it."""
    home = lab.settings.state_path / "asterisk"
    command = [*program.command, "-C", str(home / "etc" / "asterisk.conf"), "-f", "-n"]
    return asterisk.launch(command, lab.settings, lab.secrets, home / "log" / "console.log")


def _ivr(settings: Settings, url: str, *arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ivr.cli", *arguments], env=_environment(settings, url),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise LabError(f"ivr {' '.join(arguments)}: {' '.join((ended.stderr or ended.stdout).split())}")


def _await_ready(port: int, seconds: float) -> None:
    deadline, last = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError as error:
            last = str(error)
        time.sleep(0.2)
    raise LabError(f"the server was not ready within {seconds:g} s: {last}")


def _stand_ins(settings: Settings, spoken: Path | None) -> None:
    """A tone of its own for every prompt that somebody must recognise (bench.chaos.tones).

    `spoken`: where the built prompts are, of which the second language gets its own.
    """
    catalogue = installation.catalogue(settings)
    for language in settings.calls.languages:
        for id in catalogue.ids(language) | PROMPTS:
            _write(settings.sounds / language / f"{id.replace('.', '/')}.wav", _sound(id))
    if spoken is not None:
        speech.lay(spoken / SPOKEN, settings.sounds / SPOKEN, catalogue.ids(SPOKEN))
    _write(settings.sounds / "moh" / "hold.wav", tones.tone(tones.line_of(tones.OTHER), 250))


def _sound(id: str) -> tones.Samples:
    if tones.is_silent(id):
        return tones.tone(tones.SILENT, 5)
    if id.startswith("digit."):  # with a gap, so that two of the same can be told from one
        return tones.join(tones.tone(tones.line_of(id), 5), tones.tone(tones.SILENT, 3))
    return tones.tone(tones.line_of(id), LENGTHS.get(id, 12))


def _write(path: Path, samples: tones.Samples) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(tones.RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
