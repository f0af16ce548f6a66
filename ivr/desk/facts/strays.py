"""The recordings that no row speaks of, found without looking at every file: a million is no matter.

A day's folder that has not changed since the last pass is not opened, a file that has not grown is not looked
up, and what a pass had to leave is remembered by name in `reconciled.json`.
"""

from __future__ import annotations

import json
import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.folders import day_folders, shown
from ivr.store.recording_files import is_one, stem, where
from ivr.store.tables import recordings
from ivr.store.volume import want_mounted
from ivr.store.volumes import SECOND, disk_of

T = TypeVar("T")
LOOK_BACK_SECONDS = 120.0  # looked at again in each pass …
START_LOOK_BACK_SECONDS = 2 * 86_400.0  # … and in the first one of a process
LONGEST_SECONDS = 3_600.0  # a recording grows no longer than this after its folder last changed
FALLBACK = "fallback"  # the folder of what the dialplan recorded alone (`ivr.desk.facts.fallback`) …
TAKEN_SECONDS = 3_600.0  # … which is that one's to look after for so long
_CHUNK = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where everything is. `spool` holds the journals and what the last pass remembered.

    `alone`: no other machine's servers record here, so what no journal of ours names is nobody's. `fallback`:
    the folder of what the dialplan records alone, whose names tell of calls that no journal knows.
    """

    engine: AsyncEngine
    book: Book
    recordings: Path
    spool: Path
    alone: bool = True
    fallback: Path | None = None


class Stray(NamedTuple):
    """A file without a row: its name as in the books, and when it last grew."""

    name: str
    grown_at: float

    @property
    def bookable(self) -> bool:
        """Whether books and journals, which are UTF-8, can hold its name: a damaged folder's may be any."""
        return self.name.encode(errors="replace").decode() == self.name


@dataclass(slots=True)
class StraySearch:
    """One look at the files that grew since `since`, a time(2).

    `unread`: folders of which a damaged disk does not show everything, and since when what grew there is not
    known. They hold up no other; in those of the look before (`earlier`) it is looked from that time on.
    `left`: recordings that were left before and that it does not show now.
    """

    root: Path
    since: float
    earlier: Mapping[str, float]
    strays: list[Stray] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unread: dict[str, float] = field(default_factory=dict)

    def began(self, folder: Path) -> float:
        """From when on what grew there counts."""
        place = folder.relative_to(self.root)
        return min(
            self.since, *(self.earlier.get(each.as_posix(), math.inf) for each in (place, *place.parents))
        )

    def refused(self, folder: Path, error: OSError) -> None:
        log.error("%s can't be looked at for recordings that are in no case: %s", folder, error)
        self.unread[folder.relative_to(self.root).as_posix()] = self.began(folder)


async def strays(
    shelf: Shelf, look_back: float = START_LOOK_BACK_SECONDS, since: float = math.inf
) -> StraySearch:
    """The recordings that have grown since the last pass, or that it left, and that are in no row.

    `since`: an earlier time, from which on everything is looked at again (`Recalled`).
    """
    last = await ask_once(partial(recall, shelf.spool))
    look = StraySearch(shelf.recordings, min(since, last.since) - look_back, last.unread)
    found = list[Stray]()
    for disk in (shelf.recordings, shelf.recordings / SECOND):
        names = [name for name in last.left if disk_of(shelf.recordings, name) == disk]
        its = await _listed(disk, partial(_named, look, names), partial(_leave, look, names))
        found += await without_row(shelf.engine, its)
        for folder in await _listed(disk, partial(_folders, look, disk), partial(look.refused, disk)):
            its = await _listed(disk, partial(_files, look, folder), partial(look.refused, folder))
            found += await without_row(shelf.engine, its)
    once = {stray.name: stray for stray in found}
    look.strays = sorted(once.values(), key=lambda stray: (stray.grown_at, stray.name))
    return look


async def asked(disk: Path, question: Callable[[], T]) -> T:
    """Its answer, or what it raises; TimeoutError where the second disk hangs. Who sleeps there is left.

    FileNotFoundError where it is not mounted: what it shows then says nothing of what lies on it.
    """

    def answer() -> T:
        want_mounted(disk)
        return question()

    return await ask_once(partial(in_time, disk, answer) if disk.name == SECOND else answer)


async def _listed(disk: Path, question: Callable[[], list[T]], refused: Callable[[OSError], None]) -> list[T]:
    try:
        return await asked(disk, question)
    except OSError as error:
        refused(error)
        return []


def _leave(look: StraySearch, names: Sequence[str], error: OSError) -> None:
    """For the next pass."""
    if names:
        log.error("%d recordings can't be looked at: %s", len(names), error)
        look.left += names


async def without_row(engine: AsyncEngine, files: Sequence[Stray]) -> list[Stray]:
    """Those of them that the books don't hold."""
    found: list[Stray] = []
    for start in range(0, len(files), _CHUNK):
        chunk = files[start : start + _CHUNK]
        names = [stray.name for stray in chunk if stray.bookable]
        async with engine.connect() as connection:
            rows = await connection.execute(with_row(), {"names": names})
        known = set(rows.scalars())
        found += [stray for stray in chunk if stray.name not in known]
    return found


def with_row() -> Any:
    """Those of `names` that the books hold."""
    return select(recordings.c.name).where(recordings.c.name == any_(bindparam("names", type_=ARRAY(Text))))


def _folders(look: StraySearch, disk: Path) -> list[Path]:
    """The day folders that may hold a file that grew since then, and those of the dialplan's own."""
    days = day_folders(disk, look.refused)
    found = [day for day in days if _changed(day, look.began(day) - LONGEST_SECONDS)]
    if _changed(alone := disk / FALLBACK, look.began(alone) - LONGEST_SECONDS - TAKEN_SECONDS):
        found.append(alone)
    return found


def _changed(folder: Path, since: float) -> bool:
    try:
        return folder.is_dir() and folder.stat().st_mtime >= since
    except OSError:
        return True  # whoever opens it is told why


def _files(look: StraySearch, folder: Path) -> list[Stray]:
    day, began, found, now = folder.relative_to(look.root).as_posix(), look.began(folder), [], time.time()
    for entry in shown(folder, look.refused):
        if not is_one(entry.name):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            look.refused(folder, error)
            continue
        ripe_at = status.st_mtime
        if folder.name == FALLBACK:  # it has a second name until its case is journalled
            ripe_at = status.st_ctime + TAKEN_SECONDS if status.st_nlink == 1 else math.inf
        if began <= ripe_at <= max(now, status.st_mtime):
            found.append(Stray(f"{day}/{stem(entry.name)}", status.st_mtime))
    return found


def _named(look: StraySearch, names: Sequence[str]) -> list[Stray]:
    found = list[Stray]()
    for name in names:
        try:
            if path := where(look.root, name):
                found.append(Stray(name, path.stat().st_mtime))
        except FileNotFoundError:
            continue
        except OSError as error:
            log.error("recording %s can't be looked at: %s", name, error)
            look.left.append(name)
    return found


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the last pass left: what grew before `since` was seen to, but for `left`.

    `setback`: when the database was last found to have gone back, as far as a pass knew. `unread`: that of
    its `StraySearch`.
    """

    since: float = 0.0
    left: Sequence[str] = ()
    setback: datetime | None = None
    unread: Mapping[str, float] = field(default_factory=dict)


def recall(spool: Path) -> Recalled:
    """Everything is looked at when that is not known.

    A time that is yet to come means that the clock was wrong: everything again.
    """
    try:
        saved = json.loads((spool / "reconciled.json").read_bytes())
        since, left = float(saved["since"]), [str(name) for name in saved["left"]]
        setback = datetime.fromisoformat(saved["setback"]) if saved.get("setback") else None
        unread = {str(folder): float(began) for folder, began in saved.get("unread", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Recalled()
    return Recalled(since if since <= time.time() else 0.0, left, setback, unread)


def remember(spool: Path, done: Recalled) -> None:
    """For the next pass, also of another process."""
    scratch = spool / f"reconciled.{uuid.uuid4().hex}"  # two passes may come to their ends at once
    told: dict[str, Any] = {"since": done.since, "left": sorted(done.left), "unread": dict(done.unread)}
    if done.setback:
        told["setback"] = done.setback.isoformat()
    try:
        scratch.write_text(json.dumps(told))
        scratch.replace(spool / "reconciled.json")
    finally:
        scratch.unlink(missing_ok=True)
