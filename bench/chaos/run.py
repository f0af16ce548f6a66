"""One run: callers, faults, recovery. What is left is a folder for the accountant."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import say
from bench.chaos.faults import Fault
from bench.chaos.injector import Injector
from bench.chaos.lab import SPOKEN, Lab, LabError
from ivr.commands import spool
from ivr.store.engine import AWAY, make_engine

SETTLED_SECONDS = 240.0  # the dialplan's own recording that Asterisk died over waits three minutes
WATCH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """What to run. `seconds` is how long calls are placed; `speech`: where built prompts are, to be heard."""

    seed: int
    seconds: float
    rate: int
    schedule: tuple[Fault, ...]
    speech: Path | None = None

    @property
    def calls(self) -> int:
        return round(self.seconds * self.rate)


async def run(lab: Lab, asked: Asked, folder: Path) -> None:
    """Callers and faults side by side; returns when everything has settled in the books. Raises LabError."""
    minding = asyncio.create_task(lab.supervise())
    try:
        callers = await _start_callers(lab, asked, folder)
        injector = Injector(lab, folder / "faults.jsonl")
        watching = _watch_disks(lab, folder / "disks.jsonl")
        beside = [asyncio.create_task(each) for each in (_tell(callers), watching)]
        try:
            await injector.run(asked.schedule)
            await callers.wait()
        finally:
            for each in beside:
                each.cancel()
            if callers.returncode is None:
                callers.terminate()
                await callers.wait()
        if callers.returncode:
            raise LabError(f"the callers ended with {callers.returncode}; see {folder / 'callers.err'}")
        say("the calls are over; everything recovers")
        await lab.ready()
        await settled(lab)
    finally:
        minding.cancel()


async def _start_callers(lab: Lab, asked: Asked, folder: Path) -> asyncio.subprocess.Process:
    with (folder / "callers.err").open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.chaos.callers", "--folder", str(folder),
            "--port", str(lab.settings.sip.port), "--extension", lab.settings.calls.extension,
            "--seed", str(asked.seed), "--rate", str(asked.rate), "--calls", str(asked.calls),
            *(["--speech", str(lab.settings.sounds / SPOKEN)] if asked.speech else []),
            "--", *lab.sipp, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip


async def _tell(callers: asyncio.subprocess.Process) -> None:
    assert callers.stdout is not None
    async for line in callers.stdout:
        told = json.loads(line)
        say(f"           {told['placed']} calls placed, {told['live']} at once")


async def _watch_disks(lab: Lab, log: Path) -> None:
    """For ever: how many bytes each has left, so that one that filled up by itself is known for it."""
    disks = {disk.path.name: disk for disk in lab.disks.filled}
    with log.open("w") as file:
        while True:
            left = {name: disk.left for name, disk in disks.items()}
            print(json.dumps({"at": round(time.time(), 1), **left}), file=file, flush=True)
            await asyncio.sleep(WATCH_SECONDS)


async def settled(lab: Lab, seconds: float = SETTLED_SECONDS) -> float:
    """Until nothing waits to come into the books (`ivr spool list`). How long it took. Raises LabError."""
    began = time.monotonic()
    while waiting := await _waiting(lab):
        if time.monotonic() - began > seconds:
            raise LabError(f"after {seconds:g} s there still wait: {waiting[:5]}")
        await asyncio.sleep(1)
    return time.monotonic() - began


async def _waiting(lab: Lab) -> Sequence[object]:
    """In this process: a second of a processor for each look would be the servers'."""
    engine = make_engine(lab.url, pool=1)
    try:
        on_disk = await asyncio.to_thread(lambda: [*spool.on_disk(lab.settings)])
        return [*on_disk, *await spool.stray_recordings(lab.settings, engine)]
    except AWAY as error:
        return [str(error)]
    finally:
        await engine.dispose()
