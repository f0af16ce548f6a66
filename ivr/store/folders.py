"""What a disk shows of its folders: one that is damaged holds up no other."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

TellRefused = Callable[[Path, OSError], None]


def unseen(folder: Path, error: OSError) -> None:
    """For whom nothing hangs on it: who looks for words there tells of it."""


def refusal(error: OSError) -> str:
    """Its sentence, with the file where it names one."""
    why = error.strerror or str(error)
    return why if error.filename is None else f"{error.filename}: {why}"


def remedy(error: OSError, of_disk: str) -> str:
    """What a person does about it: not every refusal is the disk's, for which it is `of_disk`."""
    if isinstance(error, PermissionError):
        return "it is not readable for this user: see its owner and mode (ls -ld)"
    if error.errno == errno.EILSEQ:
        return "rename it, or move it away"
    return of_disk


def shown(folder: Path, refused: TellRefused = unseen) -> Iterator[os.DirEntry[str]]:
    """What the disk shows of it; of a folder that is not there, nothing. `refused` is told the rest.

    One by one: what came before the damage counts, and a day's recordings are never all in memory.
    """
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        refused(folder, error)


def listed(folder: Path, refused: TellRefused = unseen) -> list[os.DirEntry[str]]:
    """The same, all at once: for small folders, and whoever changes them meanwhile."""
    return list(shown(folder, refused))


def day_folders(folder: Path, refused: TellRefused = unseen) -> Iterator[Path]:
    """Where the recordings of each day lie, YYYY/MM/DD, the newest first; read as they are asked for."""
    for year in _newest(folder, refused):
        for month in _newest(year, refused):
            yield from _newest(month, refused)


def _newest(folder: Path, refused: TellRefused) -> list[Path]:
    its = (Path(entry.path) for entry in listed(folder, refused) if "0" <= entry.name[:1] <= "9")
    return sorted(its, reverse=True)
