"""A caller of the chaos run knows real prompts by their sound, packet by packet."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from bench.chaos import tones
from bench.chaos.speech import Listening, NoSpeech, Speech, lay

PAUSE = tones.to_alaw(tones.tone(tones.SILENT, 1))
PROMPTS = {"digit.3": 1, "digit.4": 2, "code.is": 3, "record.safe": 4}


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """Sounds unlike each other, but for how they begin and a pause within; laid beside tones."""
    for id, seed in PROMPTS.items():
        noise = np.random.default_rng(seed).integers(-8_000, 8_000, 9 * tones.FRAME)
        same = np.random.default_rng(99).integers(-8_000, 8_000, 2 * tones.FRAME)
        samples = np.concatenate([same, noise, np.zeros(3 * tones.FRAME), noise[::-1]]).astype("<i2")
        path = tmp_path / "built" / f"{id.replace('.', '/')}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, tones.RATE, 0, "NONE", ""))
            sound.writeframes(samples.tobytes())
    lay(tmp_path / "built", tmp_path / "sounds", PROMPTS)
    return tmp_path / "sounds"


def packets(spoken: Path, id: str) -> list[bytes]:
    sound = (spoken / f"{id.replace('.', '/')}.alaw").read_bytes()
    return [sound[at : at + tones.FRAME] for at in range(0, len(sound), tones.FRAME)]


def heard(spoken: Path, *sounds: Sequence[bytes]) -> list[str]:
    """The prompts that began, as whoever reads the log counts them."""
    listening = Listening(Speech.of(spoken))
    lines = [listening.hear(packet) for sound in sounds for packet in sound]
    return [tones.PROMPT_OF[line] for line, _ in groupby(lines) if line in tones.PROMPT_OF]


def test_each_prompt_is_heard_once_as_often_as_it_is_spoken(spoken: Path) -> None:
    said = ["code.is", "digit.3", "digit.3", "digit.4", "digit.3", "record.safe"]
    assert heard(spoken, *(packets(spoken, id) for id in said)) == said


def test_one_that_is_cut_off_lost_in_part_or_begun_anew_is_no_other(spoken: Path) -> None:
    three, four = packets(spoken, "digit.3"), packets(spoken, "digit.4")
    assert heard(spoken, three[:6], four) == ["digit.3", "digit.4"]
    assert heard(spoken, three[:5] + three[8:]) == ["digit.3"]
    assert heard(spoken, three[:6], three) == ["digit.3", "digit.3"]


def test_what_is_no_prompt_is_none_of_them(spoken: Path) -> None:
    word = tones.to_alaw(tones.word(1, 2))
    own = [word[at : at + tones.FRAME] for at in range(0, len(word), tones.FRAME)]
    assert heard(spoken, own, [PAUSE] * 20, packets(spoken, "digit.3")[:2]) == []
    listening = Listening(Speech.of(spoken))
    assert {listening.hear(packet) for packet in own} == {None}, "she hears her own words as they are"


def test_prompts_that_were_not_built_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoSpeech, match="ivr sounds build"):
        lay(tmp_path, tmp_path / "sounds", ["welcome"])
