"""Whether Asterisk's process may read prompts and write recordings, on real files and processes."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk import rights
from ivr.asterisk.recording import new_name
from ivr.asterisk.rights import ENTER, READ, WRITE, Runner, barred, runners
from ivr.commands import doctor
from ivr.commands.doctor import FILES_OF_ASTERISK, examine
from ivr.lab.pace import patience
from ivr.settings import Settings
from tests.fixtures.hotline import Hotline

STRANGER, GROUP = 61_111, 61_112


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state folder of mode 2770, on a way that is open to all."""
    with tempfile.TemporaryDirectory() as way:
        Path(way).chmod(0o755)
        state = Path(way).resolve() / "state"
        (state / "recordings").mkdir(parents=True)
        (state / "recordings").chmod(0o2770)
        state.chmod(0o2770)
        yield state


def who(*groups: int) -> Runner:
    return Runner(STRANGER, frozenset(groups))


def test_without_its_group_it_does_not_come_past_the_state_folder(folder: Path) -> None:
    assert barred(who(GROUP), folder / "recordings", READ | WRITE | ENTER) == folder


def test_with_the_folder_s_group_it_may_write(folder: Path) -> None:
    group = folder.stat().st_gid
    assert barred(who(GROUP, group), folder / "recordings", READ | WRITE | ENTER) is None
    (folder / "recordings").chmod(0o2750)
    assert barred(who(group), folder / "recordings", READ | WRITE | ENTER) == folder / "recordings"
    assert barred(who(group), folder / "recordings", READ | ENTER) is None


def test_root_is_barred_by_nothing(folder: Path) -> None:
    (folder / "recordings").chmod(0)
    assert barred(Runner(0, frozenset()), folder / "recordings", READ | WRITE | ENTER) is None


async def test_the_doctor_looks_at_the_asterisk_that_runs(hotline: Hotline) -> None:
    assert Runner(os.geteuid(), frozenset({os.getegid(), *os.getgroups()})) in set(runners())
    assert any(runner.files >= FILES_OF_ASTERISK for runner in runners()), (
        "the lab's asterisk.conf asks for them"
    )
    [rights] = [each for each in await examine(hotline.settings) if each.name == "rights"]
    assert (rights.ok, rights.found) == (True, "Asterisk may read the prompts and write recordings")


@pytest.mark.parametrize("closed", ["recordings", "fallback"])
async def test_the_doctor_tells_of_a_folder_on_the_second_volume_that_is_closed_to_asterisk(
    folder: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = folder.parent / "second"
    second.mkdir()
    second.chmod(0o2770)
    settings = Settings(state=str(folder), second_volume=str(second))
    monkeypatch.setattr(rights, "runners", lambda: iter([who(second.stat().st_gid)]))
    look = partial(doctor._rights, settings)  # this check alone: all of them take seconds
    assert (await look()).ok, "no server has been started yet"
    for name in ("recordings", "fallback"):
        (second / name).mkdir()
        (second / name).chmod(0o2770)
    assert (await look()).ok
    (second / closed).chmod(0o700)
    found = await look()
    assert not found.ok and f"may not use {second / closed}:" in found.found


async def test_the_doctor_tells_of_a_folder_of_today_that_is_closed_to_asterisk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(state=str(folder))
    monkeypatch.setattr(rights, "runners", lambda: iter([who(folder.stat().st_gid)]))
    now = datetime.now(ZoneInfo(settings.province.timezone))
    days = set[Path]()
    for at in (now, now + timedelta(hours=1)):  # midnight may come in between
        days.add((folder / "recordings" / new_name(folder / "recordings", at)).parent)
    for place in (above for day in days for above in [*day.parents][:2]):
        place.chmod(0o2770)
    for day in days:
        day.chmod(0o2750)
    look = partial(doctor._rights, settings)  # this check alone
    found = await look()
    assert not found.ok and any(f"may not use {day}: {day} keeps it out" in found.found for day in days)
    for day in days:
        day.chmod(0o2770)
    assert (await look()).ok


async def test_the_doctor_tells_of_an_asterisk_that_selinux_confines_whatever_the_mode_bits_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, enforce, proc = tmp_path / "asterisk", tmp_path / "enforce", tmp_path / "proc"
    program.symlink_to("/bin/sleep")
    sleeper = await asyncio.create_subprocess_exec(str(program), "60")
    of = proc / str(sleeper.pid)  # no other Asterisk of this machine is there
    (of / "attr").mkdir(parents=True)
    for name in ("status", "limits"):
        (of / name).symlink_to(f"/proc/{sleeper.pid}/{name}")
    monkeypatch.setattr(rights, "PROC", proc)
    monkeypatch.setattr(rights, "ENFORCE", enforce)
    look = partial(doctor._rights, Settings(state=str(tmp_path)))  # this check alone
    allowed = (True, "Asterisk may read the prompts and write recordings")
    try:
        found = await look()
        assert (found.ok, found.found) == allowed, "no SELinux at all"
        (of / "attr/current").write_bytes(b"system_u:system_r:asterisk_t:s0\0")
        for told in ("", "0"):
            enforce.write_text(told)
            found = await look()
            assert (found.ok, found.found) == allowed, "it is off, or only tells"
        enforce.write_text("1")
        found = await look()
        assert found.ok, "who has lifted it would see red for good"
        assert "unless asterisk_t is permissive" in found.found
        for domain in (b"system_u:system_r:unconfined_service_t:s0\0", b"unconfined\n"):
            (of / "attr/current").write_bytes(domain)
            found = await look()
            assert (found.ok, found.found) == allowed, "it is not confined, or by AppArmor"
    finally:
        sleeper.kill()
        await sleeper.wait()


async def test_the_doctor_tells_of_an_asterisk_that_may_open_few_files(tmp_path: Path) -> None:
    program = tmp_path / "asterisk"  # whose name it goes by
    program.symlink_to("/bin/sleep")
    code = "import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096)); "
    code += f"os.execv({str(program)!r}, ['asterisk', '60'])"
    sleeper = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    try:
        async with asyncio.timeout(patience(20)):
            while not any(runner.files == 1024 for runner in runners()):
                await asyncio.sleep(0.05)
        found = await doctor._files(Settings(state=tmp_path))  # one look of many
    finally:
        sleeper.kill()
        await sleeper.wait()
    assert not found.ok and "Asterisk may open 1024, of which" in found.found and "LimitNOFILE" in found.mend
