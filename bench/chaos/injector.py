"""Does to the hotline what the schedule says, and writes down when each fault really began and ended."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from bench import say
from bench.chaos.faults import FAULTS, Fault
from bench.chaos.lab import AGAIN_SECONDS, ASTERISK, PANEL, SERVERS, WORK, Kept, Lab, LabError
from bench.chaos.phones import ALAW, KEYS
from bench.chaos.snapshot import set_spool_back
from bench.standby import fail_over, leave_behind, standby
from ivr.lab.postgres import PostgresError
from ivr.store.engine import AWAY
from tests.fixtures.small_disk import SmallDisk

FLUSH_SECONDS = 3.5  # of a slow disk
CUT_BEFORE_SECONDS = 2.0  # the database is away before the servers are: words join cases that are in no book
MEND_SECONDS = 40.0  # how long a killed program may take to be back
PAUSE_SECONDS = 0.2  # until a target that is being harmed is looked at again


class Injector:
    """`log`: one line per fault: kind, scheduled; began, ended, served (mended) in seconds since 1970."""

    def __init__(self, lab: Lab, log: Path) -> None:
        self.lab = lab
        self.log = log
        self._targets = {kind.target: asyncio.Lock() for kind in FAULTS.values()}

    async def run(self, schedule: Sequence[Fault]) -> None:
        """Until the last fault is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in schedule:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                group.create_task(self._harm(fault))

    async def _harm(self, fault: Fault) -> None:
        kind = FAULTS[fault.kind]
        async with AsyncExitStack() as stack:
            for target in sorted({kind.target, *kind.also}):
                await stack.enter_async_context(self._targets[target])
            began = time.time()
            try:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):  # dead already, of another fault
                    await self._do(fault)
            except LabError as error:
                say(f"{fault.at:7.1f} s  {fault.kind}: left out, {error}")
                if kind.target != "server":
                    return
                fault = replace(fault, kind="every server away")  # callers met no less
            finally:
                ended = time.time()
        if FAULTS[fault.kind].target == "server":  # a new one is there as soon as the machine lets it
            await self._until_served()
        self._note(fault, began, ended, time.time())

    async def _until_served(self) -> None:
        port, deadline = self.lab.settings.agi.port, time.monotonic() + MEND_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def _note(self, fault: Fault, began: float, ended: float, served: float) -> None:
        line = {"kind": fault.kind, "scheduled": fault.at, "began": began, "ended": ended, "served": served}
        with self.log.open("a") as log:
            print(json.dumps(line), file=log)
        say(f"{fault.at:7.1f} s  {fault.kind}, {ended - began:.1f} s")

    async def _do(self, fault: Fault) -> None:
        lab = self.lab
        one = lab.kept[SERVERS[int(fault.chance * len(SERVERS))]]
        match fault.kind:
            case "one server killed":
                await _kill([one])
            case "every server killed":
                await _kill([lab.kept[name] for name in SERVERS])
            case "every server away":
                await self._away([lab.kept[name] for name in SERVERS], fault.seconds)
            case "new server killed":
                await self._begin_and_kill(fault.seconds)
            case "database and servers away":
                lab.cable.cut()
                await asyncio.sleep(CUT_BEFORE_SECONDS)
                await self._away([lab.kept[name] for name in SERVERS], fault.seconds)
                await lab.cable.mend()
            case "spool set back":
                await set_spool_back(lab, fault.seconds)
            case "one server's clock wrong":
                await self._set_clock_wrong(one, fault.seconds)
            case "Asterisk killed":
                await _kill([lab.kept[ASTERISK]])
            case "work killed":
                await _kill([lab.kept[WORK]])
            case "panel killed":
                await _kill([lab.kept[PANEL]])
            case "work stopped":
                await _pause([psutil.Process(lab.kept[WORK].child.process.pid)], fault.seconds)
            case "one server stopped":
                await _pause([psutil.Process(one.child.process.pid)], fault.seconds)
            case "Asterisk stopped":
                await _pause([psutil.Process(lab.kept[ASTERISK].child.process.pid)], fault.seconds)
            case "hostile audio":
                await self._shout(fault)
            case "disk full":
                await self._fill(lab.disks.filled, SmallDisk.fill, fault.seconds)
            case "disk without inodes":
                await self._fill(lab.disks.filled, SmallDisk.use_up_inodes, fault.seconds)
            case "every disk full":
                everyone = [*lab.disks.filled, *(disk.small for disk in lab.disks.database)]
                await self._fill(everyone, SmallDisk.fill, fault.seconds)
            case "every disk slow":
                await self._slow_down(fault.seconds)
            case kind if "disk" in kind:
                await self._sicken(fault)
            case "database cut" | "database silent":
                await self._cut(fault)
            case _:
                await self._harm_database(fault)

    async def _harm_database(self, fault: Fault) -> None:
        database = self.lab.database.own
        postmaster = psutil.Process(database.get_postmaster_info().pid)
        match fault.kind:
            case "PostgreSQL killed":
                postmaster.kill()
                await _until(lambda: database.get_postmaster_info().pid != postmaster.pid)
            case "database fails over":
                await self._fail_over(fault.seconds)
            case "PostgreSQL stopped":
                await _pause([postmaster, *postmaster.children(recursive=True)], fault.seconds)
            case "database session killed":
                sessions = [p for p in postmaster.children() if "postgres seda111" in " ".join(p.cmdline())]
                if sessions:
                    sessions[int(fault.chance * len(sessions))].kill()

    async def _fail_over(self, seconds: float) -> None:
        lab = self.lab
        folder = lab.home / f"standby{len(lab.databases)}"
        try:
            second = await asyncio.to_thread(standby, lab.database, folder)
            await leave_behind(second)
        except (subprocess.CalledProcessError, PostgresError, OSError, *AWAY) as error:
            raise LabError(f"there is no standby: {error}") from error
        await asyncio.sleep(seconds)
        first = lab.database
        lab.turn_to(second)
        await fail_over(first, second)

    async def _cut(self, fault: Fault) -> None:
        cable = self.lab.cable
        cable.cut() if fault.kind == "database cut" else cable.silence()
        await asyncio.sleep(fault.seconds)
        await cable.mend()

    async def _fill(
        self, disks: Sequence[SmallDisk], fill: Callable[[SmallDisk], None], seconds: float
    ) -> None:
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:  # again and again: whoever removes something makes room
                await asyncio.gather(*(asyncio.to_thread(fill, disk) for disk in disks))
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await asyncio.gather(*(asyncio.to_thread(disk.free) for disk in disks))

    async def _sicken(self, fault: Fault) -> None:
        disks = self.lab.disks
        for disk in disks.recordings if fault.kind.startswith("recordings") else disks.journal:
            harm = {"hangs": disk.hang, "refuses": disk.refuse, "read-only": disk.turn_read_only}
            try:
                await asyncio.to_thread(harm[fault.kind.rpartition(" ")[2]])
                await asyncio.sleep(fault.seconds)
            finally:
                disk.heal()  # in no thread: who waits for one must not keep a disk frozen

    async def _slow_down(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for disk in self.lab.disks.journal:  # what is beneath all of them
            while time.monotonic() < until:
                try:
                    await asyncio.to_thread(disk.slow_down)
                    await asyncio.sleep(FLUSH_SECONDS)
                finally:
                    disk.heal()
                await asyncio.sleep(PAUSE_SECONDS)

    async def _set_clock_wrong(self, one: Kept, seconds: float) -> None:
        right = one.again
        one.again = partial(self.lab.wrong_server, one.child.name)
        try:
            await _kill([one])
            await asyncio.sleep(seconds)
        finally:
            one.again = right
            await _kill([one])

    async def _shout(self, fault: Fault) -> None:
        """What looks like speech and keys, from nobody's telephone, to every audio port."""
        chance, ports = random.Random(fault.chance), self.lab.settings.rtp
        until = time.monotonic() + fault.seconds
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            while time.monotonic() < until:
                for port in range(ports.start, ports.end, 2):
                    with suppress(OSError):
                        line.sendto(_nonsense(chance), ("127.0.0.1", port))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _away(self, all_kept: Sequence[Kept], seconds: float) -> None:
        for kept in all_kept:
            kept.held = True
            kept.child.process.kill()
        try:
            await asyncio.sleep(seconds)
        finally:
            for kept in all_kept:
                kept.held = False

    async def _begin_and_kill(self, seconds: float) -> None:
        """What a deploy starts. It may have told the servers that are there to drain: until these are gone,
        and others are begun for them, nobody takes calls.
        """
        new = await asyncio.to_thread(self.lab.another_server)
        try:
            await asyncio.sleep(seconds)
        finally:
            new.process.kill()
            await asyncio.to_thread(new.process.wait)
        await asyncio.sleep(self.lab.settings.agi.drain_seconds + AGAIN_SECONDS)


def _nonsense(chance: random.Random) -> bytes:
    """An RTP packet of speech, or of a key that is being let go."""
    head = chance.randbytes(10)
    if chance.random() < 0.5:
        return bytes((0x80, KEYS | 0x80)) + head + bytes((chance.randrange(12), 0x8A, 4, 0))
    return bytes((0x80, ALAW)) + head + chance.randbytes(160)


async def _kill(all_kept: Sequence[Kept]) -> None:
    before = [kept.child for kept in all_kept]
    for child in before:
        child.process.kill()
    await _until(lambda: all(kept.child is not child for kept, child in zip(all_kept, before, strict=True)))


async def _pause(processes: Sequence[psutil.Process], seconds: float) -> None:
    try:
        _signal(processes, signal.SIGSTOP)
        await asyncio.sleep(seconds)
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: Sequence[psutil.Process], which: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(which)


async def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MEND_SECONDS
    while not true() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
