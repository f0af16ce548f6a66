"""Each process has a slot of its own, and a slot that is left is taken again with all that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.store import disk_thread, slots
from ivr.store.journal import Journal, JournalError, Position, journal_reading
from tests.fixtures.damaged import asleep, damaged, unmounted
from tests.store.noted import noted


async def test_everybody_gets_a_slot_and_a_left_one_is_taken_first(tmp_path: Path) -> None:
    taken = [slots.take(tmp_path) for _ in range(3)]
    assert [journal.folder.parent for journal in taken] == [tmp_path, tmp_path / "1", tmp_path / "2"]
    assert slots.living(tmp_path) == {journal.folder for journal in taken}
    await taken[1].close()
    assert slots.living(tmp_path) == {taken[0].folder, taken[2].folder}
    again = slots.take(tmp_path)
    assert again.folder == taken[1].folder
    for journal in (taken[0], again, taken[2]):
        await journal.close()


async def test_a_slot_whose_disk_refuses_it_is_stepped_over_and_nothing_of_it_held(tmp_path: Path) -> None:
    with damaged(tmp_path / "journal"):
        journal = slots.take(tmp_path)
    assert journal.folder == tmp_path / "1" / "journal"
    assert slots.living(tmp_path) == {journal.folder}, "others see that nobody has the first"
    mended = slots.take(tmp_path)
    assert mended.folder == tmp_path / "journal" and mended.applies, "and may apply what is in it"
    for each in (journal, mended):
        await each.close()


async def test_a_second_disk_that_shows_nothing_keeps_no_server_from_starting(tmp_path: Path) -> None:
    linked = [slots.take(tmp_path / "spool", tmp_path / "second") for _ in range(slots.MOST_DAMAGED + 1)]
    for each in linked:
        await each.close()
    with damaged(*(each.folder / "second" for each in linked)):
        journal = slots.take(tmp_path / "spool", tmp_path / "spool")  # where no further slot can be linked
    assert journal.folder.parent.name == str(len(linked)), "what is taken there is not known of the others"
    await journal.close()


async def left_on(disk: Path, spool: Path) -> Path:
    """The journal of a slot that is over, whose one segment lies on that disk."""
    first = slots.take(spool, disk)
    await first.append(noted(1))
    await first.close()
    [segment] = first.folder.glob("*.log")
    segment.rename(disk / "journal" / "0" / segment.name)
    return first.folder


async def both_are_read(first: Path, disk: Path, spool: Path) -> None:
    again = slots.take(spool, disk)
    await again.append(noted(2))
    assert again.folder == first and again.read(Position())[0] == [noted(1), noted(2)]
    await again.close()


async def test_no_segment_s_number_is_given_again_while_the_disk_that_may_have_it_is_gone(
    tmp_path: Path,
) -> None:
    spool, disk = tmp_path / "spool", tmp_path / "disk"
    first = await left_on(disk, spool)
    with unmounted(disk):
        other = slots.take(spool)
        assert other.folder == spool / "1" / "journal"
        await other.close()
    await both_are_read(first, disk, spool)


async def test_under_a_disk_that_is_not_mounted_nothing_is_made_that_would_hide_what_lies_on_it(
    tmp_path: Path,
) -> None:
    spool, disk = tmp_path / "spool", tmp_path / "disk"
    first = await left_on(disk, spool)
    with unmounted(disk):
        disk.mkdir()  # where it is mounted: it can be written
        other = slots.take(spool, disk)
        await other.append(noted(3))
        assert other.folder == spool / "1" / "journal" and not [*disk.iterdir()]
        await other.close()
        disk.rmdir()
    await both_are_read(first, disk, spool)


async def test_nor_is_it_by_the_next_generation_while_all_that_are_linked_to_it_are_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A rolling deploy: who begins finds a living process in each slot that was ever taken."""
    spool, disk = tmp_path / "spool", tmp_path / "disk"
    first = slots.take(spool, disk)
    with unmounted(disk):
        disk.mkdir()
        others = [slots.take(spool, disk), slots.take(spool, disk, first=slots.NO_CALLS)]
        assert [each.folder.parent.name for each in others] == ["1", "32"] and not [*disk.iterdir()]
        assert caplog.text.count(f"Is {disk} mounted?") == 2
        moved = slots.take(spool, tmp_path / "another")  # what is configured now is another disk
        assert (moved.folder / "second").readlink() == tmp_path / "another" / "journal" / "2"
        disk.rmdir()
    for each in (first, *others, moved):
        await each.close()


async def test_a_second_disk_that_hangs_keeps_no_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool, disk = tmp_path / "spool", tmp_path / "disk"
    linked = slots.take(spool, disk)
    await linked.close()
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.2)
    with asleep(disk, linked.folder / "second"):
        journal = slots.take(spool, disk)
    assert journal.folder == spool / "1" / "journal" and not (journal.folder / "second").is_symlink()
    assert "slot 0 can't be used before its second disk answers" in caplog.text
    assert f"the second volume can't be used: {disk}/journal/1: it hangs" in caplog.text
    await journal.close()


async def test_of_a_slot_with_a_damaged_lock_nobody_can_tell_whether_it_is_had(tmp_path: Path) -> None:
    lock = tmp_path / "journal" / "lock"
    lock.parent.mkdir()
    lock.symlink_to(lock)
    journal = slots.take(tmp_path)
    assert slots.living(tmp_path) == {lock.parent, journal.folder} and journal.folder.parent.name == "1"
    await journal.close()


async def test_where_no_slot_can_be_had_the_first_trouble_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal" / "lock").mkdir(parents=True)
    (tmp_path / "1").write_text("no folder")
    (tmp_path / "2").symlink_to(tmp_path / "1")
    (tmp_path / "3").write_text("no folder")
    with pytest.raises(JournalError, match="journal can't be written: Is a directory"):
        slots.take(tmp_path)


async def test_what_one_process_alone_left_is_read_by_the_next(tmp_path: Path) -> None:
    alone = Journal(tmp_path / "journal")  # as it lay before there were slots
    alone.open()
    await alone.append(noted(7))
    await alone.close()
    journal = slots.take(tmp_path)
    assert journal.read(journal.applied)[0] == [noted(7)]
    await journal.close()


async def test_a_journal_is_left_when_nobody_has_it_and_facts_may_wait(tmp_path: Path) -> None:
    assert not journal_reading.is_left(tmp_path)
    journal = Journal(tmp_path)
    journal.open()
    await journal.append(noted(0))
    assert not journal_reading.is_left(tmp_path)  # it is ours
    await journal.close()
    assert journal_reading.is_left(tmp_path)
    journal.open()
    journal.checkpoint(journal.flushed)
    await journal.close()
    assert not journal_reading.is_left(tmp_path)


async def test_a_signature_tells_up_to_when_everything_is_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open()
    journal.note(noted(0))
    before = journal_reading.signed_at(tmp_path)
    await journal.sign()
    assert journal_reading.signed_at(tmp_path) > before
    assert journal.flushed > Position(1, 0)
    await journal.close()
