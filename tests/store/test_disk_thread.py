"""A disk that hangs is waited for by nobody who has something else to do."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from ivr.lab.pace import patience
from ivr.store import disk_thread
from ivr.store.disk_thread import DiskThread, ask_once, in_time


async def test_one_after_the_other_is_answered_and_what_is_raised_comes_back() -> None:
    thread, asked = DiskThread(), list[int]()
    await asyncio.gather(*(thread.ask(partial(asked.append, n)) for n in range(20)))
    assert asked == [*range(20)]
    with pytest.raises(ZeroDivisionError):
        await thread.ask(lambda: 1 // 0)
    thread.close()
    assert await thread.ask(lambda: 7) == 7, "another thread is begun"
    thread.close()


async def test_who_gives_up_behind_a_disk_that_hangs_does_not_ask_and_others_go_on() -> None:
    thread, end, asked = DiskThread(), threading.Event(), list[str]()
    hangs = asyncio.create_task(thread.ask(partial(end.wait, patience(60))))
    behind = asyncio.create_task(thread.ask(partial(asked.append, "behind")))
    assert await ask_once(lambda: "beside") == "beside"
    behind.cancel()
    await asyncio.wait({behind})
    end.set()
    assert await hangs and await thread.ask(lambda: "after") == "after" and asked == []
    thread.close()


async def test_the_last_question_is_asked_though_nobody_waits_for_its_answer_any_more() -> None:
    thread, end, asked = DiskThread(), threading.Event(), threading.Event()
    hangs = asyncio.create_task(thread.ask(partial(end.wait, patience(60))))
    await asyncio.sleep(0)
    assert not await thread.end(asked.set, 0.01) and not asked.is_set()
    end.set()
    assert await hangs and await asyncio.to_thread(asked.wait, patience(10))
    with pytest.raises(ZeroDivisionError):
        await thread.end(lambda: 1 // 0, patience(10))


def test_a_disk_that_hangs_is_waited_for_once_and_asked_by_one_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.05)
    end, asked = threading.Event(), list[int]()

    def question() -> int:
        asked.append(len(asked))
        end.wait(patience(60))
        return len(asked)

    with pytest.raises(TimeoutError, match=f"it hangs: '{tmp_path}'"):
        in_time(tmp_path, question)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(10))
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(TimeoutError, match=f"it hangs: '{tmp_path}'"):
            in_time(tmp_path, question)
    assert time.monotonic() - began < patience(5), "nobody waits for it a second time"
    assert asked == [0] and in_time(tmp_path / "other", lambda: "well") == "well"
    end.set()
    disk_thread._hanging[tmp_path, 0.0].join(patience(10))  # who sleeps there
    assert in_time(tmp_path, question) == 2, "what it said meanwhile may be old"
    with pytest.raises(ZeroDivisionError):
        in_time(tmp_path, lambda: 1 // 0)


def test_who_gives_a_disk_longer_is_not_refused_for_who_gave_up_sooner_nor_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, listened, looked = threading.Event(), tmp_path / "listened", tmp_path / "looked"
    asleep = partial(end.wait, patience(60))
    with pytest.raises(TimeoutError):
        in_time(listened, asleep, 0.05)
    with monkeypatch.context() as patched:
        patched.setattr(disk_thread, "HANG_SECONDS", 0.05)
        with pytest.raises(TimeoutError):
            in_time(looked, asleep)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(10))
    try:
        assert in_time(listened, lambda: "well") == "well"
        assert in_time(looked, lambda: "well", patience(10)) == "well"
        with pytest.raises(TimeoutError):
            in_time(looked, lambda: "well")
    finally:
        end.set()
