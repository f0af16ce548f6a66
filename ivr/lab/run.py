"""`make run`: the whole hotline in the foreground, with one demonstration call, until Ctrl-C.

It takes no arguments: its settings come from config.yaml, or the file that IVR_CONFIG names, and before that
from the environment, where IVR_WEB__PORT is the port in the section web.

    IVR_STATE=/tmp/seda111 IVR_WEB__PORT=8222 python -m ivr.lab.run
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

import aiohttp

from ivr import settings as configuration
from ivr.installation import load_secrets
from ivr.lab import asterisk, postgres
from ivr.lab.asterisk import LabError
from ivr.lab.pace import patience
from ivr.lab.packages import PackagesError
from ivr.lab.ports import taken
from ivr.lab.postgres import PostgresError
from ivr.lab.process import Child, end_leftover
from ivr.settings import Settings, SettingsError

T = TypeVar("T")
READY_SECONDS = 60.0
SOON_SECONDS, SOON_DEATHS = 20.0, 3  # who dies so often so soon is not started again
BEGAN = time.monotonic()


def say(text: str) -> None:
    """A line of progress, with the seconds since the beginning."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Exit 0 after Ctrl-C or SIGTERM, 1 when something can't start, 2 for wrong settings or arguments."""
    argparse.ArgumentParser(
        prog="python -m ivr.lab.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = _with_phone(configuration.load())
        with _alone(settings):
            asyncio.run(_Lab(settings).run())
    except SettingsError as error:
        sys.exit(_complain(str(error), 2))
    except (LabError, PackagesError, PostgresError) as error:
        sys.exit(_complain(str(error), 1))
    except PermissionError as error:
        mend = ": where root began it, give it to yourself (chown -R), or set another IVR_STATE"
        sys.exit(_complain(f"{error}{mend if error.filename else ''}", 1))


def _with_phone(settings: Settings) -> Settings:
    """In the lab anybody may call from the browser, unless the settings say otherwise."""
    if settings.browser_phone.whose:
        return settings
    os.environ["IVR_BROWSER_PHONE__WHOSE"] = "everyone"  # for the server as well
    return configuration.load()


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr, flush=True)
    return code


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One `make run` for one state folder."""
    folder = settings.state_path / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(
                f"Seda 111 is running already with the state {settings.state_path}; "
                "for a second one set IVR_STATE and the ports (config.yaml)"
            ) from None
        yield


class _Lab:
    """Everything that is running, stopped in the reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.secrets = load_secrets(settings)
        self.stack = contextlib.ExitStack()
        self.children: dict[str, Child] = {}
        self.database: postgres.Server
        self.signals = 0
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._signalled)
        try:
            if await self._unless_stopped(self._start()) is not None:
                await self._unless_stopped(self._watch())
        finally:
            await asyncio.to_thread(self._stop)
            say("stopped; nothing is left running")

    def _signalled(self) -> None:
        self.signals += 1
        self.stopping.set()
        if self.signals > 1 and (server := self.children.get("server")):
            server.kill()

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The work's result, or None when a signal came before it was done."""
        working, stopping = asyncio.create_task(work), asyncio.create_task(self.stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
            return None
        return working.result()

    async def _start(self) -> bool:
        settings, state = self.settings, self.settings.state_path
        for name in ("server", "asterisk"):
            end_leftover(state / "run" / f"{name}.pid")
        if problems := taken(settings):
            raise LabError("\n".join(problems))
        say(f"state: {state}")
        await _together(self._start_database(), self._sounds(), self._unpack())
        program = asterisk.asterisk(say)
        say(f"asterisk: starting {asterisk.version(program)} ({program.command[-1]})")
        self._keep("asterisk", lambda: asterisk.start(program, settings, self.secrets))
        self._keep("server", self._server)
        await _together(self._ready(), self._first_admin())
        page = settings.web.url
        say(f"ready: panel {page}/ · SIP udp {settings.sip.host}:{settings.sip.port}, extension "
            f"{settings.calls.extension}")  # fmt: skip
        if settings.browser_phone.whose == "everyone":
            say(f"from the browser: {page}/call")
        await demonstrate()
        say("serving until Ctrl-C")
        return True

    async def _start_database(self) -> None:
        configured = bool(self.settings.database_url)
        say("database: the configured one" if configured else "database: starting the embedded PostgreSQL")
        server = await asyncio.to_thread(postgres.start_for, self.settings)
        self.stack.callback(server.stop)
        self.database = server
        await _job("database", "-m", "ivr.cli", "db", "upgrade")
        say("database: schema and seeds are up to date")

    async def _first_admin(self) -> None:
        """Somebody must be able to sign in; says nothing once there is anybody."""
        arguments = ("-m", "ivr.cli", "user", "add", "admin", "--role", "admin", "--first")
        await _job("first admin", *arguments, show=lambda line: say(f"panel: sign in as {line} (told once)"))

    async def _sounds(self) -> None:
        await _job("prompts", "-m", "ivr.cli", "sounds", "build", show=say)

    async def _unpack(self) -> None:
        """In a process of its own, so that a download stops with us."""
        await _job("asterisk", "-m", "ivr.lab.asterisk", show=lambda line: say(f"asterisk: {line}"))

    def _server(self) -> Child:
        state = self.settings.state_path
        return Child.start(
            "the server", [sys.executable, "-m", "ivr.cli", "serve"],
            log=state / "log" / "server.log", pid_file=state / "run" / "server.pid",
        )  # fmt: skip

    def _keep(self, name: str, start: Callable[[], Child]) -> None:
        self.children[name] = start()
        self.children[name].restart = start

    async def _ready(self) -> None:
        url = f"{self.settings.web.url}/readyz"
        trouble = "it does not answer"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() - self.children["server"].began < patience(READY_SECONDS):
                if self.children["server"].ended:
                    raise LabError(f"the server ended: {self.children['server'].last_words()}")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url) as answer:
                        if answer.status == 200:
                            return
                        trouble = await answer.text()
                await asyncio.sleep(0.1)
        raise LabError(f"the server is not ready after {READY_SECONDS:g} s: {trouble}")

    async def _watch(self) -> None:
        """Start again who dies, unless it dies at once each time."""
        deaths = dict.fromkeys(self.children, 0)
        while True:
            await asyncio.sleep(0.5)
            if self.database.ended:
                say("PostgreSQL died; starting it again")
                await asyncio.to_thread(self.database.start_again)
            for name, child in list(self.children.items()):
                if not child.ended:
                    continue
                deaths[name] = deaths[name] + 1 if time.monotonic() - child.began < SOON_SECONDS else 1
                words = f"{child.name} died ({child.process.returncode}); see {child.log}"
                if deaths[name] >= SOON_DEATHS or child.restart is None:
                    raise LabError(words)
                say(f"{words}; starting it again")
                self._keep(name, child.restart)

    def _stop(self) -> None:
        if server := self.children.pop("server", None):
            say("stopping: live calls may finish (Ctrl-C again cuts them)")
            server.stop(self.settings.agi.drain_seconds + 60)
        if pbx := self.children.pop("asterisk", None):
            pbx.stop(10)
        self.stack.close()


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """All at once; the first failure ends the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def demonstrate() -> None:
    """Its keys are the shipped tree's. Another may lead them elsewhere, and serves all the same."""
    say("placing one demonstration call through Asterisk (half a minute)")
    try:
        await _job("demonstration call", "-m", "ivr.cli", "demo-call", show=partial(print, flush=True))
    except LabError as error:
        say(str(error))


async def _job(name: str, *arguments: str, show: Callable[[str], None] | None = None) -> None:
    """Run our own Python to its end, in a session of its own. Raises LabError with its last words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    last: list[str] = []
    try:
        async for raw in process.stdout:
            last = [*last[-4:], raw.decode(errors="replace").rstrip()]
            if show is not None and last[-1]:
                show(last[-1])
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
    if code:
        raise LabError(f"{name}: {' | '.join(last) or f'ended with {code}'}")


if __name__ == "__main__":
    main()
