"""Tracking codes from leased blocks."""

from __future__ import annotations

import asyncio
import shutil
import stat
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import CAPACITY, code_for, is_valid, number_of
from ivr.commands import doctor
from ivr.desk.case.codes import AHEAD, CHUNK, CodeBlock, CodesError
from ivr.lab.pace import patience
from ivr.settings import Settings
from ivr.store import disk_thread
from ivr.store.code_blocks import BLOCK, DESK_FIRST, code_blocks, key_material, tell_used, used
from ivr.store.volumes import link
from tests.desk.office import call, office, opening
from tests.fixtures.damaged import asleep, unmounted


async def opened(engine: AsyncEngine | None, folder: Path) -> CodeBlock:
    codes = CodeBlock(folder)
    codes.open()
    if engine is not None:
        await codes.lease(engine)
    return codes


async def test_without_ever_a_database_no_code_is_promised(tmp_path: Path) -> None:
    codes = await opened(None, tmp_path)
    assert await codes.take() == "" and codes.wants_lease
    codes.close()


async def test_two_workers_and_their_restarts_never_give_the_same_code(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    given: list[str] = []
    for _ in range(4):
        workers = [await opened(engine, tmp_path / name) for name in ("one", "two")]
        for codes in workers:
            given += await asyncio.gather(*(codes.take() for _ in range(CHUNK + 7)))
            codes.close()  # the numbers reserved but not given are never given
    assert all(map(is_valid, given)) and len(set(given)) == len(given) == 8 * (CHUNK + 7)


async def test_after_a_restart_codes_go_on_without_the_database(engine: AsyncEngine, tmp_path: Path) -> None:
    first = await opened(engine, tmp_path)
    before = await first.take()
    first.close()
    second = await opened(None, tmp_path)
    after = await second.take()
    assert is_valid(after) and after != before
    second.close()


async def test_a_whole_lease_can_be_given_and_no_more(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    # which numbers are leased is nobody's business but its own
    codes._blocks = [(first, first + 3) for first, _ in codes._blocks]
    assert codes.take_at_hand() == "", "none is reserved on the disk yet"
    given = [codes.take_at_hand() or await codes.take() for _ in range(AHEAD * 3)]
    assert len(set(given)) == AHEAD * 3 and codes.take_at_hand() == await codes.take() == ""
    codes.close()


async def test_leases_are_kept_ahead(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    assert codes.left == AHEAD * BLOCK and not codes.wants_lease
    await codes.take()
    assert codes.wants_lease
    await codes.lease(engine)
    async with engine.connect() as connection:
        leased = select(func.count()).where(code_blocks.c.number >= 0)
        assert (await connection.execute(leased)).scalar() == AHEAD + 1
    codes.close()


async def test_codes_of_another_database_are_forgotten(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    old = list(codes._blocks)  # which numbers are leased is nobody's business but its own
    async with engine.begin() as connection:
        await connection.execute(update(key_material).values(value=b"k" * 32))
    await codes.lease(engine)
    assert not set(old) & set(codes._blocks)  # which numbers are leased is nobody's business but its own
    codes.close()


async def test_the_key_on_disk_is_the_owner_s_only(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    codes.close()


async def test_a_damaged_lease_is_not_trusted(engine: AsyncEngine, tmp_path: Path) -> None:
    (await opened(engine, tmp_path)).close()
    (tmp_path / "lease.json").write_text('{"key": "of another", "blocks": [[0, 10000]]}')
    codes = await opened(None, tmp_path)
    assert await codes.take() == ""
    codes.close()


async def test_a_lease_that_can_t_be_read_keeps_nobody_from_starting_and_is_never_used_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    given: list[str] = []
    for start in range(2):
        codes = CodeBlock(tmp_path / "codes", (tmp_path / "mark",))
        codes.open()
        assert await codes.take() == "", "without the database none is promised"
        await codes.lease(engine)
        given += [await codes.take() for _ in range(3)]
        codes.close()
        if not start:
            (tmp_path / "codes" / "lease.json").unlink()
            (tmp_path / "codes" / "lease.json").mkdir()
    assert "" not in given and len(set(given)) == len(given)


@pytest.mark.parametrize("damage", ["lock", "folder"])
async def test_a_folder_that_can_t_be_locked_keeps_nobody_from_starting_and_no_code_of_before_is_given(
    engine: AsyncEngine, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder, aside = tmp_path / "codes", tmp_path / "aside"
    given: list[str] = []
    for start in ("well", "damaged", "mended"):
        if start == "damaged" and damage == "lock":
            (folder / "lock").unlink()
            (folder / "lock").mkdir()
        elif start == "damaged":
            folder.rename(aside)
            folder.write_bytes(b"")
        elif start == "mended" and damage == "lock":
            (folder / "lock").rmdir()
        elif start == "mended":
            folder.unlink()
            aside.rename(folder)
        codes = CodeBlock(folder, (tmp_path / "mark",))
        codes.open()
        if start == "damaged":
            assert await codes.take() == "", "without the database none is promised"
            assert f"{folder} can't be locked" in caplog.text
        await codes.lease(engine)
        given += [await codes.take() for _ in range(CHUNK + 1)]
        codes.close()
    assert "" not in given and len(set(given)) == len(given)
    key = codes._key  # that of all codes
    blocks = {number_of(code, key) // BLOCK for code in given[CHUNK + 1 : 2 * CHUNK + 2]}
    assert not blocks & {0, 1}, "those of before were leased by whoever may still have them"


async def test_two_processes_can_t_share_a_folder(tmp_path: Path) -> None:
    codes = await opened(None, tmp_path)
    with pytest.raises(CodesError, match="in use"):
        await opened(None, tmp_path)
    codes.close()


async def test_every_code_tells_its_number(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    numbers = [0, 1, BLOCK, DESK_FIRST, CAPACITY - 1]
    # to read a code back to its number
    assert [number_of(code_for(number, codes._key), codes._key) for number in numbers] == numbers
    codes.close()


@asynccontextmanager
async def set_back(engine: AsyncEngine, spool: Path, used: int, since: int) -> AsyncIterator[list[str]]:
    """The codes given before and after a snapshot of the spool's codes, which is then put back."""
    codes = CodeBlock(spool / "codes", (spool.parent / "codes" / "spool",))
    codes.open()
    await codes.lease(engine)
    before = [await codes.take() for _ in range(used)]
    shutil.copytree(spool / "codes", spool / "snapshot")
    after = [await codes.take() for _ in range(since)]
    codes.close()
    shutil.rmtree(spool / "codes")
    (spool / "snapshot").rename(spool / "codes")
    yield before + after


@pytest.mark.parametrize("told", ["the database", "the mark", "both", "a case"])
async def test_a_spool_that_was_set_back_gives_no_code_twice(
    engine: AsyncEngine, tmp_path: Path, told: str
) -> None:
    spool = tmp_path / "spool"
    async with set_back(engine, spool, 3, 2 * CHUNK) as given:
        marks = (tmp_path / "codes" / "spool",) if told in ("the mark", "both") else ()
        if told in ("the database", "both"):
            async with engine.begin() as connection:
                await tell_used(connection, {0: 3 * CHUNK})
        if told == "a case":
            async with office(engine, tmp_path / "elsewhere") as desk:
                facts = call()
                facts.unsure = given[CHUNK], str(uuid.uuid4())  # the code that this call is about to be told
                await desk.intake.open_case(facts, opening())
                await desk.pump.idle()
        codes = CodeBlock(spool / "codes", marks)
        codes.open()
        if marks:
            assert await codes.take() == "", "without the database none is promised"
        await codes.lease(engine)
        again = [await codes.take() for _ in range(3 * CHUNK)]
        assert not set(given) & set(again) and "" not in again
        codes.close()
    if marks:  # outside the spool, until somebody has looked
        settings = Settings(state=tmp_path)
        found = await doctor._codes(settings)  # this check alone: all of them take seconds
        assert not found.ok and f"{spool / 'codes'}, found" in found.found and "set back" in found.found
        (tmp_path / "codes" / "spool.set_back").unlink()
        assert (await doctor._codes(settings)).ok  # likewise


async def test_codes_go_on_while_their_disk_refuses_if_another_one_keeps_the_mark(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    codes = CodeBlock(tmp_path / "spool" / "codes", (tmp_path / "mark", tmp_path / "other" / "mark"))
    codes.open()
    await codes.lease(engine)
    in_the_way = [
        tmp_path / "spool" / "codes" / "lease.new",
        tmp_path / "mark.new",
        tmp_path / "other" / "mark.new",
    ]
    for folder in in_the_way[:2]:
        folder.mkdir()
    given = [await codes.take() for _ in range(CHUNK + 1)]
    assert "" not in given
    in_the_way[2].mkdir()
    assert "" in [await codes.take() for _ in range(CHUNK)], "nothing keeps what it would give"
    codes.close()
    for folder in in_the_way:
        folder.rmdir()
    again = CodeBlock(codes.folder, codes.marks)
    again.open()
    assert await again.take() == "", "what the lease on disk says is not true any more"
    await again.lease(engine)
    assert not set(given) & {await again.take() for _ in range(3 * CHUNK)}
    again.close()


async def test_a_second_disk_that_hangs_keeps_no_code_back_and_no_server_from_starting(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, second = tmp_path / "mark", tmp_path / "disk" / "mark"
    codes = CodeBlock(tmp_path / "codes", (here, second))
    codes.open()
    await codes.lease(engine)
    before = int(second.read_bytes())
    codes.close()
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(0.5))
    with asleep(second.parent):
        codes.open()
        given = [await asyncio.wait_for(codes.take(), patience(20)) for _ in range(CHUNK + 1)]
    assert all(map(is_valid, given)) and int(here.read_bytes()) > before == int(second.read_bytes())
    assert f"{second} can't be written: it hangs" in caplog.text
    codes.close()


async def test_a_second_disk_that_hangs_halts_no_start_that_finds_the_spool_set_back(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, second = tmp_path / "mark", tmp_path / "disk" / "mark"
    codes = CodeBlock(tmp_path / "codes", (here, second))
    codes.open()
    await codes.lease(engine)
    codes.close()
    here.write_bytes(b"1000")
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(0.5))
    with asleep(second.parent):
        await asyncio.wait_for(asyncio.to_thread(codes.open), patience(20))
    assert f"beside {second} it can't be noted: it hangs" in caplog.text
    assert (tmp_path / "mark.set_back").exists()
    codes.close()


async def test_under_a_disk_that_is_not_mounted_no_mark_is_made_so_none_counts_that_would_be_hidden(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    state, disk = tmp_path / "state", tmp_path / "disk"
    assert link(state / "codes", disk / "codes")
    codes = CodeBlock(
        state / "spool" / "codes", Settings(state=state, second_volume=str(disk)).marks("spool")
    )
    codes.open()
    await codes.lease(engine)
    assert (disk / "codes" / "spool").exists()
    for folder in (state / "spool" / "codes" / "lease.new", state / "codes" / "spool.new"):
        folder.mkdir()  # the first disk takes nothing
    with unmounted(disk):
        disk.mkdir()  # where it is mounted: it can be written
        assert await codes.take() == "", "with the disk back the lease would count again"
        assert not [*disk.iterdir()]
        disk.rmdir()
    assert is_valid(await codes.take())
    codes.close()


async def test_the_database_is_told_of_each_chunk_as_it_is_begun(engine: AsyncEngine, tmp_path: Path) -> None:
    codes = await opened(engine, tmp_path)
    keeping = asyncio.create_task(codes.keep_leased(engine, 3600))
    for _ in range(CHUNK + 1):
        await codes.take()
    async with asyncio.timeout(patience(10)), engine.connect() as connection:
        while await used(connection, [0]) != {0: 2 * CHUNK}:
            await connection.rollback()
            await asyncio.sleep(0.01)
    keeping.cancel()
    codes.close()


async def test_no_start_after_a_crash_at_any_moment_is_taken_for_a_spool_that_was_set_back(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With and without the database, with the mark, or what the database was told, lagging or gone."""
    mark, given = tmp_path / "codes" / "spool", list[str]()
    for start in range(40):
        codes = CodeBlock(tmp_path / "spool" / "codes", (mark,))
        codes.open()
        if start % 3 == 0:
            await codes.lease(engine)
        older = mark.read_bytes() if start % 5 == 4 and mark.exists() else b""
        given += [await codes.take() for _ in range(CHUNK // 2 + start)]
        if start % 4 == 1:
            await codes.lease(engine)  # later than its start
        codes.close()
        if older:  # killed between the lease and the mark
            mark.write_bytes(older)
        if start % 7 == 6:
            mark.unlink()
    assert "" not in given and len(set(given)) == len(given)
    assert "was set back" not in caplog.text
