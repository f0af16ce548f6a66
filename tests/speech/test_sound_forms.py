"""Prompts in the codecs of the channels: each form is its WAV, and none outlives it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.chaos import tones
from ivr.speech.build import Built, build, build_one
from ivr.speech.check import Unprepared, not_ready
from ivr.speech.paths import SUFFIXES, beside, unprepared
from ivr.speech.sound_forms import ALAW, ENCODED, ULAW, prepare, put
from ivr.speech.telephone import RATE, Samples, read, write
from tests.speech.test_build import catalogue

ALL = tuple(SUFFIXES)
EVERY = np.arange(-32_768, 32_768).astype(np.int16)
QUIET = {"a.menu": "", "b": "", "c": "{silence: 0.5}"}  # nothing that the synthesiser must speak
SOUND: Samples = 0.5 * np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE)


def from_g722(audio: bytes) -> NDArray[np.int16]:
    from G722 import G722

    return np.asarray(G722(16_000, 64_000).decode(audio), np.int16)


# The samples of each form, by somebody else's hand, and their rate.
DECODED: dict[str, tuple[Callable[[bytes], NDArray[np.int16]], int]] = {
    "alaw": (tones.from_alaw, RATE),
    "ulaw": (ULAW.decoded, RATE),
    "g722": (from_g722, 2 * RATE),
    "slin16": (lambda audio: np.frombuffer(audio, "<i2"), 2 * RATE),
}


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    put(tmp_path / "fa" / "welcome.wav", SOUND, ALL)
    return tmp_path / "fa" / "welcome.wav"


def test_every_codec_has_its_file_and_its_encoder() -> None:
    assert set(SUFFIXES) == set(ENCODED) == set(DECODED)


@pytest.mark.parametrize("codec", ALL)
def test_a_form_says_what_its_wav_says(wav: Path, codec: str) -> None:
    decoded, rate = DECODED[codec]
    heard = decoded(beside(wav, codec).read_bytes())
    assert abs(heard.size / rate - 1.0) < 0.01
    spectrum = np.abs(np.fft.rfft(heard.astype(float)))
    assert spectrum.argmax() * rate / heard.size == pytest.approx(700, abs=2)
    loudness = np.sqrt(np.mean(heard.astype(float) ** 2)) / 32_767
    assert loudness == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated")
@pytest.mark.parametrize("name", ["alaw", "ulaw"])
def test_no_sample_is_further_from_its_byte_than_by_the_reference(name: str) -> None:
    reference = pytest.importorskip("audioop", reason="not in this Python any more")
    ours = {"alaw": ALAW, "ulaw": ULAW}[name]
    encode, decode = getattr(reference, f"lin2{name}"), getattr(reference, f"{name}2lin")
    every_byte = bytes(range(256))
    assert ours.decoded(every_byte).astype("<i2").tobytes() == decode(every_byte, 2)
    theirs = np.frombuffer(decode(encode(EVERY.tobytes(), 2), 2), "<i2").astype(int)
    mine = ours.decoded(ours.encoded(EVERY)).astype(int)
    assert (np.abs(mine - EVERY) <= np.abs(theirs - EVERY)).all()


def test_what_was_recorded_anew_is_never_heard_in_its_old_form(
    wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short anywhere, an old form is gone before the new WAV is there."""

    def dies(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("ivr.speech.sound_forms.write", dies)
    with pytest.raises(OSError, match="full"):
        put(wav, SOUND / 2, ALL)
    assert [path.name for path in wav.parent.iterdir()] == ["welcome.wav"]


def test_a_wav_that_somebody_put_there_makes_its_forms_stale(wav: Path) -> None:
    assert not list(unprepared(wav, ALL))
    write(wav, SOUND / 4)
    assert list(unprepared(wav, ALL)) == list(ALL)
    assert prepare(wav, ALL) and not list(unprepared(wav, ALL)) and not prepare(wav, ALL)
    assert np.abs(tones.from_alaw(beside(wav, "alaw").read_bytes())).max() < 0.13 * 32_768


def test_a_form_that_a_power_cut_left_empty_is_stale_though_it_has_its_wav_s_time(wav: Path) -> None:
    when, form = wav.stat(), beside(wav, "alaw")
    os.truncate(form, 0)
    os.utime(form, ns=(when.st_atime_ns, when.st_mtime_ns))
    assert list(unprepared(wav, ALL)) == ["alaw"]
    assert prepare(wav, ALL) and form.stat().st_size == RATE and not list(unprepared(wav, ALL))


def test_a_form_is_on_the_disk_before_it_has_its_name(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a power cut leaves it whole, or not there."""
    sync, flushed = os.fsync, list[tuple[int, bool]]()

    def syncs(fd: int) -> None:
        sync(fd)
        flushed.append((os.fstat(fd).st_size, beside(wav, "alaw").exists()))

    beside(wav, "alaw").unlink()
    monkeypatch.setattr(os, "fsync", syncs)
    assert prepare(wav, ALL) and flushed == [(RATE, False)]


def test_forms_that_are_not_asked_for_any_more_are_removed(wav: Path) -> None:
    prepare(wav, ["alaw"])
    assert sorted(path.name for path in wav.parent.iterdir()) == ["welcome.alaw", "welcome.wav"]


def test_a_build_prepares_what_it_makes_and_what_it_leaves(tmp_path: Path) -> None:
    words = catalogue(**QUIET)
    assert build(words, ("fa",), tmp_path, [], jobs=2).prepared == 0
    assert not_ready(["beep", "c"], ["fa"], tmp_path, ["alaw"]) == [
        Unprepared("fa", "beep", "alaw"),
        Unprepared("fa", "c", "alaw"),
    ]
    assert build(words, ("fa",), tmp_path, [], jobs=2, codecs=["alaw"]) == Built(kept=3, prepared=3)
    assert not not_ready(["beep", "c"], ["fa"], tmp_path, ["alaw"])
    assert (tmp_path / "moh" / "hold.alaw").exists(), "who waits in the queue costs no encoding either"
    assert build(words, ("fa",), tmp_path, [], jobs=2, codecs=["alaw"]) == Built(kept=3)
    changed = catalogue(**QUIET | {"beep": "{tone: 500, seconds: 0.2}"})
    assert build(changed, ("fa",), tmp_path, [], jobs=2, codecs=["alaw"]) == Built(made=1, kept=2)
    assert (tmp_path / "fa" / "beep.alaw").stat().st_size == 0.2 * RATE
    build(catalogue(**QUIET | {"beep": ""}), ("fa",), tmp_path, [], jobs=2, codecs=["alaw"])
    assert not list(tmp_path.glob("fa/beep*"))


def test_one_prompt_built_in_the_studio_is_prepared_too(tmp_path: Path) -> None:
    build_one(catalogue(**QUIET), "fa", "beep", tmp_path, [], ["alaw", "g722"])
    assert not list(unprepared(tmp_path / "fa" / "beep.wav", ["alaw", "g722"]))
    assert read(tmp_path / "fa" / "beep.wav")[0].size == 0.3 * RATE
    build_one(catalogue(**QUIET | {"beep": ""}), "fa", "beep", tmp_path, [], ["alaw", "g722"])
    assert not list(tmp_path.glob("fa/beep*"))
