"""The recordings that no row speaks of, found without looking at every file: a million is no matter.

A day's folder that has not changed since the last pass is not opened, a file that has not grown is not looked
up, and what a pass had to leave is remembered by name in `reconciled.json`.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book
from ivr.store.recording_files import is_one, stem, where
from ivr.store.room import day_folders
from ivr.store.tables import recordings
from ivr.store.volumes import SECOND

LOOK_BACK_SECONDS = 120.0  # looked at again in each pass …
START_LOOK_BACK_SECONDS = 2 * 86_400.0  # … and in the first one of a process
LONGEST_SECONDS = 3_600.0  # a recording grows no longer than this after its folder last changed
FALLBACK = "fallback"  # the folder of what the dialplan recorded alone (`ivr.desk.facts.fallback`) …
TAKEN_SECONDS = 3_600.0  # … which is that one's to look after for so long
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where everything is. `spool` holds the journals and what the last pass remembered.

    `alone`: no other machine's servers record here, so what no journal of ours names is nobody's.
    """

    engine: AsyncEngine
    book: Book
    recordings: Path
    spool: Path
    alone: bool = True


class Stray(NamedTuple):
    """A file without a row: its name as in the books, and when it last grew."""

    name: str
    grown_at: float


async def strays(
    shelf: Shelf, look_back: float = START_LOOK_BACK_SECONDS, since: float = math.inf
) -> list[Stray]:
    """The recordings that have grown since the last pass, or that it left, and that are in no row.

    `since`: an earlier time, from which on everything is looked at again (`Recalled`).
    """
    last = await asyncio.to_thread(recall, shelf.spool)
    since, left = min(since, last.since), last.left
    found = await without_row(shelf.engine, await asyncio.to_thread(_named, shelf.recordings, left))
    for folder in await asyncio.to_thread(_folders, shelf.recordings, since - look_back):
        files = await asyncio.to_thread(_files, shelf.recordings, folder, since - look_back)
        found += await without_row(shelf.engine, files)
    once = {stray.name: stray for stray in found}
    return sorted(once.values(), key=lambda stray: (stray.grown_at, stray.name))


async def without_row(engine: AsyncEngine, files: Sequence[Stray]) -> list[Stray]:
    """Those of them that the books don't hold."""
    found: list[Stray] = []
    for start in range(0, len(files), _CHUNK):
        chunk = files[start : start + _CHUNK]
        async with engine.connect() as connection:
            rows = await connection.execute(with_row(), {"names": [stray.name for stray in chunk]})
        known = set(rows.scalars())
        found += [stray for stray in chunk if stray.name not in known]
    return found


def with_row() -> Any:
    """Those of `names` that the books hold."""
    return select(recordings.c.name).where(recordings.c.name == any_(bindparam("names", type_=ARRAY(Text))))


def _folders(root: Path, since: float) -> list[Path]:
    """The day folders that may hold a file that grew since then, and those of the dialplan's own."""
    places, since = (root, root / SECOND), since - LONGEST_SECONDS
    found = [day for place in places for day in day_folders(place) if _changed(day, since)]
    return found + [p / FALLBACK for p in places if _changed(p / FALLBACK, since - TAKEN_SECONDS)]


def _changed(folder: Path, since: float) -> bool:
    return folder.is_dir() and folder.stat().st_mtime >= since


def _files(root: Path, folder: Path, since: float) -> list[Stray]:
    day, found, now = folder.relative_to(root).as_posix(), [], time.time()
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat()
                ripe_at = status.st_mtime
                if folder.name == FALLBACK:  # it has a second name until its case is journalled
                    ripe_at = status.st_ctime + TAKEN_SECONDS if status.st_nlink == 1 else math.inf
                if is_one(entry.name) and since <= ripe_at <= max(now, status.st_mtime):
                    found.append(Stray(f"{day}/{stem(entry.name)}", status.st_mtime))
    return found


def _named(root: Path, names: Sequence[str]) -> list[Stray]:
    found = []
    for name in names:
        with suppress(FileNotFoundError):
            if path := where(root, name):
                found.append(Stray(name, path.stat().st_mtime))
    return found


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the last pass left: what grew before `since` was seen to, but for `left`.

    `setback`: when the database was last found to have gone back, as far as a pass knew.
    """

    since: float = 0.0
    left: Sequence[str] = ()
    setback: datetime | None = None


def recall(spool: Path) -> Recalled:
    """Everything is looked at when that is not known.

    A time that is yet to come means that the clock was wrong: everything again.
    """
    try:
        saved = json.loads((spool / "reconciled.json").read_bytes())
        since, left = float(saved["since"]), [str(name) for name in saved["left"]]
        setback = datetime.fromisoformat(saved["setback"]) if saved.get("setback") else None
    except (OSError, ValueError, KeyError, TypeError):
        return Recalled()
    return Recalled(since if since <= time.time() else 0.0, left, setback)


def remember(spool: Path, done: Recalled) -> None:
    """For the next pass, also of another process."""
    scratch = spool / f"reconciled.{uuid.uuid4().hex}"  # two passes may come to their ends at once
    told: dict[str, Any] = {"since": done.since, "left": sorted(done.left)}
    if done.setback:
        told["setback"] = done.setback.isoformat()
    try:
        scratch.write_text(json.dumps(told))
        scratch.replace(spool / "reconciled.json")
    finally:
        scratch.unlink(missing_ok=True)
