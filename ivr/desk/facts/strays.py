"""The recordings that no row speaks of, found without looking at every file: a million is no matter.

A day's folder that has not changed since the last pass is not opened, a file that has not grown is not looked
up, and what a pass had to leave is remembered by name in `reconciled.json`.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book
from ivr.store.room import day_folders
from ivr.store.tables import recordings
from ivr.store.volumes import SECOND

LOOK_BACK_SECONDS = 120.0  # looked at again in each pass …
START_LOOK_BACK_SECONDS = 2 * 86_400.0  # … and in the first one of a process
LONGEST_SECONDS = 3_600.0  # a recording grows no longer than this after its folder last changed
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


async def strays(shelf: Shelf, look_back: float = START_LOOK_BACK_SECONDS) -> list[Stray]:
    """The recordings that have grown since the last pass, or that it left, and that are in no row."""
    since, left = await asyncio.to_thread(_recall, shelf.spool)
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
    """The day folders that may hold a file that grew since then."""
    days = [day for place in (root, root / SECOND) for day in day_folders(place)]
    return [day for day in days if day.is_dir() and day.stat().st_mtime >= since - LONGEST_SECONDS]


def _files(root: Path, folder: Path, since: float) -> list[Stray]:
    day, found = folder.relative_to(root).as_posix(), []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.name.endswith(".wav") and (grown_at := entry.stat().st_mtime) >= since:
                    found.append(Stray(f"{day}/{entry.name[:-4]}", grown_at))
    return found


def _named(root: Path, names: Sequence[str]) -> list[Stray]:
    found = []
    for name in names:
        with suppress(FileNotFoundError):
            found.append(Stray(name, (root / f"{name}.wav").stat().st_mtime))
    return found


def _recall(spool: Path) -> tuple[float, list[str]]:
    """Since when files are to be looked at, and which older ones; everything when that is not known.

    A time that is yet to come means that the clock was wrong: everything again.
    """
    try:
        saved = json.loads((spool / "reconciled.json").read_bytes())
        since, left = float(saved["since"]), [str(name) for name in saved["left"]]
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, []
    return (since, left) if since <= time.time() else (0.0, left)


def remember(spool: Path, since: float, left: Sequence[str]) -> None:
    """For the next pass, also of another process: what grew before `since` was seen to, but for `left`."""
    scratch = spool / f"reconciled.{uuid.uuid4().hex}"  # two passes may come to their ends at once
    try:
        scratch.write_text(json.dumps({"since": since, "left": sorted(left)}))
        scratch.replace(spool / "reconciled.json")
    finally:
        scratch.unlink(missing_ok=True)
