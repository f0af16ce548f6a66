"""The caller's words as a file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import threading
import time
import wave
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from ivr.asterisk import recording
from ivr.asterisk.agi import Reply
from ivr.asterisk.connection import LOST
from ivr.desk.call.intake import JOURNAL_SECONDS
from ivr.lab.pace import patience
from ivr.voice.events import Ended
from ivr.voice.riff import with_header
from tests.asterisk.pretend import SPEECH
from tests.fixtures.damaged import asleep, without_header

NAME = "2026/11/25/abc"


def write(folder: Path, samples: int) -> None:
    path = folder / f"{NAME}.wav"
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((SPEECH * (samples // 160 + 1))[: samples * 2])


@pytest.mark.parametrize(
    ("reply", "ended"),
    [
        (Reply(200, "35", "dtmf", 16_000), Ended.HASH),
        (Reply(200, "-1", "hangup", 16_000), Ended.HANGUP),
        (Reply(200, "-1", "waitfor", 16_000), Ended.HANGUP),
        (Reply(200, "0", "timeout", 16_000), Ended.LIMIT),
        (Reply(200, "17", "timeout", 16_000), Ended.LIMIT),
        (Reply(200, "170280", "timeout", 16_000), Ended.SILENCE),
        (LOST, Ended.BROKEN),
    ],
)
async def test_how_a_recording_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, ended: Ended
) -> None:
    monkeypatch.setattr(recording, "GROWS_SECONDS", 0.01)
    write(tmp_path, 16_000)
    found = await recording.examine(tmp_path, NAME, reply)
    assert (found.ended, found.name, found.seconds) == (ended, NAME, 2.0)
    assert found.size == 32_044 and len(found.sha256) == 64
    assert found.voiced_seconds == 2.0


@pytest.mark.parametrize(
    "reply", [Reply(200, "-1", "writefile"), Reply(200, "49", "randomerror", 0), Reply(510), LOST]
)
async def test_without_a_file_nothing_was_recorded(tmp_path: Path, reply: Reply) -> None:
    assert await recording.examine(tmp_path, NAME, reply) is recording.NOTHING


async def test_a_file_with_words_is_never_called_a_failure(tmp_path: Path) -> None:
    write(tmp_path, 16_000)
    found = await recording.examine(tmp_path, NAME, Reply(510, text="?"))
    assert found.ended is Ended.HANGUP


class Mending(recording.Anywhere):
    """A disk of which the test keeps what is written anew."""

    def __init__(self) -> None:
        self.anew: dict[str, bytes] = {}

    def write_anew(self, name: str, content: bytes) -> bool:
        self.anew[name] = content
        return True


async def test_a_file_whose_header_a_full_disk_refused_is_written_anew_with_one(tmp_path: Path) -> None:
    write(tmp_path, 16_000)
    path = tmp_path / f"{NAME}.wav"
    path.write_bytes(without_header(path.read_bytes()))
    disk = Mending()
    found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), room=disk)
    content = disk.anew[NAME]
    assert content[:4] == b"RIFF" and found.sha256 == hashlib.sha256(content).hexdigest()


async def test_a_length_that_is_not_asterisks_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, 16_000)
    await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 15_999))
    assert "holds 16000 samples, Asterisk says 15999" in caplog.text


def test_names_are_under_their_day_and_never_the_same(tmp_path: Path) -> None:
    names = {recording.new_name(tmp_path, date(2026, 11, 5)) for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("2026/11/05/") and len(name) == 11 + 32 for name in names)
    assert (tmp_path / "2026/11/05").is_dir()


async def test_a_folder_that_vanished_is_made_again_after_a_failure(tmp_path: Path) -> None:
    folder = (tmp_path / recording.new_name(tmp_path, date(2026, 11, 6))).parent
    folder.rmdir()
    assert await recording.examine(tmp_path, NAME, Reply(200, "-1", "writefile")) is recording.NOTHING
    recording.new_name(tmp_path, date(2026, 11, 6))
    assert folder.is_dir()


class Sick(recording.Anywhere):
    """A disk that takes nothing now."""

    def was_sick(self, name: str, seconds: float, ended: float) -> bool:
        return True


class Ill(recording.Anywhere):
    """A disk that took nothing about 3 seconds ago."""

    def was_sick(self, name: str, seconds: float, ended: float) -> bool:
        return seconds > 3.0


@pytest.mark.parametrize(
    ("lasted", "room", "ended"),
    [
        (5.0, Sick(), Ended.CUT),
        (2.9, Sick(), Ended.CUT),  # it filled up in her last word
        (2.3, Sick(), Ended.HASH),  # nothing is missing: it filled up a moment later
        (3.0, Ill(), Ended.CUT),  # it takes something again, but what it refused meanwhile is missing
        (2.65, Ill(), Ended.HASH),  # the beep and the key
        (5.0, recording.ANYWHERE, Ended.HASH),  # her telephone sends nothing while she is silent
        (60.0, recording.ANYWHERE, Ended.HASH),  # … for a minute, or her finger was slow
    ],
)
async def test_a_file_is_cut_only_if_its_disk_refused_something_and_the_clock_says_that_it_is_missing(
    tmp_path: Path, lasted: float, room: recording.Disks, ended: Ended
) -> None:
    write(tmp_path, 16_000)
    found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), lasted, room)
    assert (found.ended, found.seconds, found.size) == (ended, 2.0, 32_044)


@pytest.mark.parametrize("size", [36_864, 33_664, 39_744, 45, 16_300])
async def test_a_file_of_any_length_is_whole_on_a_disk_that_is_well(tmp_path: Path, size: int) -> None:
    write(tmp_path, (size - 44) // 2)
    found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 18_410), 4.5)
    assert (found.ended, found.size) == (Ended.HASH, size - size % 2)


class Slow(recording.Anywhere):
    """A disk whose flush takes a while, or fails."""

    def __init__(self, seconds: float, error: OSError | None = None) -> None:
        self.seconds, self.error = seconds, error
        self.flushed: list[str] = []
        self.sick: list[str] = []

    def flush(self, name: str, fd: int) -> None:
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.flushed.append(name)

    def refused(self, name: str) -> None:
        self.sick.append(name)


class Forgetful(Slow):
    """A disk that refuses a flush, and then holds zeros for what it refused; after a while it takes it."""

    def __init__(self, file: Path, seconds: float) -> None:
        super().__init__(seconds, OSError(errno.EIO, "no"))
        self.file, self.tries = file, 0

    def flush(self, name: str, fd: int) -> None:
        self.file.write_bytes(bytes(self.file.stat().st_size))
        super().flush(name, fd)

    def write_anew(self, name: str, content: bytes) -> bool:
        if self.tries == 2:
            self.file.write_bytes(content)
        self.tries += 1
        if self.tries < 3:
            raise OSError(errno.EIO, "not yet")
        return True


class Together(Slow):
    """Flushes that end once all of them are under way and the test has come, too."""

    def __init__(self, many: int) -> None:
        super().__init__(0.5)
        self.all = threading.Barrier(many + 1)

    def flush(self, name: str, fd: int) -> None:
        self.all.wait(patience(20))
        super().flush(name, fd)


async def test_words_are_on_the_disk_before_anybody_learns_of_them_and_a_slow_disk_is_no_sick_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recording.FLUSH_SECONDS >= JOURNAL_SECONDS, "who waits for the journal waits for her words"
    monkeypatch.setattr(recording, "FLUSH_SECONDS", patience(60))
    write(tmp_path, 16_000)
    room, moments = Together(12), 0
    ends = [recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), 2.6, room) for _ in range(12)]
    all_of_them = asyncio.gather(*ends)
    async with asyncio.timeout(patience(20)):
        while room.all.n_waiting < 12 or moments <= 10:  # one after the other they would never meet …
            moments += 1
            await asyncio.sleep(0.01)  # … and the event loop goes on meanwhile
    assert not all_of_them.done()
    room.all.wait()
    found = await all_of_them
    assert room.flushed == [NAME] * 12 and {each.ended for each in found} == {Ended.HASH} and not room.sick


@pytest.mark.parametrize("room", [Slow(0.0, OSError(errno.EIO, "no")), Slow(0.6)])
async def test_words_that_a_disk_does_not_confirm_are_kept_but_not_called_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Slow
) -> None:
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.2)
    write(tmp_path, 16_000)
    found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), 2.6, room)
    assert (found.ended, found.seconds, room.sick) == (Ended.CUT, 2.0, [NAME])


@pytest.mark.parametrize("seconds", [0.0, 0.6])  # at once, and after she was told
async def test_words_that_a_disk_refused_are_written_anew_until_it_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(recording, "ANEW_SECONDS", 0.01)
    if seconds:
        monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.2)
    write(tmp_path, 16_000)
    file = tmp_path / f"{NAME}.wav"
    words, room = file.read_bytes(), Forgetful(file, seconds)
    found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), 2.6, room)
    assert (found.ended, found.sha256) == (Ended.CUT, hashlib.sha256(words).hexdigest())
    await recording.written_anew(patience(20))  # as a process does that ends
    assert (room.tries, file.read_bytes()) == (3, words)


@pytest.mark.parametrize("head_refused", [False, True])
async def test_who_ends_her_words_while_all_threads_of_her_disk_sleep_is_told_as_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head_refused: bool
) -> None:
    """And the books get the hash of what is written anew, with its head."""

    class OneThread(Slow):
        pool = ThreadPoolExecutor(1)

        def threads(self, name: str) -> Executor:
            return self.pool

    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.2)
    write(tmp_path, 16_000)
    path = tmp_path / f"{NAME}.wav"
    if head_refused:
        path.write_bytes(without_header(path.read_bytes()))
    whole = with_header(path.read_bytes())
    room, thaws = OneThread(0.0), threading.Event()
    asleep = room.pool.submit(thaws.wait)
    try:
        async with asyncio.timeout(patience(20)):
            found = await recording.examine(tmp_path, NAME, Reply(200, "35", "dtmf", 16_000), 2.6, room)
        assert (found.ended, round(found.seconds, 2), room.sick) == (Ended.CUT, 2.0, [NAME])
        assert not asleep.done()
        assert found.sha256 == hashlib.sha256(whole).hexdigest()
    finally:
        thaws.set()
        room.pool.shutdown()


async def test_a_disk_that_hangs_as_a_talk_has_ended_halts_no_other_call(tmp_path: Path) -> None:
    write(tmp_path, 16_000)
    with asleep(tmp_path) as sleepers:
        ending = asyncio.create_task(recording.settled(tmp_path, NAME, 2.0))
        async with asyncio.timeout(patience(20)):
            while not sleepers:
                await asyncio.sleep(0.01)
        assert threading.current_thread() not in sleepers
    found = await ending
    assert (found.seconds, found.name) == (2.0, NAME)


async def test_a_talk_s_recording_whose_disk_says_nothing_of_it_is_not_called_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.4)
    write(tmp_path, 16_000)
    with asleep(tmp_path) as sleepers:
        ending = asyncio.create_task(recording.settled(tmp_path, NAME, 2.0))
        async with asyncio.timeout(patience(20)):
            while len(sleepers) < 2:  # asked for its length, then for what it holds
                await asyncio.sleep(0.01)
    assert (await ending).seconds == 2.0
