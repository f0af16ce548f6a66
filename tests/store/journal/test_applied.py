"""What lies on a second disk that shows nothing is never stepped over, nor is it waited for without need."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ivr.store.journal import Journal, Position, journal_reading
from ivr.store.journal.applied import JournalUnread, SecondUnshown, segments
from ivr.store.journal.journal_follower import JournalFollower
from tests.fixtures.damaged import damaged, unmounted, unreadable
from tests.store.noted import noted, number

SECOND = Path("disk")


async def left(folder: Path, many: int, *on_second: int) -> Path:
    """A journal that nobody has, a fact in each segment, some of them on the second disk. Its link."""
    journal = Journal(folder / "journal", spare=folder / SECOND, segment_bytes=1)
    journal.open()
    for n in range(1, many + 1):
        await journal.append(noted(n))
    await journal.close()
    for n in on_second:
        name = f"{n:08d}.log"
        (folder / "journal" / name).rename(folder / SECOND / name)
    return journal.folder / "second"


def taken(follower: JournalFollower, limit: int = 200) -> list[int]:
    """What can be applied, and is by that."""
    found: list[int] = []
    while follower.has_more:
        facts, position = follower.read(follower.applied, limit)
        follower.checkpoint(position)
        found += map(number, facts)
    return found


async def test_a_journal_of_which_no_segment_is_missing_is_read_though_its_second_disk_shows_nothing(
    tmp_path: Path,
) -> None:
    second = await left(tmp_path, 5)
    follower = JournalFollower(second.parent)
    with damaged(second):
        follower.open()
        assert taken(follower, limit=2) == [1, 2, 3, 4, 5]
        assert not follower.is_over, "more may lie there"
    assert follower.is_over
    await follower.close()


@pytest.mark.parametrize("on_second", [(1,), (3,), (3, 4), (5,)])
@pytest.mark.parametrize("limit", [1, 200])
async def test_what_may_lie_on_a_second_disk_that_shows_nothing_is_read_in_its_turn_once_it_answers(
    tmp_path: Path, on_second: tuple[int, ...], limit: int
) -> None:
    second = await left(tmp_path, 5, *on_second)
    follower = JournalFollower(second.parent)
    follower.open()
    with damaged(second):
        found = taken_before_trouble(follower, limit)
        with pytest.raises(JournalUnread, match=f"segment {on_second[0]} of .* is not here"):
            follower.read(follower.applied, limit)
    assert found == [n for n in range(1, 6) if n < on_second[0]]
    assert follower.applied <= Position(on_second[0], 0)
    assert found + taken(follower, limit) == [1, 2, 3, 4, 5]
    await follower.close()


async def test_half_read_on_a_second_disk_a_segment_is_read_to_its_end_before_the_next(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path / "journal", spare=tmp_path / SECOND)
    journal.open()
    for n in (1, 2):
        await journal.append(noted(n))
    await journal.close()
    (tmp_path / "journal" / "00000001.log").rename(tmp_path / SECOND / "00000001.log")
    journal.open()
    await journal.append(noted(3))
    await journal.close()
    follower = JournalFollower(tmp_path / "journal")
    follower.open()
    facts, position = follower.read(Position(), 1)
    follower.checkpoint(position)
    assert list(map(number, facts)) == [1]
    with damaged(tmp_path / "journal" / "second"), pytest.raises(JournalUnread):
        follower.read(follower.applied)
    assert taken(follower) == [2, 3]
    await follower.close()


async def test_a_second_disk_that_is_not_there_at_all_holds_up_only_what_may_lie_on_it(
    tmp_path: Path,
) -> None:
    second = await left(tmp_path, 5, 3)
    follower = JournalFollower(second.parent)
    follower.open()
    (tmp_path / SECOND).rename(tmp_path / "unmounted")
    facts, position = follower.read(follower.applied)
    follower.checkpoint(position)
    assert list(map(number, facts)) == [1, 2]
    with pytest.raises(JournalUnread, match="remove that link"):
        follower.read(follower.applied)
    second.unlink()
    assert taken(follower) == [4, 5], "somebody said that it is gone for good"
    await follower.close()


@pytest.mark.parametrize("gone", [True, False])
async def test_from_outside_it_is_told_that_a_second_disk_shows_nothing(tmp_path: Path, gone: bool) -> None:
    second = await left(tmp_path, 2, 2)
    follower = JournalFollower(second.parent)
    with unmounted(tmp_path / SECOND) if gone else damaged(second, code=errno.EIO):
        for asks in (journal_reading.is_left, segments, lambda folder: journal_reading.promises(folder, "1")):
            with pytest.raises(SecondUnshown, match="second"):
                asks(second.parent)
        assert "second" in journal_reading.unread(second.parent)
        follower.open()
        assert taken(follower) == [1] and not follower.is_over and follower.unshown is not None
        if gone:
            where = second.readlink()
            second.unlink()
            assert segments(second.parent) and follower.is_over, "somebody said that it is gone for good"
            second.symlink_to(where)
    follower.look()
    assert taken(follower) == [2]
    await follower.close()


async def test_at_no_step_of_a_first_start_a_second_disk_seems_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, steps = tmp_path / "journal", list[str]()

    def looked_after(name: str) -> Callable[..., Any]:
        step = getattr(os, name)

        def stepped(*args: Any, **options: Any) -> Any:
            done = step(*args, **options)
            if folder.is_dir():
                steps.append(name)
                assert journal_reading.unread(folder) == "", name
            return done

        return stepped

    with monkeypatch.context() as each:
        for name in ("mkdir", "symlink"):
            each.setattr(os, name, looked_after(name))
        journal = Journal(folder, spare=tmp_path / SECOND)
        journal.open()
    assert {"mkdir", "symlink"} == set(steps)
    await journal.close()


async def test_applied_segments_that_the_disk_does_not_show_stop_no_facts(tmp_path: Path) -> None:
    second = await left(tmp_path, 3)
    follower = JournalFollower(second.parent)
    follower.open()
    _, position = follower.read(Position(), 2)
    with damaged(second.parent):
        follower.checkpoint(position)
    assert follower.applied == position
    await follower.close()


@pytest.mark.parametrize("limit", [1, 200])
async def test_what_lies_before_a_bad_page_is_read_and_then_the_place_is_told(
    tmp_path: Path, limit: int
) -> None:
    journal = Journal(tmp_path)
    journal.open()
    for n in range(4):
        await journal.append(noted(n, "x" * 50))
    await journal.close()
    segment = tmp_path / "00000001.log"
    ends = [n for n, byte in enumerate(segment.read_bytes(), 1) if byte == ord("\n")]
    follower = JournalFollower(tmp_path)
    follower.open()
    with unreadable(segment, ends[1] + 5):
        assert taken_before_trouble(follower, limit) == [0, 1]
        with pytest.raises(JournalUnread, match=f"behind byte {ends[1]}: '{segment}'"):
            follower.read(follower.applied, limit)
        assert f"behind byte {ends[1]}: '{segment}'" in journal_reading.unread(tmp_path)
    assert journal_reading.unread(tmp_path) == "" and taken(follower, limit) == [2, 3]
    await follower.close()


def taken_before_trouble(follower: JournalFollower, limit: int) -> list[int]:
    found: list[int] = []
    with suppress(JournalUnread):
        while follower.has_more:
            facts, position = follower.read(follower.applied, limit)
            follower.checkpoint(position)
            found += map(number, facts)
    return found


async def test_a_stray_file_that_is_called_like_a_segment_keeps_nobody_from_starting_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "1x.log").write_bytes(b"whatever")
    journal = Journal(tmp_path)
    journal.open()
    await journal.append(noted(1))
    assert (
        list(map(number, journal.read(Position())[0])) == [1]
        and f"{tmp_path / '1x.log'} is not read" in caplog.text
    )
    await journal.close()


async def test_what_is_put_into_quarantine_is_on_the_disk_before_anybody_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.open()
    real, synced = os.fsync, list[tuple[Path, bytes | set[str]]]()

    def fsync(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        synced.append((path, {each.name for each in path.iterdir()} if path.is_dir() else path.read_bytes()))
        real(fd)

    with monkeypatch.context() as each:
        each.setattr(os, "fsync", fsync)
        journal.quarantine("x.fact", b"her words", "a fact was refused: as a test")
    shelf = tmp_path / "quarantine"
    assert b"her words" in [held for _, held in synced]
    assert any(path == tmp_path and "quarantine" in held for path, held in synced if isinstance(held, set))
    assert synced[-1] == (shelf, {"x.fact", "x.fact.why"}), "the report is the last of it"
    await journal.close()
