"""What earlier backups in a folder hold, so that the next one need not: a list of files beside each archive.

The list is of names, sizes, times and hashes, of ranges of rows with their number and mark, and of those for
whom the archive, and so all of its chain, is closed. It lies beside the archive because whoever makes a
backup for the holder of a key can't read it again. The archive itself says what it stands on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ivr.store import flushing

FORM = "seda111 files 1"
LIST = ".files"  # behind the archive's name
# What was erased stays in older archives for as long as they are kept, and a chain is kept as a whole.
WHOLE_AFTER = timedelta(days=30)
# Rows are read once a week all the same, so that what their pages lost is not found out a month later.
ROWS_AFTER = timedelta(days=6, hours=12)  # in the same night's hours
ROWS = "database/"  # begins the names of their copies


class Held(NamedTuple):
    """A file as it is in an archive, which is the chain's `archive`-th. `changed`: nanoseconds.

    Of a range of rows: how many there are, and its mark.
    """

    size: int
    changed: int
    sha256: str
    archive: int


class Archived(NamedTuple):
    """An archive: its file's name, the SHA-256 that stands for it, how large it is, when it was taken."""

    file: str
    sums: str
    size: int
    taken_at: str


@dataclass(frozen=True, slots=True)
class BackupChain:
    """A chain, oldest first, and what a next backup finds in it. Empty: the next one is whole."""

    chain: tuple[Archived, ...] = ()
    files: Mapping[str, Held] = field(default_factory=dict)

    def holds(self, name: str, status: os.stat_result) -> Held | None:
        """The file, if it is what it was: of the same size, not written since."""
        return self.has(name, status.st_size, status.st_mtime_ns)

    def has(self, name: str, size: int, changed: int) -> Held | None:
        """The same, of anything."""
        held = self.files.get(name)
        return held if held is not None and (size, changed) == (held.size, held.changed) else None

    @property
    def rows_since(self) -> datetime | None:
        """When the oldest archive with rows that are still wanted was taken; None: no rows are."""
        its = {held.archive for name, held in self.files.items() if name.startswith(ROWS)}
        return datetime.fromisoformat(self.chain[min(its)].taken_at) if its else None

    def without_rows(self) -> BackupChain:
        """For a next one that copies all of them."""
        return _needed(self.chain, {k: v for k, v in self.files.items() if not k.startswith(ROWS)})


WHOLE = BackupChain()


def newest(folder: Path, ending: str, holders: Collection[str]) -> tuple[BackupChain, str]:
    """The last chain of such archives in a folder, if all of it is there; else WHOLE and why.

    `holders`: the public keys of those who are to open the next one, and so all that it stands on.
    """
    lists = sorted(folder.glob(f"*{ending}{LIST}"), key=lambda path: path.stat().st_mtime_ns)
    if not lists:
        return WHOLE, "there is no earlier one with its list"
    try:
        head, *lines = lists[-1].read_text(encoding="utf-8").splitlines()
        told = json.loads(head)
        chain = tuple(Archived(*each) for each in told["chain"])
        files = {name: Held(*held) for name, *held in map(json.loads, lines)}
    except (OSError, ValueError, TypeError, KeyError):
        return WHOLE, f"{lists[-1].name} can't be read"
    if told.get("form") != FORM or len(files) != told["files"]:
        return WHOLE, f"{lists[-1].name} is not whole"
    theirs = told.get("holders")
    if theirs is None:  # of an earlier release
        return WHOLE, f"{lists[-1].name} does not say for whom it was closed"
    if not (set(holders) <= set(theirs) if holders else not theirs):
        return WHOLE, f"{chain[-1].file} was closed for others than this one"
    for link in chain:
        path = folder / link.file
        if not path.is_file() or path.stat().st_size != link.size:
            return WHOLE, f"{link.file}, on which the last one stands, is not there as it was"
    return _needed(chain, files), ""


def write_list(
    archive: Path, chain: Iterable[Archived], files: Mapping[str, Held], holders: Collection[str]
) -> None:
    """Beside an archive, which is the last of this chain, and closed for these. Raises OSError."""
    head = {"form": FORM, "files": len(files), "chain": list(chain), "holders": list(holders)}
    lines = [json.dumps(each) for each in (head, *([name, *held] for name, held in files.items()))]
    flushing.put(archive.with_name(archive.name + LIST), "\n".join([*lines, ""]).encode())


def _needed(chain: tuple[Archived, ...], files: Mapping[str, Held]) -> BackupChain:
    """Without archives of which nothing is wanted any more."""
    used = sorted({held.archive for held in files.values()})
    place = {old: new for new, old in enumerate(used)}
    moved = {name: held._replace(archive=place[held.archive]) for name, held in files.items()}
    return BackupChain(tuple(chain[old] for old in used), moved)
