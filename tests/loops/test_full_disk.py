"""A full disk, on a real Asterisk with SIP callers: second volume, then operator, then an honest apology."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from ivr.commands import doctor
from ivr.lab.asterisk import Program
from ivr.lab.caller import USUAL, Beep, Handset, Listen, Press, PutDown, Speak, StayOn, Wait
from ivr.lab.pace import patience
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline, told, worries
from tests.fixtures.small_disk import SmallDisk
from tests.loops.test_carrying import KEEP, SPEAK, TO_RECORD, call, files


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(patience(seconds)):
        while not await what():
            await asyncio.sleep(0.1)  # another process: no event


async def readiness(hotline: Hotline) -> str:
    url = f"http://127.0.0.1:{hotline.settings.web.port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


def long_ago(folder: Path) -> None:
    """Recordings that have not grown for a while are taken for whole, so let it be a while."""
    for path in folder.rglob("*.wav"):
        at = path.stat().st_mtime - 60
        os.utime(path, (at, at))


@asynccontextmanager
async def kept_full(disk: SmallDisk) -> AsyncIterator[None]:
    """Something takes whatever is given free there, the ballast's bytes among it, until the block ends."""

    async def fill() -> None:
        while True:
            disk.fill()
            await asyncio.sleep(0.02)

    filling = asyncio.create_task(fill())
    try:
        yield
    finally:
        filling.cancel()


def sets_nothing_aside(hotline: Hotline) -> None:
    """As on a file system that can't: the server's files may not become as large as what it asks for."""
    resource.prlimit(hotline.server.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


async def kill(hotline: Hotline) -> None:
    hotline.server.process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(hotline.server.process.wait)


async def test_when_the_disk_is_full_everything_goes_on_on_the_second_volume(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, tmp_path: Path,
) -> None:  # fmt: skip
    tmp_path.chmod(0o755)
    async with running_hotline(
        programs, stand_ins, postgres_url, template, state=small_disk.path, second_volume=str(tmp_path)
    ) as hotline:

        async def noticed() -> bool:
            return "can't be written" in await readiness(hotline)

        number, alone = fresh_number(), fresh_number()
        async with kept_full(small_disk):
            await until(noticed)
            outcome = await call(hotline, *TO_RECORD, *SPEAK, *KEEP, number=number)
        assert told(outcome, "record.safe")
        small_disk.fill()
        case = await hotline.case_of(number)
        assert case["recordings"][0]["path"].startswith("second/") and files(hotline, case)[0].is_file()
        assert (await hotline.call_of(number))["outcome"] in {"hung_up", "completed"}  # whoever was first
        assert list((tmp_path / "journal").rglob("*.log")) and '"ready": true' in await readiness(hotline)
        assert (tmp_path / "codes" / "spool").is_file() and (small_disk.path / "codes/second").is_symlink()
        # Without our server: the dialplan sees by itself that only the second volume has room.
        await kill(hotline)
        outcome = await hotline.call(*SPEAK, StayOn(), number=alone)
        assert outcome.completed and told(outcome, "fallback.thanks"), outcome
        long_ago(tmp_path)
        await hotline.start_server()  # on the disk that is still full
        [taken] = (await hotline.case_of(alone, 60))["recordings"]
        assert taken["seconds"] > 2


async def test_where_no_further_file_can_be_made_she_is_recorded_on_the_second_volume(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, tmp_path: Path,
) -> None:  # fmt: skip
    tmp_path.chmod(0o755)
    async with running_hotline(
        programs, stand_ins, postgres_url, template, state=small_disk.path, second_volume=str(tmp_path)
    ) as hotline:
        number = fresh_number()
        small_disk.use_up_inodes()
        outcome = await call(hotline, *TO_RECORD, *SPEAK, *KEEP, number=number)
        assert told(outcome, "record.safe"), outcome
        case = await hotline.case_of(number)
        assert case["recordings"][0]["path"].startswith("second/") and files(hotline, case)[0].is_file()


async def test_with_one_full_disk_alone_she_is_told_the_truth(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk,
) -> None:  # fmt: skip
    async with running_hotline(programs, stand_ins, postgres_url, template, state=small_disk.path) as hotline:
        cut, refused, alone, short = (fresh_number() for _ in range(4))
        sets_nothing_aside(hotline)
        calling = asyncio.create_task(
            call(hotline, *TO_RECORD, Beep(), Speak(9), Press("#"), Listen(), PutDown(), number=cut)
        )
        await hotline.recording_grown(48_000)

        async def noticed() -> bool:
            return '"ready": false' in await readiness(hotline)

        async with kept_full(small_disk):
            outcome = await calling
            # The journal's disk is the same; whether its last page takes one more fact is chance.
            assert told(outcome, "record.unsure") != told(outcome, "record.cut")
            assert not told(outcome, "record.safe")
            await until(noticed)
            outcome = await call(hotline, *TO_RECORD[:-1], Press("01"), StayOn(), number=refused)
            assert told(outcome, "record.no_room") and not told(outcome, "record.safe")
        small_disk.free()
        ended = await hotline.call_of(cut)  # its end waited in memory for the disk
        assert "recorded:cut" in [step["note"] for step in ended["steps"]]
        small_disk.fill()
        await kill(hotline)
        outcome = await hotline.call(Beep(), StayOn(), number=alone)
        assert outcome.completed and told(outcome, "fallback.not_kept"), outcome
        assert not told(outcome, "fallback.thanks")
        small_disk.free()
        # It fills up while the dialplan records: her last seconds are in no file, and she is told so.
        calling = asyncio.create_task(hotline.call(Beep(), Speak(3), Press("#"), StayOn(), number=short))
        fallback = hotline.settings.state_path / "fallback"

        async def grown() -> bool:
            return any(path.stat().st_size > 32_000 for path in fallback.glob("*.wav"))

        await until(grown)
        small_disk.fill()
        outcome = await calling
        assert outcome.completed and told(outcome, "fallback.not_kept"), outcome
        assert not told(outcome, "fallback.thanks")
        small_disk.free()
        long_ago(small_disk.path)
        await hotline.start_server()
        [words] = (await hotline.case_of(short, 60))["recordings"]
        assert 1.5 < words["seconds"] < 5
        # Whole as far as it goes: what the disk took is a case, measured from the file.
        [words] = (await hotline.case_of(cut, 60))["recordings"]
        assert 2 < words["seconds"] < 9 and not await hotline.cases_of(refused)


async def test_where_the_journals_disk_alone_is_full_she_is_told_the_truth_and_the_doctor_too(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, tmp_path: Path,
) -> None:  # fmt: skip
    """Her words have room, what is told of them has none: nobody can say what comes of them. A case."""
    state, number = tmp_path / "state", ""
    state.mkdir()
    for folder in (tmp_path, state):
        folder.chmod(0o755)
    (state / "spool").symlink_to(small_disk.path)
    async with running_hotline(programs, stand_ins, postgres_url, template, state=state) as hotline:

        async def refused() -> bool:
            checks = json.loads(await readiness(hotline))["checks"]
            return "no room left" in checks["journal"]["trouble"] and checks["disk"]["ok"]

        async def well() -> bool:
            return '"ready": true' in await readiness(hotline)

        assert await well()
        async with kept_full(small_disk):
            for _ in range(5):  # the last page of the segment takes a few facts
                speaking = (Beep(), Speak(4), Press("#"), Listen(), PutDown())
                outcome = await call(hotline, *TO_RECORD, *speaking, number=(number := fresh_number()))
                if told(outcome, "record.unsure"):
                    break
            assert told(outcome, "record.unsure") and not told(outcome, "record.safe")
            await until(refused)
            server = await doctor._server(hotline.settings)  # this check alone: all of them take seconds
            assert not server.ok and "a journal takes nothing" in server.found
            lock = small_disk.path / "journal" / "lock"
            os.utime(lock, (1, 1))  # half a minute later: it signs no more
            workers = await doctor._workers(hotline.settings)  # likewise
            assert not workers.ok and "do not kill it" in workers.mend and "kill -9" not in workers.mend
        small_disk.free()
        await until(well)
        await kill(hotline)
        long_ago(state)
        await hotline.start_server()
        [words] = (await hotline.case_of(number, 60))["recordings"]
        assert words["seconds"] > 3


QUIET_ONE = Handset(suppresses=True, reports=True)  # what it does not send is no sign that a disk refused it


@pytest.mark.parametrize(
    ("alone", "model"), [(False, USUAL), (True, USUAL), (False, QUIET_ONE)],
    ids=["set aside", "by the ballast alone", "set aside, nothing sent in silence"],
)  # fmt: skip
async def test_something_else_fills_the_disk_while_she_speaks_and_her_words_are_whole(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, alone: bool, model: Handset,
) -> None:  # fmt: skip
    async with running_hotline(programs, stand_ins, postgres_url, template, state=small_disk.path) as hotline:
        if alone:
            sets_nothing_aside(hotline)
        number = fresh_number()
        speaking = (Beep(), Speak(5), Wait(2), Speak(4), Press("#"), Listen(), PutDown())
        calling = asyncio.create_task(hotline.call(*TO_RECORD, *speaking, number=number, model=model))
        await hotline.recording_grown(48_000)
        small_disk.fill()

        async def warned() -> bool:
            return "MB left" in await readiness(hotline)

        await until(warned)
        outcome = await calling
        assert told(outcome, "record.safe") and not told(outcome, "record.cut")
        [words] = (await hotline.case_of(number))["recordings"]
        assert words["seconds"] > 8.5
        small_disk.free()

        async def built_up_again() -> bool:
            return not worries(json.loads(await readiness(hotline)))

        if not alone:
            await until(built_up_again)
