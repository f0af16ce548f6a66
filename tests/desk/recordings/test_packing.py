"""Recordings in half their room: no byte is lost on the way, and whoever may, reads them as before."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.recordings import packing
from ivr.desk.recordings.enclosing import Encloser
from ivr.desk.recordings.hearing import Rendition, Renditions
from ivr.desk.recordings.packing import Packer, pack
from ivr.desk.recordings.settling import NotWhole, due
from ivr.store import envelope, flac, key_file, recording_files
from ivr.store.derived import Derived
from ivr.store.recording_files import closed, packed, plain
from ivr.store.recordings import TO_PACK
from ivr.store.room import SPARE_BYTES
from ivr.store.tables import recordings
from tests.desk.facts.test_reconcile import put
from tests.desk.keeping.test_verify import findings, with_words
from tests.desk.office import WEDNESDAY
from tests.desk.recordings.test_settling import NOISE, headless
from tests.fixtures.damaged import asleep
from tests.fixtures.plans import plan_of
from tests.store.test_flac import SPEECH
from tests.store.test_key_copies import copies, holder

LATER = WEDNESDAY + timedelta(days=1)
AT_ONCE = timedelta()


class Shelved:
    """A case of two recordings."""

    def __init__(self, engine: AsyncEngine, state: Path, names: list[str]) -> None:
        self.engine, self.state, self.names = engine, state, names
        self.folder = state / "recordings"
        self.contents = [plain(self.folder, name).read_bytes() for name in names]

    async def packed(self, now: datetime = LATER, settled: timedelta = timedelta(hours=1)) -> int:
        return await Packer(self.engine, self.folder, settled).once(now)

    async def sizes(self) -> list[int | None]:
        query = select(recordings.c.packed_size).order_by(recordings.c.name)
        async with self.engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    def read(self) -> list[bytes]:
        return [recording_files.read(self.folder, name) for name in self.names]

    def forms(self) -> list[str]:
        return sorted(path.suffix for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
async def its(engine: AsyncEngine, tmp_path: Path) -> Shelved:
    _, names = await with_words(engine, tmp_path)
    return Shelved(engine, tmp_path, sorted(names))


async def test_what_is_in_the_books_is_packed_once_and_read_and_proved_as_before(its: Shelved) -> None:
    assert await its.packed() == 2 and await its.packed() == 0
    assert its.forms() == [".flac", ".flac"] and its.read() == its.contents
    assert await its.sizes() == [packed(its.folder, name).stat().st_size for name in its.names]
    assert await findings(its.engine, its.state) == []
    for name, content in zip(its.names, its.contents, strict=True):
        with recording_files.lent(its.folder, name) as path:
            assert path.read_bytes() == content and path.suffix == ".wav"
    async with its.engine.connect() as connection:
        row = (await connection.execute(select(recordings).order_by(recordings.c.name))).all()[0]
    booth = Renditions(its.folder, Derived(its.state / "derived"))
    assert (await booth.opened(row, Rendition.PLAIN)).read() == its.contents[0]
    assert (await booth.outline(row)).read().startswith(b"{")


async def test_what_is_packed_is_closed_afterwards_and_still_read_and_proved(its: Shelved) -> None:
    kept = copies(its.state, holder(its.state / "holder"))
    key_file.make(its.state / "keys" / "recordings")
    assert await its.packed() == 2
    assert await Encloser(its.engine, its.folder, kept).once(LATER) == 2
    assert its.forms() == [".sealed", ".sealed"] and its.read() == its.contents
    assert await findings(its.engine, its.state) == []
    sizes = await its.sizes()
    one = closed(its.folder, its.names[0])
    assert one.stat().st_size == envelope.size_outside(sizes[0] or 0)
    one.write_bytes(one.read_bytes()[:-9])
    assert [each.kind for each in await findings(its.engine, its.state)] == ["recording_lost"]


async def test_what_may_still_be_needed_as_it_is_waits(
    its: Shelved, caplog: pytest.LogCaptureFixture
) -> None:
    assert await its.packed(WEDNESDAY + timedelta(minutes=59)) == 0, "in its first hour"
    one, other = (plain(its.folder, name) for name in its.names)
    os.link(one, its.state / "second_name")  # as the dialplan's own has until it is taken in
    other.write_bytes(its.contents[1] + b"more")
    os.utime(other, (1_700_000_000, 1_700_000_000))
    assert await its.packed() == 0 and its.forms() == [".wav", ".wav"]
    assert "is not what was recorded: ivr verify" in caplog.text


async def test_one_of_which_a_disk_lost_the_lengths_alone_is_packed_as_it_was_recorded(its: Shelved) -> None:
    """Asterisk writes them into the head at the end; the page may be on the disk as it was before."""
    one, whole = plain(its.folder, its.names[0]), its.contents[0]
    one.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:])
    os.utime(one, (1_700_000_000, 1_700_000_000))
    assert [each.kind for each in await findings(its.engine, its.state)] == ["recording_lost"]
    assert await its.packed() == 2 and its.read() == its.contents
    assert await findings(its.engine, its.state) == []


async def test_one_whose_head_a_full_disk_refused_is_not_called_changed_and_is_packed_as_the_books_hold_it(
    its: Shelved,
) -> None:
    """The books hold its hash with a head; whoever was to write that once there is room was killed."""
    one, whole = plain(its.folder, its.names[0]), its.contents[0]
    one.write_bytes(headless(whole))
    os.utime(one, (1_700_000_000, 1_700_000_000))
    [found] = await findings(its.engine, its.state)
    assert found.kind == "recording_lost" and "a full disk refused its head, all her words are" in found.text
    assert await its.packed() == 2 and its.read() == its.contents
    assert await findings(its.engine, its.state) == []


@pytest.mark.parametrize("lengths_alone", [False, True])
async def test_nor_where_it_would_be_no_smaller_does_its_head_stay_lost(
    its: Shelved, lengths_alone: bool
) -> None:
    lost = NOISE[:4] + bytes(4) + NOISE[8:40] + bytes(4) + NOISE[44:] if lengths_alone else headless(NOISE)
    one = plain(its.folder, its.names[0])
    one.write_bytes(lost)
    os.utime(one, (1_700_000_000, 1_700_000_000))
    before = one.stat()
    row = update(recordings).where(recordings.c.name == its.names[0])
    async with its.engine.begin() as connection:
        told = {"sha256": hashlib.sha256(NOISE).hexdigest(), "size": len(NOISE)}
        await connection.execute(row.values(**told))  # which the proof of the books tells of, too
    assert "recording_lost" in {each.kind for each in await findings(its.engine, its.state)}
    other = its.state / "second_name"
    os.link(one, other)
    assert await its.packed() == 1 and one.read_bytes() == lost, "the dialplan's own is not taken in yet"
    other.unlink()
    assert await its.packed() == 1 and await its.packed() == 0
    assert its.forms() == [".flac", ".wav"] and its.read() == [NOISE, its.contents[1]]
    after = one.stat()
    assert 0 < after.st_mtime - before.st_mtime < 1 and after.st_mode == before.st_mode & ~0o137 | 0o640
    assert (await its.sizes())[0] == 0
    assert "recording_lost" not in {each.kind for each in await findings(its.engine, its.state)}


async def test_a_head_comes_back_only_where_there_is_room_for_the_callers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, name = tmp_path / "recordings", put(tmp_path)
    plain(folder, name).write_bytes(headless(NOISE))
    sha256 = hashlib.sha256(NOISE).hexdigest()
    with monkeypatch.context() as full:
        full.setattr(packing, "free_bytes", lambda folder: SPARE_BYTES + len(NOISE) - 1)
        assert pack(folder, name, sha256, AT_ONCE) is None
    assert recording_files.read(folder, name) == headless(NOISE)
    assert pack(folder, name, sha256, AT_ONCE) == 0 and recording_files.read(folder, name) == NOISE


async def test_who_ends_does_not_wait_for_a_disk_that_hangs_under_what_is_being_packed(its: Shelved) -> None:
    with asleep(its.folder) as sleepers:
        packing = asyncio.create_task(its.packed())
        while not sleepers:
            await asyncio.sleep(0.01)
        packing.cancel()
        await asyncio.wait({packing})
        assert all(thread.daemon for thread in sleepers), "the interpreter waits for any other"
    assert await its.packed() == 2 and its.read() == its.contents


async def test_one_that_its_disk_does_not_show_keeps_no_other_from_being_packed(
    its: Shelved, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, does = plain(its.folder, its.names[0]), os.stat

    def refusing(path: Any, *more: Any, **named: Any) -> os.stat_result:
        if path == one:
            raise OSError(errno.EUCLEAN, os.strerror(errno.EUCLEAN), str(path))
        return does(path, *more, **named)

    with monkeypatch.context() as while_damaged:
        while_damaged.setattr(os, "stat", refusing)
        assert await its.packed() == 1
    assert f"recording {its.names[0]} is not packed" in caplog.text
    assert its.forms() == [".flac", ".wav"] and await its.packed() == 1


async def test_what_would_not_come_back_stays_as_it_is_and_is_looked_at_once(its: Shelved) -> None:
    odd = b"RIFX" + bytes(4) + b"no WAV that we know" * 40
    path = plain(its.folder, its.names[0])
    path.write_bytes(odd)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    its_row = update(recordings).where(recordings.c.name == its.names[0])
    async with its.engine.begin() as connection:
        await connection.execute(its_row.values(sha256=hashlib.sha256(odd).hexdigest()))
    assert await its.packed() == 2 and await its.packed() == 0
    assert its.forms() == [".flac", ".wav"] and (await its.sizes())[0] == 0
    assert its.read() == [odd, its.contents[1]]


async def test_a_sick_disk_and_a_changed_file_are_told_apart(its: Shelved) -> None:
    assert await its.packed() == 2
    one = packed(its.folder, its.names[0])
    whole, shorter = one.read_bytes(), flac.packed(its.contents[0][:-3_000])
    for content, kind in (
        (whole[:-50], "recording_lost"),
        (whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "recording_changed"),
        (shorter, "recording_changed"),
    ):
        one.write_bytes(content)
        assert [each.kind for each in await findings(its.engine, its.state)] == [kind], len(content)
    one.unlink()
    assert [each.kind for each in await findings(its.engine, its.state)] == ["recording_missing"]


async def test_what_retention_takes_never_comes_back(its: Shelved) -> None:
    async with its.engine.begin() as connection:
        await connection.execute(
            update(recordings).where(recordings.c.name == its.names[0]).values(removed_at=func.now())
        )
    assert await its.packed() == 1
    half = plain(its.folder, its.names[0]).with_suffix(".wav.new")  # of who was killed writing it anew
    half.write_bytes(its.contents[0])
    for name in its.names:
        recording_files.forget(its.folder, name)
    assert its.forms() == [] and not half.exists()


async def test_half_a_packed_file_is_written_anew_while_the_wav_is_there(tmp_path: Path) -> None:
    folder, name = tmp_path / "recordings", put(tmp_path)
    plain(folder, name).write_bytes(SPEECH)
    packed(folder, name).write_bytes(flac.packed(SPEECH)[:400])
    with pytest.raises(NotWhole):
        pack(folder, name, "0" * 64, AT_ONCE)
    assert plain(folder, name).read_bytes() == SPEECH
    assert pack(folder, name, hashlib.sha256(SPEECH).hexdigest(), AT_ONCE)
    assert recording_files.read(folder, name) == SPEECH and not plain(folder, name).exists()


async def test_what_waits_to_be_packed_is_found_by_index(engine: AsyncEngine) -> None:
    plan = await plan_of(engine, due(TO_PACK, LATER))
    assert "ix_recordings_to_pack" in plan and "Sort" not in plan, plan
