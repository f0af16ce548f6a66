"""Applied facts stay for days, for a database that goes back; where the room is too small, that is said."""

from __future__ import annotations

import errno
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.store.facts import RecordingBegunFact
from ivr.store.journal import Journal, JournalError, journal_keeping
from ivr.store.journal.journal_keeping import DAY_SECONDS, KEEP_BYTES, FactTerm, cut_short, let_go
from ivr.store.journal.journal_reading import naming
from tests.store.noted import AT, CALL, noted

NOW = 1_800_000_000.0


def lay(folder: Path, *ages: float, size: int = 100, last: int = KEEP_BYTES) -> dict[int, Path]:
    """A segment so many days old each, and behind them one that always stays."""
    found = {}
    for number, age in enumerate([*ages, 0.0], 1):
        found[number] = path = folder / f"{number:08d}.log"
        path.touch()
        os.truncate(path, size if number <= len(ages) else last)
        os.utime(path, (NOW - age * DAY_SECONDS,) * 2)
    return found


def refusing(*_: Any) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def left(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.log"))[:-1]


def test_a_segment_stays_for_its_days_however_often_we_are_restarted(tmp_path: Path) -> None:
    applied = lay(tmp_path, 30, 15, *[13.0] * 40)
    assert let_go(tmp_path, applied, FactTerm(days=14), NOW) == 2
    assert left(tmp_path) == [*range(3, 43)]
    assert cut_short(tmp_path, 14) is None


def test_empty_ones_go_at_once_and_the_last_stay_whatever_their_age(tmp_path: Path) -> None:
    assert let_go(tmp_path, lay(tmp_path, 1, 1, size=0), FactTerm(), NOW) == 0
    assert left(tmp_path) == []
    last = lay(tmp_path)
    assert let_go(tmp_path, last, FactTerm(days=0), NOW + 99 * DAY_SECONDS) == 0
    assert all(path.exists() for path in last.values())


def test_a_quiet_journal_does_not_tell_for_years_who_called(tmp_path: Path) -> None:
    applied = lay(tmp_path, 900, 32, 30, 1, last=100)
    assert let_go(tmp_path, applied, FactTerm(days=40), NOW) == 1, "a longer term holds"
    assert let_go(tmp_path, applied, FactTerm(days=14), NOW) == 2
    assert left(tmp_path) == [3, 4]
    assert cut_short(tmp_path, 14) is None


def test_what_was_told_last_stays_however_long_the_machine_was_off(tmp_path: Path) -> None:
    applied = lay(tmp_path, 140, 110, 100, last=0)  # a disk that refuses leaves empty ones
    assert let_go(tmp_path, applied, FactTerm(days=14), NOW) == 1
    assert left(tmp_path) == [2]


async def test_whose_words_they_are_is_known_however_many_writes_the_disk_refused_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_keeping, "LEAST_FREE", 1 << 60)
    began = RecordingBegunFact(AT, CALL, "2026/11/25/hers", *[""] * 6)
    journal = Journal(tmp_path)
    journal.open()
    await journal.append(began)
    with monkeypatch.context() as sick:
        sick.setattr(os, "write", refusing)
        for n in range(20):
            with pytest.raises(JournalError):
                await journal.append(noted(n))
    await journal.append(noted(20))
    journal.checkpoint(journal.flushed)
    assert journal.flushed.segment > 20
    assert [fact for _, fact in naming(tmp_path, [began.name])[began.name]] == [began]
    assert len([*tmp_path.glob("*.log")]) == 2, "what was refused leaves nothing behind"
    await journal.close()


def test_a_clock_that_was_wrong_for_a_while_lets_nothing_go(tmp_path: Path) -> None:
    assert let_go(tmp_path, lay(tmp_path, 5, 9_000, 4), FactTerm(days=14), NOW) == 0  # in 2002
    assert left(tmp_path) == [1, 2, 3]
    assert let_go(tmp_path, lay(tmp_path, 5, -9_000, 4), FactTerm(days=14), NOW + 20 * DAY_SECONDS) == 1
    assert left(tmp_path) == [2, 3]


def test_where_the_room_is_too_small_the_oldest_go_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    applied = lay(tmp_path, 20, 3, 2, 1)
    assert let_go(tmp_path, applied, FactTerm(days=14, size=200), NOW) == 2
    assert left(tmp_path) == [3, 4]
    assert "for want of room" in caplog.text
    at = datetime.fromtimestamp(NOW - 3 * DAY_SECONDS, UTC)
    assert cut_short(tmp_path, (time.time() - at.timestamp()) / DAY_SECONDS + 1) == at
    assert cut_short(tmp_path, (time.time() - at.timestamp()) / DAY_SECONDS - 1) is None


def test_a_disk_that_fills_up_is_for_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_keeping, "LEAST_FREE", 1 << 60)
    assert let_go(tmp_path, lay(tmp_path, 2, 1), FactTerm(), NOW) == 2
    assert left(tmp_path) == []
