"""That a spool was set back (a snapshot, a copy) is written down outside it, for people: the doctor tells.

Nothing is wrong with codes then, for none leased before is used again; but facts that only the lost part had
are gone with it. A note stays until somebody has looked and removes it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ivr.store.disk_thread import in_time

log = logging.getLogger(__name__)

NOTE = ".set_back"


class SetBack(NamedTuple):
    """`note`: the file that says so; `slot`: the codes' folder; `at`: when it was found, in UTC."""

    note: Path
    slot: str
    at: str
    why: str


def note(marks: Iterable[Path], slot: Path, why: str) -> None:
    """Beside each mark that can be written; the latest counts."""
    told = json.dumps({"slot": str(slot), "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "why": why})
    for mark in marks:
        try:
            in_time(mark, partial(_write, mark.with_name(mark.name + NOTE), told))
        except OSError as error:
            log.warning("beside %s it can't be noted: %s", mark, error.strerror)


def _write(note: Path, told: str) -> None:
    if not note.parent.is_symlink():  # as with marks
        note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(told, encoding="utf-8")


def noted(folders: Iterable[Path]) -> Iterator[SetBack]:
    """What is noted in these folders of marks."""
    for folder in folders:
        for path in sorted(folder.glob(f"*{NOTE}")):
            with suppress(OSError, ValueError, TypeError):
                yield SetBack(path, **json.loads(path.read_bytes()))
