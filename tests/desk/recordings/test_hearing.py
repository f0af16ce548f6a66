"""What is played to who listens."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from ivr.desk.recordings import hearing as hearing_module
from ivr.desk.recordings.hearing import AT_ONCE, Rendition, Renditions
from ivr.lab.pace import patience
from ivr.store.derived import Derived
from tests.desk.facts.test_fallback import audio


async def test_a_recording_of_which_a_disk_lost_the_first_block_can_be_played(tmp_path: Path) -> None:
    row: Any = SimpleNamespace(id=uuid4(), name="2026/11/25/abc", stored_at=None)  # as a query gives it
    path = tmp_path / f"{row.name}.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(4096) + audio(3.0)[4096:])
    hearing = Renditions(tmp_path, Derived(tmp_path / "derived"))
    for form in Rendition:
        with await hearing.opened(row, form) as file, wave.open(file) as sound:
            assert (sound.getframerate(), sound.getnframes()) == (8000, 24_000)
    assert path.read_bytes()[:4] == bytes(4), "the file itself stays what it is"


def named(name: str) -> Any:
    return SimpleNamespace(id=uuid4(), name=name, stored_at=None)


@contextmanager
def hanging(path: Path) -> Iterator[None]:
    """Whoever reads it sleeps until the end of this."""
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    try:
        yield
    finally:
        awake = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        path.unlink()  # who has waited for a turn till now finds no pipe to sleep in
        os.close(awake)


async def test_who_listens_on_a_disk_that_hangs_keeps_nobody_from_the_other_one(tmp_path: Path) -> None:
    (tmp_path / "well.wav").write_bytes(audio(1.0))
    hearing = Renditions(tmp_path, Derived(tmp_path / "derived"))
    with hanging(tmp_path / "second" / "sick.wav"):
        waiting = [
            asyncio.create_task(hearing.opened(named("second/sick"), Rendition.BLIND))
            for _ in range(AT_ONCE + 1)
        ]
        async with asyncio.timeout(patience(20)):
            for form in Rendition:
                (await hearing.opened(named("well"), form)).close()
            (await hearing.outline(named("well"))).close()
            assert await hearing.marked(named("well"), {})
        assert not any(task.done() for task in waiting)
    _, late = await asyncio.wait(waiting, timeout=patience(10))
    assert not late, "whoever waited for a turn behind them goes on, too"


@pytest.mark.parametrize("form", Rendition)
async def test_a_disk_that_hangs_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Rendition
) -> None:
    monkeypatch.setattr(hearing_module, "READ_SECONDS", 0.2)
    hearing = Renditions(tmp_path, Derived(tmp_path / "derived"))
    with hanging(tmp_path / "second" / "sick.wav"):
        async with asyncio.timeout(patience(20)):
            with pytest.raises(TimeoutError, match="it hangs"):
                await hearing.opened(named("second/sick"), form)


async def test_what_was_made_on_a_disk_that_comes_to_hang_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing_module, "READ_SECONDS", 0.2)
    derived, made = Derived(tmp_path / "derived"), tmp_path / "derived" / "sick.wav"
    monkeypatch.setattr(derived, "get", lambda *_: made)
    with hanging(made):
        async with asyncio.timeout(patience(20)):
            with pytest.raises(TimeoutError, match="it hangs"):
                await Renditions(tmp_path, derived).opened(named("well"), Rendition.BLIND)
