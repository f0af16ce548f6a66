"""Where the codes went on after each restore, so that a second one of the same past begins elsewhere.

The new database can't tell, and what the first one's gave lies where nobody looks any more. So it is noted in
two places: in the state folder, and beside the archive, for either may be new the next time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ivr.store import flushing

NOTE = "restores.json"


class NoteUnread(Exception):
    """What is noted there can't be told; one sentence. To go on without it may give a code again."""


def furthest(folders: Sequence[Path], hotline: str) -> dict[str, int]:
    """Of each sequence the furthest place where a restore of this hotline let it go on. Raises NoteUnread."""
    found: dict[str, int] = {}
    for folder in folders:
        for name, last in _read(folder).get(hotline, {}).items():
            found[name] = max(last, found.get(name, last))
    return found


def note(folder: Path, hotline: str, began: Mapping[str, int]) -> None:
    """For the next one. Raises NoteUnread or OSError."""
    there = _read(folder)
    flushing.put(folder / NOTE, json.dumps({**there, hotline: dict(began)}).encode())


def _read(folder: Path) -> dict[str, dict[str, int]]:
    path = folder / NOTE
    try:
        told = json.loads(path.read_bytes())
        return {hotline: {name: int(last) for name, last in its.items()} for hotline, its in told.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise NoteUnread(
            f"{path} can't be read ({why}): it says from where codes may go on after earlier restores; "
            "mend it, or move it away if there were none"
        ) from error
