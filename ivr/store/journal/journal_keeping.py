"""How long applied facts stay in a journal: days, for a database that goes back in time.

A fail-over to a lagging replica and a restore of last night's copy both lack what was applied since. What is
still here is applied again (`ivr.desk.facts.comparing`), what is not is lost. So where the room does not
suffice for the days, that is said.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

KEEP_BYTES = 64 << 20  # of applied facts stay whatever room there is …
KEEP_DAYS = 31.0  # … for as long, or for the term if that is longer: retention forgets nobody sooner
BLOCK = 4096  # that a segment takes of them at least: many short ones are many files
LEAST_FREE = 1 << 30  # where the disk has less, no more than those stay: calls need it
DAY_SECONDS = 86_400.0
CUT_SHORT = "cut_short"  # the file that says up to when facts went for want of room


@dataclass(frozen=True, slots=True)
class FactTerm:
    """Applied facts stay for `days`, in `size` bytes at most."""

    days: float = 14.0
    size: int = 2 << 30


def let_go(folder: Path, applied: Mapping[int, Path], term: FactTerm, now: float) -> int:
    """Remove what was kept long enough; the highest number among it that held facts, or 0.

    `applied`: the journal's segments by number that are applied as a whole; of these the last ones stay, and
    none that is empty. A file's time is no proof, for clocks jump: none counts as older than one before it.
    Of the last ones those go, too, that are `KEEP_DAYS` older than the newest with facts: else a quiet line's
    journal told for years who called. Not by `now`: after a long time off nobody has looked yet whose the
    last words were.
    """
    written, seen, last = 0.0, list[tuple[int, Path, float, int]](), latest(applied)
    for number, path in sorted(applied.items()):
        with suppress(FileNotFoundError):
            found = path.stat()
            written = max(written, found.st_mtime)
            seen.append((number, path, written, found.st_size))
    newest = max((at for *_, at, size in seen if size), default=0.0)
    old = min(now, newest) - max(term.days, KEEP_DAYS) * DAY_SECONDS
    seen = [one for one in seen if one[0] < last or not one[3] or one[2] < old]
    room, gone, short = _room(folder, term), 0, 0.0
    for number, path, at, size in reversed(seen):
        room -= size
        over = now - at > term.days * DAY_SECONDS
        if size and not over and room >= 0:
            continue
        with suppress(OSError):
            path.unlink()
        if size:
            gone = max(gone, number)
            short = max(short, 0.0 if over else at)
    if short:
        _say(folder, short, term)
    return gone


def latest(applied: Mapping[int, Path]) -> int:
    """From which number on applied segments stay whatever the room, and are looked into; 0 for all of them.

    By their bytes: each refused write ends a segment, so of a sick disk's last ones none may hold a fact.
    """
    held = 0
    for number, path in sorted(applied.items(), reverse=True):
        with suppress(FileNotFoundError):
            size = path.stat().st_size
            held += size and max(size, BLOCK)
        if held >= KEEP_BYTES:
            return number
    return 0


def cut_short(folder: Path, days: float) -> datetime | None:
    """Up to when facts of the last `days` went for want of room; None where all of them are here."""
    try:
        at = datetime.fromisoformat((folder / CUT_SHORT).read_text().strip())
    except (OSError, ValueError):
        return None
    return at if time.time() - at.timestamp() < days * DAY_SECONDS else None


def _room(folder: Path, term: FactTerm) -> int:
    disk = os.statvfs(folder)
    return term.size if disk.f_bavail * disk.f_frsize >= LEAST_FREE else 0


def _say(folder: Path, at: float, term: FactTerm) -> None:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    log.warning(
        "journal %s: facts up to %s went for want of room; %g days are wanted, for a database that goes back",
        folder, moment, term.days,
    )  # fmt: skip
    with suppress(OSError):
        (folder / CUT_SHORT).write_text(moment + "\n")
