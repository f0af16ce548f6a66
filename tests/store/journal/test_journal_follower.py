"""Whoever applies another's journal hears of each fact at once, in order, and only of whole ones."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from ivr.lab.pace import patience
from ivr.store.facts import CallStartedFact
from ivr.store.journal import Journal, applied, bell, journal_follower
from ivr.store.journal.applied import JournalError, JournalInUse, shown
from ivr.store.journal.journal_follower import JournalFollower
from tests.fixtures.damaged import damaged, hanging
from tests.store.noted import CALL, noted, number


@asynccontextmanager
async def followed(folder: Path) -> AsyncIterator[tuple[Journal, JournalFollower]]:
    """A journal that only writes, and who follows it."""
    journal, follower = Journal(folder, applies=False), JournalFollower(folder)
    journal.open()
    follower.open()
    try:
        yield journal, follower
    finally:
        await follower.close()
        await journal.close()


def taken(follower: JournalFollower) -> list[int]:
    """What is new, and applied by that."""
    found: list[int] = []
    while follower.has_more:
        facts, position = follower.read(follower.applied)
        follower.checkpoint(position)
        found += map(number, facts)
    return found


def until(so: Callable[[], bool]) -> bool:
    """Whether it came to that in another thread, while the event loop stood still."""
    end = time.monotonic() + patience(10)
    while not so() and time.monotonic() < end:
        time.sleep(0.001)
    return so()


async def next_of(follower: JournalFollower) -> list[int]:
    async with asyncio.timeout(patience(10)):
        while not (found := taken(follower)):
            follower.grown.clear()
            await follower.grown.wait()
    return found


async def test_flushes_of_a_moment_share_a_look_at_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_follower, "APART_SECONDS", patience(1))
    looks = list[Path]()

    def counted(folder: Path) -> Any:
        looks.append(folder)
        return shown(folder)

    async with followed(tmp_path) as (journal, follower):
        monkeypatch.setattr("ivr.store.journal.journal_follower.shown", counted)
        for n in range(20):
            await journal.append(noted(n))
        found = list[int]()
        while len(found) < 20:
            found += await next_of(follower)
        assert found == [*range(20)] and len(looks) < 10


async def test_each_fact_is_heard_of_by_the_bell_also_after_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_follower, "LOOK_SECONDS", 3_600)  # the bell alone
    async with followed(tmp_path) as (journal, follower):
        journal.segment_bytes = 60
        for n in range(5):
            await journal.append(noted(n))
            assert await next_of(follower) == [n]


async def test_the_bell_rings_for_no_fact_that_nobody_waits_for(tmp_path: Path) -> None:
    journal = Journal(tmp_path, applies=False)
    journal.open()
    with bell.hang(tmp_path) or nullcontext() as heard:
        assert heard is not None
        async with asyncio.timeout(patience(10)):
            for n in range(2):
                await journal.append(CallStartedFact(CALL))
                await journal.append(noted(n))
                await asyncio.get_running_loop().sock_recv(heard, 1)
        with pytest.raises(BlockingIOError):
            heard.recv(1)
    await journal.close()


async def test_without_a_bell_the_folder_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_follower, "LOOK_SECONDS", 0.05)
    async with followed(tmp_path / ("d" * 120)) as (journal, follower):  # longer than a socket's path may be
        (journal.folder / bell.NAME).unlink()
        await journal.append(noted(1))
        assert await next_of(follower) == [1]


async def test_a_look_that_the_disk_refuses_is_not_the_last_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_follower, "LOOK_SECONDS", 0.05)
    async with followed(tmp_path) as (journal, follower):
        (tmp_path / bell.NAME).unlink()
        refused = list[int]()
        with damaged(tmp_path, told=lambda: refused.append(1)):
            async with asyncio.timeout(patience(10)):
                while len(refused) < 3:
                    await asyncio.sleep(0.01)
            assert str(tmp_path) in str(follower.unshown), "facts may stand still there"
        await journal.append(noted(1))
        assert await next_of(follower) == [1] and follower.unshown is None
        assert caplog.text.count("must wait") == 1


async def test_a_disk_that_hangs_holds_up_its_own_journal_alone(tmp_path: Path) -> None:
    async with (
        followed(tmp_path / "one") as (journal, follower),
        followed(tmp_path / "other") as (other, its),
    ):
        with hanging(journal.folder):
            await journal.append(noted(1))
            for _ in range(20):
                follower._look_soon()  # as each ring of the bell does
            facts = asyncio.create_task(follower.next_facts(follower.applied))
            await other.append(noted(2))
            assert await next_of(its) == [2]
            assert not facts.done()
        await facts
        assert await next_of(follower) == [1]
        assert not await follower.has_ended()


async def test_a_disk_that_hangs_over_the_checkpoint_holds_up_nobody_and_is_let_go_of_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake, replace = threading.Event(), applied._replace

    def replacing(path: Path, text: str) -> None:
        awake.wait(patience(20))
        replace(path, text)

    monkeypatch.setattr(applied, "CHECKPOINT_SECONDS", 0.0)
    journal, follower = Journal(tmp_path, applies=False), JournalFollower(tmp_path)
    journal.open()
    follower.open()
    await journal.append(noted(1))
    assert await next_of(follower) == [1]
    await journal.append(noted(2))
    await follower.flush()
    _, position = await follower.next_facts(follower.applied)
    with monkeypatch.context() as sick:
        sick.setattr(applied, "_replace", replacing)
        sick.setattr(applied, "CLOSE_SECONDS", 0.05)
        await follower.applied_up_to(position)
        follower.save_soon()
        await follower.close()
        assert applied.checkpoint_of(tmp_path) < position
        with pytest.raises(JournalInUse):
            JournalFollower(tmp_path).open()
        awake.set()
        assert until(lambda: applied.checkpoint_of(tmp_path) == position)
        assert until(lambda: _is_free(tmp_path))
    await journal.close()


def _is_free(folder: Path) -> bool:
    try:
        os.close(applied.lock(folder / "applying"))
    except JournalInUse:
        return False
    return True


async def test_whatever_is_refused_at_its_opening_or_end_it_is_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as sick:
        sick.setattr(fcntl, "flock", refusing)
        with pytest.raises(JournalError, match="No locks available"):
            JournalFollower(tmp_path).open()
    follower = JournalFollower(tmp_path)
    follower.open()
    (tmp_path / bell.NAME).unlink()
    (tmp_path / bell.NAME).mkdir()
    await follower.close()
    assert not [fd for fd in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(fd)]


@pytest.mark.parametrize("hangs", [True, False])
async def test_who_gives_up_while_it_is_opened_holds_nothing_once_the_disk_has_answered(
    tmp_path: Path, hangs: bool
) -> None:
    gives_up, next_one = JournalFollower(tmp_path), JournalFollower(tmp_path)
    with hanging(tmp_path) if hangs else nullcontext():
        opening = asyncio.create_task(gives_up.open_beside())
        await asyncio.sleep(0)  # it is asked
        # Without the loop's turn: where nothing hangs it is taken by now, and nobody has been told so yet.
        assert until(lambda: gives_up._applying_fd >= 0 if hangs else gives_up._bell is not None)
        opening.cancel()
        await asyncio.wait({opening})
    async with asyncio.timeout(patience(10)):
        # What it held is told by nothing else: lock and bell are its own.
        while gives_up._applying_fd >= 0:
            await asyncio.sleep(0.01)
    assert gives_up._bell is None  # likewise
    next_one.open()
    await next_one.close()


async def test_one_alone_applies_a_journal_and_how_far_stays_known(tmp_path: Path) -> None:
    async with followed(tmp_path) as (journal, follower):
        await journal.append(noted(1))
        with pytest.raises(JournalInUse):
            JournalFollower(tmp_path).open()
        assert await next_of(follower) == [1]
    again = Journal(tmp_path)  # its next process applies itself, from there on
    again.open()
    assert again.applies and again.read(again.applied)[0] == []
    with pytest.raises(JournalInUse):
        JournalFollower(tmp_path).open()
    await again.close()


async def test_who_is_refused_a_journal_leaves_no_thread_behind(tmp_path: Path) -> None:
    async with followed(tmp_path) as (journal, follower):
        await follower.flush()  # its own thread is begun
        before = {thread for thread in threading.enumerate() if thread.name == "disk"}
        for _ in range(3):
            with pytest.raises(JournalInUse):
                await JournalFollower(journal.folder).open_beside()
        async with asyncio.timeout(patience(10)):
            while {thread for thread in threading.enumerate() if thread.name == "disk"} - before:
                await asyncio.sleep(0.01)


async def test_a_half_written_line_is_waited_for_while_its_writer_lives(tmp_path: Path) -> None:
    async with followed(tmp_path) as (journal, follower):
        await journal.append(noted(1))
        await next_of(follower)
        [segment] = tmp_path.glob("*.log")
        whole = segment.read_bytes()
        with segment.open("ab") as file:
            file.write(whole[:10])
            file.flush()
            follower.look()
            assert taken(follower) == [] and not (tmp_path / "quarantine").exists()
            file.write(whole[10:])
        follower.look()
        assert taken(follower) == [1]


async def test_half_a_line_of_a_dead_writer_is_put_aside(tmp_path: Path) -> None:
    follower, journal = JournalFollower(tmp_path), Journal(tmp_path, applies=False)
    journal.open()
    await journal.append(noted(1))
    [segment] = tmp_path.glob("*.log")
    await journal.close()
    with segment.open("ab") as file:
        file.write(b"0123")
    follower.open()
    assert taken(follower) == [1] and not follower.is_over
    assert taken(follower) == [] and follower.is_over
    assert [path.read_bytes() for path in (tmp_path / "quarantine").glob("*.line")] == [b"0123"]
    await follower.close()
