"""Which disk a recording goes to: the first that has room for it, can be written and answers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ivr.store.volumes import LONGEST_SECONDS, Look, Volumes, look
from tests.fixtures.small_disk import SmallDisk

MINUTE = 60.0


async def test_the_first_disk_with_room_for_so_many_seconds_is_taken(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    volumes = Volumes.of(small_disk.path / "recordings", tmp_path)
    await volumes.look()
    assert volumes.pick(LONGEST_SECONDS) == "" and volumes.troubles(LONGEST_SECONDS) == []
    small_disk.fill(leave=2 << 20)  # room for a minute, not for three
    await volumes.look()
    assert (volumes.pick(MINUTE), volumes.pick(LONGEST_SECONDS)) == ("", "second/")
    assert "MB left" in volumes.troubles(LONGEST_SECONDS)[0]
    (small_disk.path / "recordings/second/probe").write_text("through the link")
    assert (tmp_path / "recordings/probe").read_text() == "through the link"


async def test_with_one_full_disk_alone_there_is_no_room_until_some_is_made(small_disk: SmallDisk) -> None:
    volumes = Volumes.of(small_disk.path, None)
    small_disk.fill()
    await volumes.look()
    assert volumes.pick(MINUTE) is None and "can't be written: No space left" in volumes.troubles(MINUTE)[0]
    small_disk.free()
    await volumes.look()
    assert volumes.pick(MINUTE) == ""


async def test_a_disk_that_was_full_a_moment_ago_is_known_to_have_been(small_disk: SmallDisk) -> None:
    now = 100.0
    volumes = Volumes.of(small_disk.path, None)
    volumes.clock = lambda: now
    assert not volumes.was_sick("3f", 10) and not volumes.is_sick("3f")
    small_disk.fill(leave=2 * 4096)  # a page is free for the look, and for nothing else
    assert volumes.is_sick("3f")
    small_disk.free()
    now += 5
    await volumes.look()
    assert volumes.was_sick("3f", 6) and not volumes.was_sick("3f", 4) and not volumes.is_sick("3f")


async def test_a_folder_that_can_not_be_written_is_no_place_for_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    volumes = Volumes.of(tmp_path / "file" / "recordings", None)
    await volumes.look()
    assert volumes.pick(1.0) is None and "can't be written: Not a directory" in volumes.troubles(1.0)[0]


async def test_a_disk_that_hangs_is_left_out_and_holds_nobody_up(tmp_path: Path) -> None:
    now = 0.0
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    volumes.clock = lambda: now
    await volumes.look()
    first, second = volumes.all
    now += 5
    assert volumes.pick(1.0) == ""
    now += 5  # no look came back
    second.last, second.at = Look(1 << 30, 0.01), now
    assert volumes.pick(1.0) == "second/" and "hangs" in first.trouble(1.0, now)
    # A disk that hangs in mid-look: the probe's name leads into a pipe that nobody reads.
    os.mkfifo(tmp_path / "recordings" / f".look-{os.getpid()}")
    async with asyncio.timeout(6):
        await volumes.look()
    reader = os.open(tmp_path / "recordings" / f".look-{os.getpid()}", os.O_RDONLY | os.O_NONBLOCK)
    os.close(reader)


async def test_a_disk_that_refused_a_recording_is_left_alone_for_a_while(tmp_path: Path) -> None:
    now = 0.0
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    volumes.clock = lambda: now
    await volumes.look()
    volumes.refused("2026/11/25/3f")
    assert volumes.pick(1.0) == "second/"
    volumes.refused("second/2026/11/25/3f")
    assert volumes.pick(1.0) is None
    now += 31
    for volume in volumes.all:
        volume.at = now
    assert volumes.pick(1.0) == ""


def test_a_slow_disk_is_named(tmp_path: Path, monkeypatch: object) -> None:
    from ivr.store import volumes as module

    before, module.SLOW_SECONDS = module.SLOW_SECONDS, -1.0
    try:
        assert "is slow" in look(tmp_path).trouble
    finally:
        module.SLOW_SECONDS = before
    assert look(tmp_path).trouble == "" and not list(tmp_path.iterdir())
