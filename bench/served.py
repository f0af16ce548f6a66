"""`ivr serve` on given books, without an Asterisk: whoever speaks FastAGI is one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.installation import catalogue, load_secrets
from ivr.lab.ports import free
from ivr.lab.process import Child
from ivr.loops.sockets import meeting_place, siblings
from ivr.settings import ROOT, Agi, AmiAccount, Serve, Settings, Web
from ivr.speech.paths import WAV_HEADER

READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class ServedLine:
    """A hotline that serves. `secret`: what FastAGI's peers say first; `pid`: the parent of its roles."""

    settings: Settings
    engine: AsyncEngine
    secret: str
    pid: int


@asynccontextmanager
async def serving(engine: AsyncEngine, state: Path, together: bool = False) -> AsyncIterator[ServedLine]:
    """Each role in a process of its own, or all `together` in one."""
    agi, web, ami = Agi(port=free(), drain_seconds=1), Web(port=free()), AmiAccount(port=free())
    settings = Settings(state=state, agi=agi, web=web, ami=ami, serve=Serve(together=together))
    _silence(settings)
    secrets = load_secrets(settings)
    ports = {f"IVR_{name}__PORT": str(part.port) for name, part in (("AGI", agi), ("WEB", web), ("AMI", ami))}
    url = engine.url.render_as_string(hide_password=False)
    own = {"IVR_STATE": str(state), "IVR_DATABASE_URL": url, "IVR_SERVE": settings.serve.model_dump_json()}
    own |= {"IVR_AGI__DRAIN_SECONDS": "1", "IVR_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "ivr.cli", "serve"]
    env = {**os.environ, **ports, **own}
    server = Child.start("ivr serve", command, env=env, log=state / "serve.log", pid_file=state / "serve.pid")
    try:
        async with asyncio.timeout(READY_SECONDS):
            while len(siblings(meeting_place(settings))) < (1 if together else 3):
                await asyncio.sleep(0.1)
        yield ServedLine(settings, engine, secrets.agi, server.process.pid)
    finally:
        await asyncio.to_thread(server.stop, 30)


async def publish_menu(engine: AsyncEngine) -> None:
    """The one that comes with the product: what callers walk through."""
    menu = (ROOT / "dialplan" / "menus" / "111.yaml").read_text(encoding="utf-8")
    await menus.publish(engine, "111", menu, "bench")


def _silence(settings: Settings) -> None:
    """A file with some sound for every prompt: nobody hears them, but they are there."""
    spoken = catalogue(settings)
    for language in settings.calls.languages:
        for id in spoken.ids(language):
            path = settings.sounds / language / f"{id.replace('.', '/')}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(2 * WAV_HEADER))
