"""What a process tells those beside it: by a name that nobody takes away as it begins, and by a sick disk."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from ivr.lab.pace import patience
from ivr.loops import telling
from ivr.loops.telling import ALIVE, READY, Telling, ask_all, is_alive
from ivr.store import disk_thread
from tests.fixtures.damaged import asleep


async def alive() -> Any:
    return True


async def test_who_is_asked_as_it_opens_its_ear_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, names = asyncio.start_unix_server, list[list[str]]()

    async def asked_before(*args: Any, **named: Any) -> asyncio.Server:
        monkeypatch.setattr(telling, "ANSWER_SECONDS", 0.05)
        await ask_all(tmp_path, ALIVE)
        await is_alive(tmp_path, "calls-2")
        names.append([path.name for path in tmp_path.iterdir()])
        monkeypatch.setattr(telling, "ANSWER_SECONDS", patience(20))
        return await started(*args, **named)

    monkeypatch.setattr(asyncio, "start_unix_server", asked_before)
    process = Telling(tmp_path, "calls-2", {ALIVE: alive})
    await process.open()
    assert names == [["calls-2"]]
    assert await ask_all(tmp_path, ALIVE) == {"calls-2": True} and await is_alive(tmp_path, "calls-2")
    process.close()
    (tmp_path / "calls-3.new").touch()  # binds, and does not listen yet
    assert await ask_all(tmp_path, ALIVE) == {} and (tmp_path / "calls-3.new").exists()


async def test_who_looks_for_a_name_just_before_it_is_there_does_not_take_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = list[str]()
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: removed.append(path.name))
    assert not await is_alive(tmp_path, "calls-2")
    monkeypatch.setattr(telling, "_names", lambda folder: ["calls-2"])
    assert await ask_all(tmp_path, ALIVE) == {}
    assert removed == []


async def test_a_folder_that_hangs_takes_the_thread_of_nobody_else_and_who_was_there_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_thread(*args: Any) -> Any:
        raise AssertionError("one of those that serve pages")

    process = Telling(tmp_path, "calls-2", {READY: alive})
    await process.open()
    assert await ask_all(tmp_path, READY) == {"calls-2": True}
    monkeypatch.setattr(asyncio, "to_thread", no_thread)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(1))
    before = threading.active_count()
    end = threading.Event()
    monkeypatch.setattr(telling, "_names", lambda folder: end.wait(patience(60)))
    try:
        for _ in range(20):
            assert await ask_all(tmp_path, READY) == {"calls-2": True}
        assert threading.active_count() - before < 5
    finally:
        end.set()
    process.close()


async def test_where_nothing_of_the_disk_answers_the_loop_goes_on_and_who_was_there_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Telling(tmp_path, "calls-2", {READY: alive})
    await process.open()
    assert await ask_all(tmp_path, READY) == {"calls-2": True}
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(1))
    with asleep(tmp_path) as sleepers:
        async with asyncio.timeout(patience(20)):
            for _ in range(20):
                assert await ask_all(tmp_path, READY) == {"calls-2": None}
        assert 0 < len(sleepers) < 5 and threading.current_thread() not in sleepers
    process.close()
