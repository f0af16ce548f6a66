"""Room for the words being spoken, on a real disk that something else fills up to its last byte."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ivr.settings import ROOT
from ivr.store import room as module
from ivr.store.room import BLOCK_BYTES, FOLDER, SPARE_BYTES, Hold, Room, trim, trim_left
from tests.fixtures.small_disk import Quota, SmallDisk

BALLAST = 256 << 20  # far more than a twentieth of the small disk
BLOCK = b"x" * 32_768  # what Asterisk writes at once
BEGUN = b"RIFF\0\0\0\0" + BLOCK[8:]  # the length in the header comes when it closes the file
ELSEWHERE = """
import sys
import time
from pathlib import Path
from ivr.store.room import Hold, Room
Room(Path(sys.argv[1])).count([Hold(Path(sys.argv[1], "b.wav"), 5_000_000)])
print("held", flush=True)
sys.stdin.read()
"""


def on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_a_recording_takes_all_that_was_set_aside_for_it_though_others_take_whatever_is_left(
    small_disk: SmallDisk,
) -> None:
    room, file = Room(small_disk.path), small_disk.path / "a.wav"
    hold = Hold.of(file, 60)
    with file.open("wb", buffering=0) as words:
        room.count([hold])
        assert hold.secured and on_disk(file) >= 960_000 and file.stat().st_size == 0
        for _ in range(960_000 // len(BLOCK)):
            small_disk.fill()
            assert words.write(BLOCK) == len(BLOCK)
    room.close()


def test_where_no_room_can_be_set_aside_as_by_nfs_the_log_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Linux's client of NFS refuses to keep the size."""

    def refused(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr("ivr.store.room._allocate", refused)
    room, hold = Room(tmp_path), [Hold.of(tmp_path / f"{n}.wav", 60) for n in "ab"]
    for each in hold:
        each.path.write_bytes(BEGUN)
    room.count(hold)
    room.count(hold)
    assert [each.secured for each in hold] == [None, None]
    assert caplog.text.count("no room can be set aside") == 1
    room.close()


def test_what_zfs_says_it_set_aside_is_not_relied_on_and_there_the_ballast_is_written(
    small_disk: SmallDisk, on_zfs: None, caplog: pytest.LogCaptureFixture
) -> None:
    room, ballast = Room(small_disk.path, BALLAST), small_disk.path / FOLDER / "ballast"
    built = room.count([])
    assert built.ballast == built.wanted <= on_disk(ballast)
    assert ballast.read_bytes().count(0) < built.ballast // 100, "zeros would take no room there"
    os.truncate(ballast, 0)
    os.truncate(ballast, built.wanted)  # as an earlier release left it
    hold = [Hold.of(small_disk.path / f"{n}.wav", 60) for n in "ab"]
    for each in hold:
        each.path.write_bytes(BEGUN)
    assert room.count(hold).ballast == built.wanted <= on_disk(ballast)
    assert [(each.secured, each.in_time) for each in hold] == [(None, False)] * 2
    room.count(hold)
    assert caplog.text.count("no room can be set aside") == 1
    room.close()


def test_of_a_short_recording_the_rest_is_given_back(small_disk: SmallDisk) -> None:
    room, file = Room(small_disk.path), small_disk.path / "a.wav"
    file.write_bytes(BLOCK)
    os.utime(file, (1_000_000, 1_000_000))
    hold = Hold.of(file, 60)
    room.count([hold])
    before = small_disk.left
    os.utime(file, (1_000_000, 1_000_000))
    trim(file)
    assert small_disk.left - before > 800_000 and on_disk(file) <= len(BLOCK) + BLOCK_BYTES
    assert (file.read_bytes(), file.stat().st_mtime) == (BLOCK, 1_000_000)
    room.close()


def test_of_a_recording_that_ended_meanwhile_nothing_stays_set_aside(small_disk: SmallDisk) -> None:
    room, file = Room(small_disk.path), small_disk.path / "a.wav"
    file.write_bytes(BLOCK)
    hold = Hold.of(file, 60)
    room._secure(hold)  # what the look does, at a time of the test's choosing
    hold.over, hold.secured = True, False
    room._secure(hold)  # what the look does, at a time of the test's choosing
    assert on_disk(file) <= len(BLOCK) + BLOCK_BYTES
    room.close()


def test_the_ballast_is_real_gives_way_a_little_at_a_time_and_is_built_up_again(
    small_disk: SmallDisk,
) -> None:
    room, ballast = Room(small_disk.path, BALLAST), small_disk.path / FOLDER / "ballast"
    whole = room.count([])
    assert 2_000_000 < whole.ballast == whole.wanted <= on_disk(ballast)
    small_disk.fill()
    assert not room.gave_way
    low = room.count([])
    assert room.gave_way and low.full and 0 < low.ballast < whole.ballast
    assert low.free == small_disk.left >= whole.ballast - low.ballast > 1_000_000
    assert room.count([]).ballast == low.ballast  # while nobody takes more, it gives no more
    small_disk.fill()
    assert room.count([]).ballast == 0 and small_disk.left > 0
    small_disk.free()
    again = room.count([])
    assert again.ballast == whole.ballast <= on_disk(ballast)
    room.close()


def test_the_ballast_gives_way_to_the_room_of_a_recording_that_has_just_begun(small_disk: SmallDisk) -> None:
    room, file = Room(small_disk.path, BALLAST), small_disk.path / "a.wav"
    room.count([])
    file.touch()
    small_disk.fill()
    hold = Hold.of(file, 60)
    room.count([hold])
    assert hold.secured and on_disk(file) >= 960_000
    room.close()


def test_the_ballast_gives_way_to_a_recording_that_a_quota_refuses_and_is_built_no_sooner_than_later(
    quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, file = Room(quota.folder, 4 << 20), quota.folder / "a.wav"
    whole = room.count([]).ballast
    file.touch()
    quota.most = quota.used
    hold = Hold.of(file, 60)
    found = room.count([hold])
    assert hold.in_time and on_disk(file) >= 960_000 and 0 < found.ballast < whole
    assert not found.full and not found.by_quota, "her words have their room"
    quota.most = None
    assert room.count([]).ballast == found.ballast, "others need what a quota has left"
    monkeypatch.setattr(module, "QUOTA_SECONDS", -math.inf)
    assert room.count([]).ballast == whole
    room.close()


def test_a_recording_that_a_quota_refuses_though_the_ballast_gave_way_makes_the_disk_full_until_it_does_not(
    quota: Quota,
) -> None:
    room, file = Room(quota.folder), quota.folder / "a.wav"
    file.touch()
    quota.most = 0
    hold = Hold.of(file, 60)
    found = room.count([hold])
    assert found.full and found.by_quota and not hold.secured and found.free > SPARE_BYTES
    quota.most = None
    found = room.count([hold])
    assert not found.full and not found.by_quota and hold.secured
    room.close()


def test_of_a_ballast_that_a_quota_refuses_no_part_is_kept(quota: Quota) -> None:
    quota.most = 2 << 20
    assert Room(quota.folder, 4 << 20).count([]).ballast == 0 and quota.used < 1 << 20


def test_no_ballast_is_built_where_it_would_take_the_room_of_recordings(small_disk: SmallDisk) -> None:
    small_disk.fill(leave=6 << 20)
    room = Room(small_disk.path, BALLAST)
    assert room.count([]).ballast == 0 and small_disk.left > 5 << 20
    room.close()


def test_a_smaller_setting_gives_the_rest_back(small_disk: SmallDisk) -> None:
    for size in (2 << 20, 1 << 20, 0):
        assert Room(small_disk.path, size).count([]).ballast == size


def test_what_another_process_holds_is_known_until_it_is_killed(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        room = Room(tmp_path)
        mine = Hold(tmp_path / "a.wav", 1_000)
        assert room.count([mine]).others == 5_000_000
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert room.count([mine]).others == 0
    assert len(list((tmp_path / FOLDER).glob("held-*"))) == 1  # ours
    room.close()
    assert not list((tmp_path / FOLDER).glob("held-*"))


def damage(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """What fsck would mend; the kernel alone can bring it about, so it is put in here."""

    def refusing(does: Callable[..., Any], path: Any, *more: Any) -> Any:
        if Path(path).is_relative_to(folder):
            raise OSError(errno.EUCLEAN, os.strerror(errno.EUCLEAN), str(path))
        return does(path, *more)

    for name in ("scandir", "open", "mkdir"):
        monkeypatch.setattr(os, name, partial(refusing, getattr(os, name)))


@pytest.mark.parametrize("damaged", ["fallback", "recordings/.room"])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_damaged_folder_makes_no_disk_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str, is_new: bool
) -> None:
    recordings = tmp_path / "recordings"
    for folder in (recordings, tmp_path / "fallback"):
        folder.mkdir()
    if not is_new:
        assert Room(recordings, 1 << 20).count([]).ballast
    damage(monkeypatch, tmp_path / damaged)
    count = Room(recordings).count([])  # without its ballast, which would give way
    assert count.free > 1 << 20 and not count.full


def test_while_it_can_not_be_seen_what_others_hold_it_is_not_taken_for_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = Room(tmp_path), Room(tmp_path)
    one.count([Hold(tmp_path / "a.wav", 2 * SPARE_BYTES)])
    assert other.count([]).others == 2 * SPARE_BYTES
    with monkeypatch.context() as while_damaged:
        damage(while_damaged, tmp_path / FOLDER)
        assert [other.count([]).others for _ in range(2)] == [2 * SPARE_BYTES] * 2
        assert Room(tmp_path).count([]).others == SPARE_BYTES, "who has never seen it"
    assert caplog.text.count("is guessed") == 2, "each tells once"
    one.count([])
    assert other.count([]).others == 0
    one.close()
    other.close()


def test_a_file_that_we_may_not_write_is_only_counted(tmp_path: Path) -> None:
    room, file = Room(tmp_path), tmp_path / "a.wav"
    file.mkdir()  # as root writes whatever it wants
    hold = Hold.of(file, 60)
    room.count([hold])
    assert hold.secured is None  # there is still the count of it, and the ballast
    other = Room(tmp_path)
    assert other.count([]).others == hold.size
    room.close()
    other.close()


def test_what_the_dialplan_records_alone_has_its_room_set_aside_while_it_grows(tmp_path: Path) -> None:
    recordings, alone = tmp_path / "recordings", tmp_path / "fallback"
    alone.mkdir()
    growing, ended = alone / "1700000000_0914_1_~fa~.wav", alone / "1600000000_0914_1_~fa~.wav"
    for file in (growing, ended):
        file.write_bytes(BEGUN)
    os.utime(ended, (time.time() - 10, time.time() - 10))
    room = Room(recordings)
    for _ in range(2):
        room.count([])
    room.close()
    assert on_disk(growing) >= 180 * 16_000 > 1 << 20 > on_disk(ended)
    trim(growing)
    assert on_disk(growing) < 1 << 20 and growing.read_bytes() == BEGUN


def test_what_the_dialplan_has_ended_keeps_no_room_however_long_nobody_takes_it_in(tmp_path: Path) -> None:
    alone = tmp_path / "fallback"
    alone.mkdir()
    closed, left = alone / "1700000000_0914_1_~fa~.wav", alone / "1700000000_0914_2_~fa~.wav"
    room = Room(tmp_path / "recordings")
    for file in (closed, left):
        file.write_bytes(BEGUN)
    room.count([])
    assert min(on_disk(closed), on_disk(left)) >= 180 * 16_000
    with closed.open("r+b") as head:  # as Asterisk does when she hangs up
        head.seek(4)
        head.write((len(BEGUN) - 8).to_bytes(4, "little"))
    os.utime(left, (time.time() - 30, time.time() - 30))  # Asterisk died over it
    for _ in range(2):
        room.count([])
    room.close()
    assert max(on_disk(closed), on_disk(left)) < 1 << 20


def test_what_whoever_was_killed_left_set_aside_is_given_back_once_nothing_grows(tmp_path: Path) -> None:
    day = tmp_path / "2026" / "11" / "27"
    day.mkdir(parents=True)
    room, now = Room(tmp_path), time.time()
    files = [day / f"{name}.wav" for name in ("left", "growing", "ours")]
    for file, idle in zip(files, (61, 1, 61), strict=True):
        file.write_bytes(BLOCK)
        room.count([Hold.of(file, 60)])
        os.utime(file, (now - idle, now - idle))
    room.close()
    before = [on_disk(file) for file in files]
    trim_left(tmp_path, 60, held=[files[2]])
    assert [was - on_disk(file) > 800_000 for file, was in zip(files, before, strict=True)] == [
        True, False, False,
    ]  # fmt: skip
    assert files[0].read_bytes() == BLOCK


def test_to_look_for_what_was_left_takes_no_more_memory_for_many_recordings_than_for_few(
    tmp_path: Path,
) -> None:
    day = tmp_path / "2026" / "11" / "27"
    day.mkdir(parents=True)
    peaks = []
    for upto in (100, 2_000):
        for n in range(len(list(day.iterdir())), upto):
            (day / f"{n:032x}.wav").touch()
        tracemalloc.start()
        trim_left(tmp_path, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


@pytest.mark.parametrize("damaged", ["2025", "2026/10", "2026/11/28"])
def test_what_was_left_set_aside_is_given_back_beside_a_damaged_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    left = tmp_path / "2026" / "11" / "27" / "left.wav"
    for folder in (left.parent, tmp_path / damaged):
        folder.mkdir(parents=True)
    left.write_bytes(BLOCK)
    room = Room(tmp_path)
    room.count([Hold.of(left, 60)])
    room.close()
    os.utime(left, (1_000_000, 1_000_000))
    before = on_disk(left)
    damage(monkeypatch, tmp_path / damaged)
    trim_left(tmp_path, 60)
    assert before - on_disk(left) > 800_000
