"""An officer's recorded answer becomes telephone audio, or is refused in one sentence."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from ivr.speech import answer_sound
from ivr.speech.telephone import LOUDNESS, AudioError, measure, read


def studio(path: Path, seconds: float = 3.0, volume: float = 0.02, rate: int = 44_100) -> Path:
    """A quiet stereo recording, with a silent second at each end."""
    turns = 2 * np.pi * 300 * np.arange(round(rate * seconds)) / rate
    voice = np.sin(turns) * (1 + np.sin(turns / 100)) / 2 * volume
    mono = np.concatenate([np.zeros(rate), voice, np.zeros(rate)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(np.round(mono * 32_767).astype("<i2"), 2).tobytes())
    return path


def test_it_is_converted_evened_trimmed_and_kept_once(tmp_path: Path) -> None:
    first = answer_sound.prepare(studio(tmp_path / "a.wav"), tmp_path)
    again = answer_sound.prepare(studio(tmp_path / "b.wav"), tmp_path)
    assert first == again and first.name.startswith("answers/") and 2.8 < first.seconds < 3.2
    with wave.open(str(tmp_path / f"{first.name}.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8_000)
    samples, _ = read(tmp_path / f"{first.name}.wav")
    assert measure(samples) == pytest.approx(LOUDNESS, abs=1.0)
    assert [path.name[0] for path in (tmp_path / "answers").iterdir()] != ["."]


def test_it_is_on_the_disk_before_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, flushed = os.fsync, list[Path]()

    def fsync(fd: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{fd}").readlink())
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    made = answer_sound.prepare(studio(tmp_path / "a.wav"), tmp_path)
    kept = tmp_path / f"{made.name}.wav"
    assert flushed[0].name.startswith(".a."), "before it has the name, which may be that of an older answer"
    assert flushed[1:] == [kept.parent, tmp_path / "answers", tmp_path]


@pytest.mark.parametrize(
    ("seconds", "volume", "said"), [(0.3, 0.1, "0.4 s long"), (2.0, 0.0, "nothing can be")]
)
def test_what_nobody_could_hear_is_refused(tmp_path: Path, seconds: float, volume: float, said: str) -> None:
    with pytest.raises(AudioError, match=said):
        answer_sound.prepare(studio(tmp_path / "a.wav", seconds, volume), tmp_path)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF....")
    for name in ("a.wav", "missing.wav"):
        with pytest.raises(AudioError, match=name):
            answer_sound.prepare(tmp_path / name, tmp_path)
