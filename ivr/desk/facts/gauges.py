"""How things stand on this machine, as numbers: for `/metrics`, and for the doctor in words.

What a disk tells is the machine's; what only a process knows (`Gauge`s that the composition root adds) is
told by each and `joined`.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.fallback import fallbacks
from ivr.store import slots
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.journal import journal_reading
from ivr.store.tables import recordings
from ivr.store.volumes import SECOND, Volumes


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number. `name` as Prometheus wants it, with its unit at the end.

    `join`: what becomes of the values of several processes. `family`: the histogram that it belongs to.
    """

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    join: Literal["sum", "min", "max"] = "sum"
    family: str = ""


# What only grows. Prometheus takes a sum that falls, as one who is silent is left out, for a new beginning.
COUNTERS = frozenset({"ivr_loop_failures", "ivr_enquiries"})
_JOIN: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": sum, "min": min, "max": max}


def joined(gauges: Iterable[Gauge]) -> list[Gauge]:
    """One for each name and labels, those of a name together."""
    told: dict[str, dict[frozenset[tuple[str, str]], list[Gauge]]] = {}
    for gauge in gauges:
        of_name = told.setdefault(gauge.family or gauge.name, {})
        of_name.setdefault(frozenset({**gauge.labels, "": gauge.name}.items()), []).append(gauge)
    return [
        replace(same[0], value=_JOIN[same[0].join](gauge.value for gauge in same))
        for of_name in told.values()
        for same in of_name.values()
    ]


def apart(gauge: Gauge, process: str) -> Gauge:
    """Its own process's alone, if it only grows: joined with nobody's."""
    grows = gauge.family or gauge.name in COUNTERS
    return replace(gauge, labels={**gauge.labels, "process": process}) if grows else gauge


def of_spool(spool: Path, fallback: Path) -> list[Gauge]:
    """Journals, quarantine and the dialplan's own recordings. Reads files: not for the event loop."""
    found, quarantined = [], 0
    for folder in slots.journals(spool):
        slot = {"slot": "0" if folder.parent == spool else folder.parent.name}
        try:
            count, first = journal_reading.lag(folder)
        except OSError:  # whoever applies it tells of it (`ivr_unread_folders`); the others count
            continue
        age = max(0.0, time.time() - first.timestamp()) if first else 0.0
        found += [
            Gauge("ivr_journal_waiting_facts", "Facts that are not in the database yet.", count, slot),
            Gauge("ivr_journal_oldest_seconds", "Age of the oldest of them.", age, slot),
        ]
        quarantined += len(journal_reading.put_aside(folder))
    waiting = len(fallbacks(fallback, []))  # a disk that shows not all is told of by whoever takes them in
    return [
        *sorted(found, key=lambda gauge: gauge.name),
        Gauge("ivr_quarantined_facts", "Damaged or refused facts put aside.", quarantined),
        Gauge("ivr_fallback_waiting", "Recordings that the dialplan made alone.", waiting),
    ]


async def asked_of_spool(spool: Path, fallback: Path) -> list[Gauge]:
    """The same without a thread of those that serve pages; nothing of a disk that hangs."""
    with suppress(TimeoutError):
        return await ask_once(partial(in_time, spool, partial(of_spool, spool, fallback)))
    return []


def of_volumes(volumes: Volumes, seconds: float) -> list[Gauge]:
    """Free bytes, what of them is spoken for, and whether a recording of so many seconds may go there."""
    found = []
    for volume in volumes.all:
        room = volume.counted
        label = {"volume": SECOND if volume.prefix else "state"}
        well = not volume.trouble(seconds)
        found += [
            Gauge("ivr_volume_free_bytes", "Room on the disk.", room.free, label, "min"),
            Gauge("ivr_volume_held_bytes", "What recordings in progress may take.", volume.holding, label),
            Gauge("ivr_volume_ballast_bytes", "Set aside for a full disk.", room.ballast, label, "min"),
            Gauge("ivr_volume_ballast_wanted_bytes", "When it is whole.", room.wanted, label, "max"),
            Gauge("ivr_volume_ok", "Whether recordings go there.", well, label, "min"),
        ]
    return sorted(found, key=lambda gauge: gauge.name)


def of_process() -> list[Gauge]:
    """Open files of this process and how many it may have."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = sum(1 for _ in Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else 0
    return [
        Gauge("ivr_open_files", "Files and sockets of the process that has most.", opened, join="max"),
        Gauge("ivr_open_files_limit", "How many a process may open.", limit, join="min"),
    ]


async def without_case(engine: AsyncEngine) -> int:
    """Recordings in the books that belong to no case: too short, or without a word."""
    query = select(func.count()).select_from(recordings).where(recordings.c.case_id.is_(None))
    async with engine.connect() as connection:
        return int((await connection.execute(query)).scalar_one())
