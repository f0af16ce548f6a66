"""What is played to who listens."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from ivr.desk.recordings.hearing import Rendition, Renditions
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
