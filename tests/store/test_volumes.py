"""Which disk a recording goes to: the first that has room for it, can be written and answers."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ivr.lab.pace import patience
from ivr.store import disk_thread
from ivr.store import volumes as module
from ivr.store.volume import Look, look, look_in_time
from ivr.store.volumes import LONGEST_SECONDS, Volumes, link
from tests.fixtures.damaged import asleep, unmounted
from tests.fixtures.small_disk import Quota, SmallDisk

MINUTE = 60.0


async def test_the_first_disk_with_room_for_so_many_seconds_is_taken(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    volumes = Volumes.of(small_disk.path / "recordings", tmp_path)
    await volumes.look()
    assert volumes.where(LONGEST_SECONDS) == ["", "second/"] and volumes.troubles(LONGEST_SECONDS) == []
    small_disk.fill(leave=2 << 20)  # room for a minute, not for three
    await volumes.look()
    assert volumes.where(MINUTE) == ["", "second/"] and volumes.where(LONGEST_SECONDS) == ["second/"]
    assert "MB left" in volumes.troubles(LONGEST_SECONDS)[0]
    (small_disk.path / "recordings/second/probe").write_text("through the link")
    assert (tmp_path / "recordings/probe").read_text() == "through the link"


async def test_where_the_second_disk_is_not_mounted_nothing_is_made_for_it_and_it_serves_once_it_is(
    tmp_path: Path,
) -> None:
    state, disk = tmp_path / "recordings", tmp_path / "disk"
    Volumes.of(state, disk).close()
    disk.rename(tmp_path / "unmounted")
    disk.mkdir()
    volumes = Volumes.of(state, disk)
    await volumes.look()
    assert volumes.where(MINUTE) == [""] and not [*disk.iterdir()]
    assert "second can't be written: it leads to nothing; is that disk mounted?" in volumes.troubles(0)[0]
    disk.rmdir()
    (tmp_path / "unmounted").rename(disk)
    await volumes.look()
    assert volumes.where(MINUTE) == ["", "second/"]


def test_a_second_disk_that_hangs_is_not_waited_for_as_it_is_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state, disk = tmp_path / "recordings", tmp_path / "disk"
    with asleep(disk):
        with monkeypatch.context() as patched:
            patched.setattr(disk_thread, "HANG_SECONDS", 0.2)
            assert [each.prefix for each in Volumes.of(state, disk).all] == [""]
        assert f"the second volume can't be used: {disk}/recordings: it hangs" in caplog.text
    disk_thread._hanging[disk / "recordings", 0.0].join(patience(10))  # who sleeps there
    assert link(state, disk / "recordings")
    with asleep(disk):
        assert link(state, disk / "recordings"), "it leads there: whoever looks at it finds that it hangs"


async def test_with_one_full_disk_alone_there_is_no_room_until_some_is_made(small_disk: SmallDisk) -> None:
    volumes = Volumes.of(small_disk.path, None)
    await volumes.look()  # its own files lie there before
    small_disk.fill()
    await volumes.look()
    assert volumes.where(MINUTE) == [] and "can't be written: No space left" in volumes.troubles(MINUTE)[0]
    small_disk.free()
    await volumes.look()
    assert volumes.where(MINUTE) == [""]


async def test_what_recordings_in_progress_may_still_take_is_no_room_for_another(
    small_disk: SmallDisk,
) -> None:
    volumes = Volumes.of(small_disk.path, None)
    small_disk.fill(leave=8 << 20)
    await volumes.look()
    names: list[str] = []
    while volumes.where(LONGEST_SECONDS):
        names.append(f"3f{len(names)}")
        volumes.hold(names[-1], LONGEST_SECONDS)
    assert len(names) == 2 and all(volumes.holds(name) for name in names)
    # Another process of the same state learns of it with its next look.
    sibling = Volumes.of(small_disk.path, None)
    await volumes.look()
    await sibling.look()
    assert sibling.where(LONGEST_SECONDS) == [] and "MB left" in sibling.troubles(LONGEST_SECONDS)[0]
    volumes.release(names.pop())
    await volumes.look()
    await sibling.look()
    assert volumes.where(LONGEST_SECONDS) == sibling.where(LONGEST_SECONDS) == [""]


async def test_a_disk_that_was_full_a_moment_ago_is_known_to_have_been(small_disk: SmallDisk) -> None:
    now = 100.0
    volumes = Volumes.of(small_disk.path, None)
    volumes.clock = lambda: now
    await volumes.look()
    assert not volumes.was_sick("3f", 10, 0)
    small_disk.fill(leave=2 * 4096)  # a page is free for the look, and for nothing else
    assert volumes.was_sick("3f", 0, 0)
    await volumes.look()
    small_disk.free()
    now += 5
    await volumes.look()
    assert volumes.was_sick("3f", 6, 0) and not volumes.was_sick("3f", 4, 0)


async def test_words_whose_room_the_disk_has_set_aside_are_whole_however_full_it_is(
    small_disk: SmallDisk,
) -> None:
    volumes = Volumes.of(small_disk.path, None)
    volumes.hold("3f", MINUTE)
    (small_disk.path / "3f.wav").touch()  # Asterisk has begun
    await volumes.look()
    small_disk.fill()
    await volumes.look()
    assert volumes.troubles(MINUTE) and not volumes.was_sick("3f", 10, 0)
    assert volumes.was_sick("other", 10, 0)


async def test_words_for_which_zfs_only_said_that_it_set_room_aside_are_not_called_whole_on_a_full_disk(
    small_disk: SmallDisk, on_zfs: None
) -> None:
    volumes = Volumes.of(small_disk.path, None, ballast=2 << 20)
    volumes.hold("3f", MINUTE)
    (small_disk.path / "3f.wav").touch()
    await volumes.look()
    assert not volumes.was_sick("3f", 10, 0)
    small_disk.fill()
    assert volumes.was_sick("3f", 10, 0)
    await volumes.look()  # the ballast gives way
    assert volumes.was_sick("3f", 10, 0)


async def test_what_a_quota_refuses_is_not_called_whole_and_the_next_words_go_to_the_other_disk(
    quota: Quota, tmp_path: Path
) -> None:
    now = 100.0
    volumes = Volumes.of(quota.folder, tmp_path / "other")
    volumes.clock = lambda: now
    quota.most = 0
    volumes.hold("3f", MINUTE)
    (quota.folder / "3f.wav").touch()
    await volumes.look()
    assert volumes.where(MINUTE) == ["second/"] and not volumes.holds("3f")
    assert volumes.was_sick("3f", 10, 0) and "a quota that is used up" in volumes.troubles(0)[0]
    quota.most = None
    volumes.release("3f")
    await volumes.look()
    assert not volumes.troubles(LONGEST_SECONDS), "whoever has no other disk is turned away no longer"
    now += 60
    assert volumes.where(MINUTE) == ["second/", ""], "no other call is the next trial so soon"
    assert not volumes.was_sick("4f", 10, 0)
    now += 600
    assert volumes.where(MINUTE) == ["", "second/"]


async def test_words_refused_while_the_server_was_stopped_are_not_called_whole_for_room_set_aside_as_it_woke(
    small_disk: SmallDisk,
) -> None:
    volumes = Volumes.of(small_disk.path, None, ballast=2 << 20)
    await volumes.look()
    volumes.hold("3f", 5)
    file = small_disk.path / "3f.wav"
    file.write_bytes(b"\0" * 32_768)  # Asterisk's first block, and nobody has looked since it began
    small_disk.fill()  # … and refused the second
    assert volumes.was_sick("3f", 10, 0)
    await volumes.look()  # awake: the ballast gives way
    assert volumes.all[0].held["3f"].secured, "for what she says from now on"
    assert volumes.was_sick("3f", 10, 0)


async def test_a_folder_that_can_not_be_written_is_no_place_for_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    volumes = Volumes.of(tmp_path / "file" / "recordings", None)
    await volumes.look()
    assert volumes.where(1.0) == [] and "can't be written: Not a directory" in volumes.troubles(1.0)[0]
    assert volumes.was_sick("3f", 10, 0)


@contextmanager
def stuck(folder: Path) -> Iterator[None]:
    """A disk that hangs in mid-look: the probe's name leads into a pipe that nobody reads."""
    probe = folder / f".look-{os.getpid()}"
    os.mkfifo(probe)
    try:
        yield
    finally:
        os.close(os.open(probe, os.O_RDONLY | os.O_NONBLOCK))


async def test_a_disk_that_hangs_is_left_out_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_SECONDS", round(patience(4)))
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    await volumes.look()
    assert volumes.where(1.0) == ["", "second/"]
    with stuck(tmp_path / "recordings"):
        async with asyncio.timeout(patience(40)):
            await volumes.look()
            while volumes.where(1.0) != ["second/"]:
                await asyncio.sleep(0.05)
        assert "hangs" in volumes.troubles(1.0)[0]
    async with asyncio.timeout(patience(5)):
        while volumes.all[0].hangs:
            await asyncio.sleep(0.05)
    await volumes.look()
    assert volumes.where(1.0) == ["second/", ""], "used again, and after the other one for a while"


def test_who_asks_a_disk_that_hangs_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.store.volume.HANG_SECONDS", patience(2))
    assert look_in_time(tmp_path).trouble == ""
    with stuck(tmp_path):
        assert "hangs" in look_in_time(tmp_path).trouble


async def test_however_much_waits_for_a_disk_that_hangs_the_other_one_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_SECONDS", round(patience(4)))
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    gate = threading.Event()
    flushes = [volumes.threads("2026/11/25/3f").submit(gate.wait) for _ in range(100)]
    watching = asyncio.create_task(volumes.watch())
    try:
        async with asyncio.timeout(patience(40)):
            while volumes.where(1.0) != ["second/"] or not volumes.all[0].hangs:
                await asyncio.sleep(0.05)
        assert not volumes.all[1].hangs
    finally:
        gate.set()
        watching.cancel()
    assert all(each.result() for each in flushes)


async def test_a_write_that_sleeps_is_known_and_a_slow_flush_is_not_one(tmp_path: Path) -> None:
    volumes = Volumes.of(tmp_path, None)
    now = volumes.clock()
    assert not volumes.all[0].saw(Look(1 << 30, 5.0), now)
    for slept, later, ended, sick in (
        (0.1, 0, 0, False),
        (1.5, 2, 0, True),
        (1.5, 9, 0, False),  # a short sleep costs nothing that is said after it
        (1.5, 9, 7, True),  # … and her end was waited for in a flush
        (2.5, 9, 0, True),
    ):
        volumes.all[0].slept(slept, now)
        volumes.clock = lambda later=later: now + later  # type: ignore[misc]
        assert volumes.was_sick("3f", 60, ended) is sick


async def test_a_disk_that_wakes_is_known_to_have_slept_before_anybody_is_told_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes = Volumes.of(tmp_path, None)
    await volumes.look()
    monkeypatch.setattr(module, "DOZE_SECONDS", 0.2)
    awake = threading.Event()
    monkeypatch.setattr(os, "utime", lambda *_: awake.wait(patience(60)))
    looking = asyncio.create_task(volumes.look())
    try:
        while (under_way := volumes.all[0].touching) is None or under_way.done():
            await asyncio.sleep(0)
        asked = asyncio.create_task(asyncio.to_thread(volumes.was_sick, "3f", 0, 0))
        await asyncio.wait({asked}, timeout=0.4)
        assert not asked.done(), "whoever was recorded meanwhile learns it once the disk is awake"
    finally:
        awake.set()
    assert await asked
    await looking


async def test_who_has_two_disks_waits_for_neither_that_stalls(tmp_path: Path) -> None:
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    await volumes.look()
    volumes.hold("2026/11/25/3f", 1.0)
    assert volumes.holds("2026/11/25/3f")
    with stuck(tmp_path / "recordings"):
        watching = asyncio.create_task(volumes.watch())
        async with asyncio.timeout(patience(20)):
            while volumes.where(1.0) != ["second/", ""]:
                await asyncio.sleep(0.05)
        assert not volumes.holds("2026/11/25/3f"), "what has not begun begins elsewhere"
        assert not volumes.troubles(1.0), "long before it counts as hanging"
        watching.cancel()


async def test_a_disk_that_answers_slowly_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = Volumes.of(tmp_path / "recordings", None)
    await volumes.look()
    flush, slowly = os.fdatasync, threading.Event()

    def flush_slowly(fd: int) -> None:
        slowly.set()
        time.sleep(3.5)
        flush(fd)

    monkeypatch.setattr(os, "fdatasync", flush_slowly)
    watching = asyncio.create_task(volumes.watch())
    await asyncio.to_thread(slowly.wait)
    for _ in range(80):
        await asyncio.sleep(0.1)
        assert volumes.where(1.0) == [""] and not volumes.was_sick("3f", 60, 0)
    watching.cancel()
    told = re.search(r"is slow: ([\d.]+) s", volumes.warnings(1.0)[0])
    assert volumes.troubles(1.0) == [] and told and float(told[1]) >= 3.5


async def test_a_disk_that_refused_a_recording_is_used_after_the_other_one_for_a_while(
    tmp_path: Path,
) -> None:
    now = 0.0
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    volumes.clock = lambda: now
    await volumes.look()
    volumes.refused("2026/11/25/3f")
    assert volumes.where(1.0) == ["second/", ""]
    volumes.refused("second/2026/11/25/3f")
    assert volumes.where(1.0) == ["", "second/"]
    now += 31
    assert volumes.where(1.0) == ["", "second/"]


async def test_one_call_s_trouble_turns_nobody_away_from_the_only_disk(tmp_path: Path) -> None:
    volumes = Volumes.of(tmp_path / "recordings", None)
    await volumes.look()
    for _ in range(3):
        volumes.refused("2026/11/25/3f")
    assert volumes.where(LONGEST_SECONDS) == [""]


def test_words_that_were_refused_are_written_to_another_file_of_that_name_until_it_is_packed(
    tmp_path: Path,
) -> None:
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    for name in ("3f", "second/3f"):
        file = tmp_path / "recordings" / f"{name}.wav"
        file.write_bytes(bytes(5))
        with file.open("rb") as before:
            assert volumes.write_anew(name, b"words")
            assert (before.read(), file.read_bytes()) == (bytes(5), b"words")
        assert [*file.parent.glob("3f*")] == [file]
        file.write_bytes(b"more words")
        assert not volumes.write_anew(name, b"words"), "Asterisk still writes there"
        for form in (".flac", ".sealed"):
            made = file.replace(file.with_suffix(form))
            assert not volumes.write_anew(name, b"words") and not file.exists()
            made.replace(file)


def test_words_in_hand_are_written_anew_to_a_disk_that_lost_them_and_never_under_its_bare_mount_point(
    tmp_path: Path,
) -> None:
    volumes = Volumes.of(tmp_path / "recordings", tmp_path / "other")
    for name in ("2026/11/25/3f", "second/2026/11/25/3f"):
        file = tmp_path / "recordings" / f"{name}.wav"
        assert volumes.write_anew(name, b"words") and file.read_bytes() == b"words", "with its folders"
        file.write_bytes(b"wo")
        assert volumes.write_anew(name, b"words") and file.read_bytes() == b"words"
    with unmounted(tmp_path / "other"):
        (tmp_path / "other").mkdir()
        with pytest.raises(FileNotFoundError):  # so that it is tried again
            volumes.write_anew(name, b"words")
        (tmp_path / "other").rmdir()  # nothing was made in it
    assert volumes.write_anew(name, b"words")


def test_a_look_leaves_nothing_behind(tmp_path: Path) -> None:
    assert look(tmp_path).trouble == "" and not list(tmp_path.iterdir())


async def test_a_quiet_disk_is_looked_at_calmly_and_at_once_when_a_recording_is_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALM_SECONDS", 10_000.0)
    volumes = Volumes.of(tmp_path, None)
    touched, utime = 0, os.utime

    def touch(*what: Any) -> None:
        nonlocal touched
        touched += 1
        utime(*what)

    monkeypatch.setattr(os, "utime", touch)
    watching = asyncio.create_task(volumes.watch())
    async with asyncio.timeout(patience(20)):
        while not (touched and volumes.all[0].counted.free):
            await asyncio.sleep(0.01)
        (tmp_path / "3f.wav").write_bytes(bytes(64))
        volumes.hold("3f", 1.0)
        while touched < 3 or not volumes.all[0].held["3f"].secured:
            await asyncio.sleep(0.01)
    volumes.release("3f")
    await asyncio.sleep(2 * module.QUICK_SECONDS)  # what was under way
    calm = touched
    await asyncio.sleep(4 * module.QUICK_SECONDS)
    assert touched == calm
    watching.cancel()
