"""What was worked out of recordings does not stay."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import pytest

from ivr.store.derived import Derived
from tests.fixtures.damaged import damaged


def test_it_is_made_once_and_again_when_it_is_too_old(tmp_path: Path) -> None:
    derived, made = Derived(tmp_path / "derived"), list[int]()
    recording = uuid.uuid4()

    def make() -> bytes:
        made.append(1)
        return b"sound"

    path = derived.get(recording, "blind.wav", make)
    assert derived.get(recording, "blind.wav", make) == path and path.read_bytes() == b"sound"
    assert made == [1] and path.stat().st_mode & 0o077 == 0
    yesterday = time.time() - derived.oldest - 1
    os.utime(path, (yesterday, yesterday))
    derived.get(recording, "blind.wav", make)
    assert made == [1, 1]


def test_what_is_too_old_or_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    derived = Derived(tmp_path, most=250)
    ids = [uuid.uuid4() for _ in range(4)]
    paths = [derived.get(id, "even.wav", lambda: bytes(100)) for id in ids[:2]]
    for age, path in zip((90_000, 60), paths, strict=True):
        os.utime(path, (time.time() - age, time.time() - age))
    paths += [derived.get(id, "even.wav", lambda: bytes(100)) for id in ids[2:]]
    assert [path.is_file() for path in paths] == [False, False, True, True]


def test_a_recording_is_forgotten_whole_and_others_stay(tmp_path: Path) -> None:
    derived = Derived(tmp_path)
    one, other = uuid.uuid4(), uuid.uuid4()
    mine = [derived.get(one, form, bytes) for form in ("blind.wav", "outline.json")]
    theirs = derived.get(other, "blind.wav", bytes)
    derived.forget(one)
    assert not any(path.exists() for path in mine) and theirs.is_file()


def test_what_can_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    def make() -> bytes:
        raise FileNotFoundError("no such recording")

    with pytest.raises(FileNotFoundError):
        Derived(tmp_path).get(uuid.uuid4(), "blind.wav", make)
    assert not [*tmp_path.rglob("*.*")]


def test_of_three_folders_one_that_a_damaged_disk_does_not_show_keeps_no_other_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    derived = Derived(tmp_path)
    paths = [derived.get(uuid.UUID(int=n << 120), "blind.wav", bytes) for n in (1, 2, 3)]
    for path in paths:
        os.utime(path, (1, 1))
    with damaged(paths[1].parent):
        for _ in range(2):
            derived.sweep()
        new = derived.get(uuid.UUID(int=4 << 120), "blind.wav", bytes)
    assert [path.exists() for path in (*paths, new)] == [False, True, False, True]
    assert derived.unread == [str(paths[1].parent)] and len(caplog.records) == 1, "told once"
    derived.sweep()
    assert not paths[1].exists() and derived.unread == []
