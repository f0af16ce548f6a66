"""A recording that is handed in at the service desk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.desk.counter import audio
from ivr.desk.refusals import WrongField
from tests.desk.office import WEDNESDAY


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no WAV file"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is no WAV file"),
        (b"x" * (10 * 1024 * 1024 + 1), "at most 10 MB"),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(WrongField, match=f"audio: {says}"):
        audio.put(content, tmp_path, WEDNESDAY)
    assert list(tmp_path.iterdir()) == []
