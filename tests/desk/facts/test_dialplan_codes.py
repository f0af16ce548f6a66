"""Codes laid out for callers whom no server answers."""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import is_valid
from ivr.commands import doctor
from ivr.desk.case.codes import CodeBlock
from ivr.desk.facts import dialplan_codes
from ivr.desk.facts.dialplan_codes import LINE_BYTES, SET, keep_laid_out, lay_out, left
from ivr.lab.pace import patience
from ivr.settings import Settings
from tests.fixtures.small_disk import SmallDisk


@pytest.fixture
async def codes(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[CodeBlock]:
    codes = CodeBlock(tmp_path / "codes-of-a-process")
    codes.open()
    await codes.lease(engine)
    yield codes
    codes.close()


def its_set(folder: Path) -> tuple[str, list[str]]:
    """What the set in use is called, and the codes that the dialplan finds in it."""
    name = (folder / "codes").read_text().strip()
    text = (folder / f"codes.{name}").read_text()
    return name, [text[at : at + LINE_BYTES - 1] for at in range(LINE_BYTES, len(text), LINE_BYTES)]


def take(folder: Path, number: int) -> None:
    name, _ = its_set(folder)
    (folder / f"codes.{name}.taken").write_text("x" * number)


async def test_nobody_else_is_given_what_is_laid_out(codes: CodeBlock, tmp_path: Path) -> None:
    assert await lay_out(codes, tmp_path)
    name, laid_out = its_set(tmp_path)
    others = {await codes.take() for _ in range(SET)}
    assert len(set(laid_out)) == SET == left(tmp_path) and all(map(is_valid, laid_out))
    assert not {name, *laid_out} & others and name not in laid_out


def is_flushed(path: Path) -> bool:
    """Whether the kernel flushes each write to it: `lsattr` shows an S."""
    fd, flags = os.open(path, os.O_RDONLY), array.array("l", [0])
    try:
        fcntl.ioctl(fd, 0x80086601, flags)
    except OSError as error:
        assert error.errno in (errno.ENOTTY, errno.EOPNOTSUPP)  # a file system that has no such way
        return True
    finally:
        os.close(fd)
    return bool(flags[0] & 8)


async def test_what_the_dialplan_takes_is_on_the_disk_before_it_is_used(
    codes: CodeBlock, tmp_path: Path, small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (tmp_path, small_disk.path):
        assert await lay_out(codes, folder)
        taken = folder / f"codes.{its_set(folder)[0]}.taken"
        with taken.open("a") as as_asterisk_does:
            as_asterisk_does.write("x")
        assert left(folder) == SET - 1 and taken.stat().st_mode & 0o777 == 0o660
    assert is_flushed(tmp_path / f"codes.{its_set(tmp_path)[0]}.taken")
    assert "a power cut may give" in caplog.text, "a tmpfs has no such way"


async def test_a_fresh_set_is_begun_at_each_start_and_when_half_of_one_is_taken(
    codes: CodeBlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def looking(folder: Path) -> int:
        nonlocal looks
        looks += 1
        return left(folder)

    monkeypatch.setattr(dialplan_codes, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(dialplan_codes, "left", looking)
    given: list[str] = []
    names: list[str] = []
    for _ in range(2):
        keeping = asyncio.create_task(keep_laid_out(codes, tmp_path))
        for number in (SET // 2, SET // 2 + 1):
            async with asyncio.timeout(patience(20)):
                while left(tmp_path) != SET or its_set(tmp_path)[0] in names:
                    await asyncio.sleep(0.01)
            name, laid_out = its_set(tmp_path)
            names.append(name)
            given += laid_out
            take(tmp_path, number)
            if number == SET // 2:
                seen = looks
                async with asyncio.timeout(patience(20)):
                    while looks < seen + 3:
                        await asyncio.sleep(0.01)
                assert its_set(tmp_path)[0] == name, "half is enough"
                take(tmp_path, SET // 2 + 1)
        keeping.cancel()
    assert len(set(given)) == len(given) == 4 * SET
    assert (tmp_path / f"codes.{names[-2]}").exists(), "a call may be taking from it"
    assert not list(tmp_path.glob(f"codes.{names[0]}*"))


async def test_the_line_s_own_callers_come_first(tmp_path: Path) -> None:
    away = CodeBlock(tmp_path / "codes-of-a-process")
    away.open()
    assert not await lay_out(away, tmp_path) and left(tmp_path) == 0
    away.close()


async def test_a_folder_that_takes_no_set_costs_no_codes(
    codes: CodeBlock, tmp_path: Path, small_disk: SmallDisk
) -> None:
    small_disk.fill()
    before = codes.left
    for folder in (tmp_path / "nowhere", small_disk.path):
        with pytest.raises(OSError, match=r"No such file|No space left"):
            await lay_out(codes, folder)
    assert codes.left == before


async def test_where_a_power_cut_may_make_it_forget_what_it_gave_the_doctor_says_so(
    codes: CodeBlock, small_disk: SmallDisk
) -> None:
    (fallback := small_disk.path / "fallback").mkdir()
    settings = Settings(state=small_disk.path)
    assert (await doctor._codes(settings)).ok  # this check alone: all of them take seconds
    assert await lay_out(codes, fallback)
    found = await doctor._codes(settings)  # likewise
    taken = fallback / f"codes.{its_set(fallback)[0]}.taken"
    assert not found.ok and f"its disk does not flush {taken}" in found.found and "chattr +S" in found.mend


async def test_what_tells_that_codes_are_taken_goes_after_them(
    codes: CodeBlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is just taking from that set would be given its first once more."""
    assert await lay_out(codes, tmp_path)
    old, unlink = its_set(tmp_path)[0], Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.name == f"codes.{old}":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refusing)
    for _ in range(2):
        assert await lay_out(codes, tmp_path)
    assert (tmp_path / f"codes.{old}.taken").exists()
    monkeypatch.undo()
    assert await lay_out(codes, tmp_path)
    assert not list(tmp_path.glob(f"codes.{old}*"))


async def test_two_servers_that_lay_out_at_once_leave_the_set_in_use_whole(
    codes: CodeBlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, write = threading.Barrier(2), dialplan_codes._write_whole  # in the middle of what each does

    def meeting(path: Path, text: str) -> None:
        write(path, text)
        if path.name == "codes":
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)  # for the other one, should it be let in

    monkeypatch.setattr(dialplan_codes, "_write_whole", meeting)
    assert all(await asyncio.gather(lay_out(codes, tmp_path), lay_out(codes, tmp_path)))
    assert left(tmp_path) == SET
