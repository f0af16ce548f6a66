"""`spool/` set back to what it was some seconds ago, as by a snapshot, with every program of ours stopped.

What only the lost part has would be gone, and nobody could find it: so, as whoever brings it back should,
first everything is brought into the books (`ivr spool retry`). What may go wrong then is ours: numbers given
twice, facts passed over.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.chaos.lab import PANEL, SERVERS, WORK, Kept, Lab, LabError
from ivr.commands import spool
from ivr.desk.facts.fallback import SETTLED_SECONDS
from ivr.store.engine import AWAY, make_engine

DRAINED_SECONDS = 40.0


async def set_spool_back(lab: Lab, seconds: float) -> None:
    """Raises LabError where it was left as it is."""
    place, old = lab.settings.spool, lab.home / "spool.old"
    await asyncio.to_thread(_copy, place, old)
    await asyncio.sleep(seconds)
    stopped = [lab.kept[name] for name in (*SERVERS, WORK, PANEL)]
    try:
        _hold(stopped)
        await asyncio.sleep(SETTLED_SECONDS + 1)  # who was speaking is with the dialplan by now
        await _drained(lab)
        await asyncio.to_thread(_bring_back, old, place)
    finally:
        for kept in stopped:
            kept.held = False
        shutil.rmtree(old, ignore_errors=True)


def _hold(all_kept: list[Kept]) -> None:
    for kept in all_kept:
        kept.held = True
        kept.child.process.kill()
        kept.child.process.wait()


async def _drained(lab: Lab) -> None:
    until = time.monotonic() + DRAINED_SECONDS
    engine = make_engine(lab.url, pool=1)
    try:
        while True:
            with suppress(*AWAY):
                await spool.take_all(lab.settings, engine)
                if not await _waits(lab, engine):
                    return
            if time.monotonic() > until:
                raise LabError("what it held did not come into the books")
            await asyncio.sleep(0.5)
    finally:
        await engine.dispose()


async def _waits(lab: Lab, engine: AsyncEngine) -> bool:
    """What the dialplan recorded does not need the spool."""
    on_disk = await asyncio.to_thread(lambda: [*spool.on_disk(lab.settings)])
    in_journals = any(row.where == "journal" for row in on_disk)
    return in_journals or bool(await spool.stray_recordings(lab.settings, engine))


def _copy(of: Path, to: Path) -> None:
    """Links, sockets and pipes as they are; what vanishes meanwhile is not there."""
    subprocess.run(["cp", "-a", f"{of}/.", str(to)], check=False, capture_output=True)


def _bring_back(old: Path, place: Path) -> None:
    for each in place.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    _copy(old, place)
