"""What is flushed before words count as safe: the file, and each folder that is new."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.store import flushing
from ivr.store.volumes import Volumes
from tests.fixtures.small_disk import SmallDisk


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the kernel was asked to put on the disk, in order."""
    real, found = os.fsync, list[str]()

    def fsync(fd: int) -> None:
        found.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def flush(volumes: Volumes, name: str) -> None:
    with (volumes.all[0].folder / f"{name}.wav").open("rb") as file:
        volumes.flush(name, file.fileno())


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"words")
    return path


@pytest.mark.parametrize("prefix", ["", "second/"])
def test_a_file_and_each_new_folder_are_flushed_once(tmp_path: Path, synced: list[str], prefix: str) -> None:
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    root = (tmp_path / ("other/recordings" if prefix else "recordings")).resolve()
    first = put(root / "2026/11/25/aa.wav")
    flush(volumes, f"{prefix}2026/11/25/aa")
    assert synced == [str(place) for place in (first, *list(first.parents)[:4])]
    synced.clear()
    second, next_day = put(root / "2026/11/25/bb.wav"), put(root / "2026/11/26/cc.wav")
    flush(volumes, f"{prefix}2026/11/25/bb")
    flush(volumes, f"{prefix}2026/11/26/cc")
    assert synced == [str(second), str(next_day), str(next_day.parent)]


def test_a_folder_that_is_made_anew_is_flushed_again(tmp_path: Path, synced: list[str]) -> None:
    root = tmp_path / "recordings"
    volumes = Volumes.of(root, None)
    put(root / "2026/11/25/aa.wav")
    flush(volumes, "2026/11/25/aa")
    (root / "2026").rename(root / "away")
    anew = put(root / "2026/11/25/bb.wav")
    synced.clear()
    flush(volumes, "2026/11/25/bb")
    assert synced == [str(place) for place in (anew, *list(anew.parents)[:3])]


def test_a_folder_is_not_taken_for_flushed_before_those_above_it_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = Volumes.of(tmp_path / "recordings", None)
    put(tmp_path / "recordings/2026/11/25/aa.wav")
    real = os.fsync

    def refuse(fd: int) -> None:
        if Path(f"/proc/self/fd/{fd}").readlink().name == "2026":
            raise OSError("the disk refuses")
        real(fd)

    with monkeypatch.context() as sick:
        sick.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="the disk refuses"):
            flush(volumes, "2026/11/25/aa")
    found = list[str]()
    monkeypatch.setattr(os, "fsync", lambda fd: found.append(Path(f"/proc/self/fd/{fd}").readlink().name))
    flush(volumes, "2026/11/25/aa")
    assert found == ["aa.wav", "25", "11", "2026", "recordings"]


def test_what_is_not_there_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flushing.flush(tmp_path / "2026/11/25/aa.wav", tmp_path)


def test_a_full_disk_leaves_no_half_file_beside_what_was_to_be_put_and_it_is_named(
    small_disk: SmallDisk,
) -> None:
    secret = small_disk.path / "secrets" / "agi"
    flushing.put(secret, b"old")
    small_disk.fill()
    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device") as told:
            flushing.put(secret, b"s" * 5000)
        assert told.value.filename == str(secret)
    assert list(secret.parent.iterdir()) == [secret] and secret.read_bytes() == b"old"
