"""The journal: what was acknowledged is there, what is damaged is named, nothing is fatal."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.lab.pace import patience
from ivr.store.journal import Journal, JournalError, JournalFull, Position, journal_reading, pen
from ivr.store.journal.journal_keeping import FactTerm
from tests.fixtures.small_disk import SmallDisk
from tests.store.noted import noted, number


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Journal]:
    journal = Journal(folder, **options)
    journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def numbers(journal: Journal, after: Position | None = None) -> list[int]:
    """Everything that can be read, a few at a time."""
    found: list[int] = []
    position = after or Position()
    while True:
        facts, position = journal.read(position, limit=3)
        if not facts:
            return found
        found += [number(fact) for fact in facts]


async def test_facts_come_back_in_order_also_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await asyncio.gather(*(journal.append(noted(n, "سلام\n")) for n in range(10)))
        assert numbers(journal) == list(range(10))
    async with opened(tmp_path) as journal:
        await journal.append(noted(10))
        assert numbers(journal) == list(range(11))


async def test_what_is_noted_is_flushed_with_the_next_and_before_closing(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        journal.note(noted(0))
        await journal.append(noted(1))
        assert numbers(journal) == [0, 1]
        journal.note(noted(2))
    async with opened(tmp_path) as journal:
        assert numbers(journal) == [0, 1, 2]


async def test_who_may_wait_shares_the_flush_of_who_may_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        waiting = journal.append(noted(0), within=3_600)
        await journal.append(noted(1))
        async with asyncio.timeout(patience(10)):
            await waiting
        assert numbers(journal) == [0, 1]


async def test_who_may_wait_is_on_the_disk_in_time_also_behind_who_may_wait_longer(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal, asyncio.timeout(patience(10)):
        patient = journal.append(noted(0), within=3_600)
        await journal.append(noted(1), within=0.01)
        await patient
        journal.note(noted(2))
        assert journal._due is not None  # each time anew
        await journal.append(noted(3))
        assert journal._due is None  # and not for what is noted by then


async def test_a_fact_that_is_none_costs_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        none: Any = object()
        journal.note(noted(none))
        journal.note(noted(0))
        with pytest.raises(ValueError):
            await journal.append(noted(none))
        with pytest.raises(JournalError, match="is no fact"):
            await journal.append(noted(0, "x" * 2_000_000))
        await journal.append(noted(1))
        assert numbers(journal) == [0, 1]


async def test_what_was_flushed_a_moment_ago_is_read_without_the_disk_and_the_rest_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.MOST_LATELY", 5)

    async def next_numbers(position: Position, limit: int = 2) -> tuple[list[int], Position]:
        facts, position = await journal.next_facts(position, limit)
        return [number(fact) for fact in facts], position

    async with opened(tmp_path, segment_bytes=100) as journal:
        begin = journal.flushed
        for n in range(5):
            await journal.append(noted(n))
        for path in tmp_path.glob("*.log"):
            path.rename(path.with_suffix(".hidden"))
        for wanted in ([0, 1], [2, 3], [4]):
            found, begin = await next_numbers(begin)
            assert found == wanted
        for path in tmp_path.glob("*.hidden"):
            path.rename(path.with_suffix(".log"))
        assert (await next_numbers(Position(), 9))[0] == [0, 1, 2, 3, 4]  # they were let go
        for n in range(5, 20):
            await journal.append(noted(n))
        assert numbers(journal) == numbers(journal, Position()) == list(range(20))


async def test_reading_goes_on_behind_the_checkpoint(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await journal.append(noted(0))
        _, position = journal.read(Position())
        journal.checkpoint(position)
        assert not journal.has_more
        await journal.append(noted(1))
    async with opened(tmp_path) as journal:
        assert journal.has_more and numbers(journal, journal.applied) == [1]


async def test_segments_stay_small_and_applied_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.journal_keeping.KEEP_BYTES", 8 * 4096)
    async with opened(tmp_path, segment_bytes=200, term=FactTerm(days=0)) as journal:
        for n in range(200):
            await journal.append(noted(n))
        assert numbers(journal) == list(range(200))
        many = len(list(tmp_path.glob("*.log")))
        journal.checkpoint(journal.flushed)
        assert many > 12 and len(list(tmp_path.glob("*.log"))) < 12


async def test_a_lost_checkpoint_and_lost_segments_lose_no_new_facts(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await journal.append(noted(0))
        journal.checkpoint(journal.flushed)
    for path in tmp_path.glob("*.log"):
        path.unlink()
    async with opened(tmp_path) as journal:
        await journal.append(noted(1))
        assert numbers(journal, journal.applied) == [1]
    (tmp_path / "checkpoint.json").write_text("{")
    async with opened(tmp_path) as journal:
        assert numbers(journal, journal.applied) == [1]


async def test_a_torn_tail_is_put_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        for n in range(3):
            await journal.append(noted(n))
    segment = max(tmp_path.glob("*.log"))
    segment.write_bytes(segment.read_bytes()[:-5])
    async with opened(tmp_path) as journal:
        await journal.append(noted(3))
        assert numbers(journal) == [0, 1, 3]
        assert not journal.read(journal.flushed)[0]
    (report,) = (tmp_path / "quarantine").glob("*.why")
    assert "fail the checksum" in report.read_text()
    assert b'"type":"rating"' in report.with_suffix("").read_bytes()


@settings(max_examples=25, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
async def test_a_flipped_bit_costs_at_most_the_lines_it_touches(
    tmp_path_factory: pytest.TempPathFactory, at: float, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    async with opened(folder) as journal:
        for n in range(6):
            await journal.append(noted(n))
    segment = max(folder.glob("*.log"))
    content = bytearray(segment.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    segment.write_bytes(content)
    async with opened(folder) as journal:
        found = numbers(journal)
    # A flipped line end joins two lines; every other flip spoils one.
    assert len(found) >= 4 and found == sorted(set(found)) and set(found) <= set(range(6))
    assert len(found) == 6 or list((folder / "quarantine").glob("*.line"))


async def test_a_full_disk_is_named_and_the_journal_recovers(tmp_path: Path) -> None:
    """The kernel's own answer, from /dev/full, in place of the segment."""
    async with opened(tmp_path) as journal:
        await journal.append(noted(0))
        full = os.open("/dev/full", os.O_WRONLY)
        assert journal._pen is not None  # its file
        os.dup2(full, journal._pen._fd)  # a disk that is full from now on
        os.close(full)
        with pytest.raises(JournalFull, match="no room"):
            await journal.append(noted(1))
        await journal.append(noted(2))
        assert numbers(journal) == [0, 2]


async def test_a_journal_that_refused_is_in_trouble_until_it_takes_something(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await journal.append(noted(0))
        assert journal.trouble == ""
        full = os.open("/dev/full", os.O_WRONLY)
        assert journal._pen is not None  # its file
        os.dup2(full, journal._pen._fd)  # a disk that is full from now on
        os.close(full)
        with pytest.raises(JournalFull):
            await journal.append(noted(1))
        assert "no room left" in journal.trouble
        await journal.sign()  # what each process does every few seconds, though nobody calls
        assert journal.trouble == ""


async def test_a_flush_that_hangs_is_trouble_and_one_that_is_slow_or_was_stopped_over_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(0.3))  # so it hangs after 0.6
    asleep, took, alarms = tmp_path / "asleep", pen._write_all, 0  # the disk itself

    def slow(fd: int, content: bytes) -> None:
        time.sleep(patience(0.3))
        took(fd, content)

    async with opened(tmp_path / "journal", segment_bytes=1) as journal, asyncio.timeout(patience(20)):
        monkeypatch.setattr(pen, "_write_all", slow)
        for n in range(6):
            writing = journal.append(noted(n))
            while not writing.done():
                alarms += bool(journal.trouble)
                await asyncio.sleep(0.01)
        assert alarms == 0
        monkeypatch.setattr(pen, "_write_all", took)
        os.mkfifo(asleep)  # whoever opens that for writing sleeps until somebody reads
        os.link(asleep, following := journal.folder / f"{journal.flushed.segment + 1:08d}.log")
        hangs = journal.append(noted(6))
        await asyncio.sleep(0)
        time.sleep(patience(1.5))  # noqa: ASYNC251 - the whole process is stopped
        await asyncio.sleep(0)
        assert journal.trouble == ""
        while "hangs" not in journal.trouble:
            await asyncio.sleep(0.01)
        following.unlink()
        with os.fdopen(os.open(asleep, os.O_RDONLY | os.O_NONBLOCK), "rb"):
            await hangs
        assert journal.trouble == ""


async def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="can't be written"):
        Journal(tmp_path / "file" / "journal").open()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(JournalError, match="in use by another process"):
            Journal(tmp_path).open()


WRITER = """
import asyncio, sys
from pathlib import Path
from ivr.store.journal import Journal
from tests.store.noted import noted

async def main():
    journal = Journal(Path(sys.argv[1]), segment_bytes=2000)
    journal.open()
    for n in range(1_000_000):
        await journal.append(noted(n))
        print(n, flush=True)

asyncio.run(main())
"""


async def test_whatever_was_acknowledged_before_kill_9_is_there(tmp_path: Path) -> None:
    command = (sys.executable, "-c", WRITER, str(tmp_path))
    writer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert writer.stdout is not None
    told = [int(await writer.stdout.readline()) for _ in range(200)]
    writer.kill()
    told += [
        int(line) for line in (await writer.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")
    ]
    await writer.wait()
    async with opened(tmp_path) as journal:
        found = numbers(journal)
    assert found[: len(told)] == told and found == list(range(len(found)))


async def test_when_its_disk_is_full_the_journal_goes_on_on_the_other(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    folder, spare = small_disk.path / "journal", tmp_path / "spare"
    async with opened(folder, spare=spare) as journal:
        await journal.append(noted(0))
        small_disk.fill()
        await asyncio.gather(*(journal.append(noted(n, "x" * 9_000)) for n in range(1, 9)))
        assert journal.on_spare and numbers(journal) == list(range(9))
        assert list(spare.glob("*.log"))
    # As after a crash: a new process, the disk still full, the facts on both disks.
    async with opened(folder, spare=spare) as journal:
        await journal.append(noted(9, "x" * 9_000))
        assert numbers(journal) == list(range(10))
        assert len(list(journal_reading.waiting(folder))) == 10
        small_disk.free()
        assert journal._pen is not None  # its file
        journal._pen.moved_at -= 61  # a minute later
        await journal.append(noted(10))
        assert not journal.on_spare and numbers(journal) == list(range(11))


async def test_a_disk_that_hangs_is_left_and_what_it_writes_when_it_wakes_is_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(1.0))
    folder, spare, asleep = tmp_path / "journal", tmp_path / "spare", tmp_path / "asleep"
    async with opened(folder, spare=spare, segment_bytes=1) as journal, asyncio.timeout(patience(20)):
        await journal.append(noted(0))
        os.mkfifo(asleep)  # whoever opens that for writing sleeps until somebody reads
        os.link(asleep, following := folder / f"{journal.flushed.segment + 1:08d}.log")
        await asyncio.gather(journal.append(noted(1)), journal.append(noted(2)))
        assert journal.on_spare
        following.unlink()
        await journal.append(noted(3))
        assert numbers(journal) == [0, 1, 2, 3]
        with os.fdopen(os.open(asleep, os.O_RDONLY | os.O_NONBLOCK), "rb") as woken:
            while sum(thread.name == "journal" for thread in threading.enumerate()) > 1:
                await asyncio.sleep(0.01)
            assert woken.read().count(b"\n") >= 1
        await journal.append(noted(4))
        assert numbers(journal) == [0, 1, 2, 3, 4]
    async with opened(folder, spare=spare) as journal:
        assert numbers(journal) == [0, 1, 2, 3, 4]


def hang(journal: Journal, place: Path) -> Path:
    """Whoever begins that journal's next segment there sleeps until the file is opened for reading."""
    os.mkfifo(asleep := place.with_name(f"asleep-{place.name}-{journal.flushed.segment}"))
    os.link(asleep, place / f"{journal.flushed.segment + 1:08d}.log")
    return asleep


@contextmanager
def waking(place: Path, asleep: Path) -> Iterator[None]:
    """The disk answers from now on."""
    for file in place.glob("*.log"):
        if file.samefile(asleep):
            file.unlink()
    woken = os.open(asleep, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(woken)


def writers() -> int:
    return sum(thread.name == "journal" for thread in threading.enumerate())


async def until_one_writes() -> None:
    while writers() > 1:
        await asyncio.sleep(0.01)


async def test_when_the_other_disk_hangs_too_the_journal_goes_back_to_its_own_that_is_well_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(1.0))
    folder, spare = tmp_path / "journal", tmp_path / "spare"
    async with opened(folder, spare=spare, segment_bytes=1) as journal, asyncio.timeout(patience(30)):
        await journal.append(noted(0))
        asleep = hang(journal, folder)
        await journal.append(noted(1))
        assert journal.on_spare
        with waking(folder, asleep):
            await until_one_writes()
        asleep = hang(journal, spare)
        await asyncio.gather(journal.append(noted(2)), journal.append(noted(3)))
        assert not journal.on_spare
        await journal.append(noted(4))
        with waking(spare, asleep):
            await until_one_writes()
        assert numbers(journal) == [0, 1, 2, 3, 4]


async def test_while_both_disks_hang_no_more_threads_sleep_than_there_are_disks_and_the_first_to_wake_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = patience(0.2)
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", leave)
    folder, spare = tmp_path / "journal", tmp_path / "spare"
    async with opened(folder, spare=spare, segment_bytes=1) as journal, asyncio.timeout(patience(30)):
        await journal.append(noted(0))
        own = hang(journal, folder)
        await journal.append(noted(1))
        other = hang(journal, spare)
        waiting = journal.append(noted(2))
        await asyncio.sleep(4 * leave)  # as often it was looked whether to leave
        assert journal.on_spare and not waiting.done() and writers() == 2
        with waking(folder, own):
            await waiting
        assert not journal.on_spare
        with waking(spare, other):
            await until_one_writes()
        assert numbers(journal) == [0, 1, 2]


async def test_two_disks_that_are_slow_are_not_left_for_each_other_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(0.2))
    took = pen._write_all  # the disk itself

    def slow(fd: int, content: bytes) -> None:
        time.sleep(patience(0.5))
        took(fd, content)

    monkeypatch.setattr(pen, "_write_all", slow)
    async with opened(tmp_path / "journal", spare=tmp_path / "spare") as journal:
        async with asyncio.timeout(patience(30)):
            await journal.append(noted(0))
            await until_one_writes()
        assert set(numbers(journal)) == {0}  # of each pen that was left once more


async def test_while_the_other_disk_hangs_and_its_own_refuses_who_waits_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(0.5))
    folder, spare = tmp_path / "journal", tmp_path / "spare"
    async with opened(folder, spare=spare, segment_bytes=1) as journal, asyncio.timeout(patience(30)):
        await journal.append(noted(0))
        refused = [folder / f"{journal.flushed.segment + later:08d}.log" for later in range(1, 20)]
        for path in refused:
            path.mkdir()
        await journal.append(noted(1))
        assert journal.on_spare
        asleep = hang(journal, spare)
        for n in (2, 3):
            with pytest.raises(JournalError, match="can't be written"):
                await journal.append(noted(n))
        assert writers() == 2
        for path in refused:
            path.rmdir()
        await journal.append(noted(4))
        assert not journal.on_spare
        with waking(spare, asleep):
            await until_one_writes()
        assert numbers(journal) == [0, 1, 4]


async def test_a_journal_that_is_closed_over_a_disk_that_hangs_is_closed_on_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.LEAVE_SECONDS", patience(0.5))
    folder, spare = tmp_path / "journal", tmp_path / "spare"
    journal = Journal(folder, spare=spare, segment_bytes=1)
    journal.open()
    async with asyncio.timeout(patience(30)):
        await journal.append(noted(0))
        asleep = hang(journal, folder)
        waiting = journal.append(noted(1))  # it goes to the disk with what says that nothing more comes
        await journal.close()
        await waiting
        with waking(folder, asleep):
            while writers():
                await asyncio.sleep(0.01)
    async with opened(folder, spare=spare) as journal:
        assert numbers(journal) == [0, 1]


async def test_who_ends_waits_for_a_disk_that_hangs_only_so_long_and_nobody_takes_its_journal_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.CLOSE_SECONDS", 0.2)
    journal = Journal(tmp_path / "journal", segment_bytes=1)
    journal.open()
    async with asyncio.timeout(patience(30)):
        await journal.append(noted(0))
        asleep = hang(journal, journal.folder)
        waiting = journal.append(noted(1))
        await journal.close()
        assert not waiting.done()
        with pytest.raises(JournalError, match="in use by another process"):
            Journal(journal.folder).open()
        with waking(journal.folder, asleep):
            await waiting
    journal._leave()  # as the end of the process does


async def test_with_no_other_disk_a_full_one_refuses_and_what_was_only_noted_follows_later(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.journal.writing.RETRY_SECONDS", 0.1)
    async with opened(small_disk.path / "journal") as journal:
        await journal.append(noted(0))
        small_disk.fill()
        journal.note(noted(1, "x" * 9_000))
        with pytest.raises(JournalFull, match="no room left"):
            await journal.append(noted(2, "x" * 9_000))
        with pytest.raises(JournalFull, match="no room left"):
            await journal.append(noted(3, "x" * 9_000), keep=True)
        small_disk.free()
        async with asyncio.timeout(patience(10)):
            while numbers(journal) != [0, 1, 3]:
                await journal.flush()


async def test_a_journal_that_opens_on_a_full_disk_begins_on_the_other(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    async with opened(small_disk.path / "journal", spare=tmp_path) as journal:
        await journal.append(noted(0))
        journal.checkpoint(journal.flushed)
    small_disk.fill()
    async with opened(small_disk.path / "journal", spare=tmp_path) as journal:
        await journal.append(noted(1, "x" * 9_000))
        assert numbers(journal, journal.applied) == [1]
