"""What a recording holds, whatever state its file is in."""

from __future__ import annotations

import hashlib
import io
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice.riff import with_header
from ivr.voice.wave import measure, was_closed, was_refused
from tests.fixtures.damaged import without_header

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def wav(samples: Samples, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def speech(seconds: float, loud: int = 3000) -> Samples:
    samples: Samples = loud * np.sin(np.arange(round(seconds * 8000)) * 0.4)
    return samples


def test_speech_and_silence_are_told_apart() -> None:
    found = measure(wav(np.concatenate([speech(2), np.zeros(8000 * 3), speech(1)])))
    assert found.samples == 48_000
    assert found.seconds == 6.0
    assert found.voiced_seconds == pytest.approx(3.0, abs=0.05)


def test_line_noise_is_silence_and_a_soft_voice_is_not() -> None:
    noise = np.random.default_rng(1).normal(0, 60, 16_000)
    assert measure(wav(noise)).voiced_seconds == 0
    assert measure(wav(speech(2, loud=600))).voiced_seconds == pytest.approx(2.0, abs=0.05)


def test_size_and_digest_are_the_files() -> None:
    content = wav(speech(1))
    found = measure(content)
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("promised", [0, 320, 2**32 - 1, 10**6])
def test_a_header_that_was_never_closed_does_not_hide_the_words(promised: int) -> None:
    content = bytearray(wav(speech(2)))
    content[40:44] = promised.to_bytes(4, "little")
    assert measure(bytes(content)).samples == 16_000


def test_an_odd_last_byte_and_a_chunk_after_the_samples_are_not_audio() -> None:
    assert measure(wav(speech(1)) + b"\x01").samples == 8000
    assert measure(wav(speech(1)) + b"LIST\x04\x00\x00\x00abcd").samples == 8000


@pytest.mark.parametrize("length", [400, 401])
@pytest.mark.parametrize("padded", [b"\0", b""])
def test_long_chunks_behind_the_samples_are_no_words_and_words_behind_a_stale_length_are(
    length: int, padded: bytes
) -> None:
    behind = b"LIST" + bytes((4, 0, 0, 0)) + b"INFO" + b"bext" + length.to_bytes(4, "little")
    behind += b"\x7f" * length + padded * (length % 2)
    assert measure(wav(speech(1)) + behind).samples == 8000
    stale = bytearray(wav(speech(1)) + behind + b"\x01\x02\x03\x04")  # they end not where the file does
    assert measure(bytes(stale)).samples == 8000 + (len(behind) + 4) // 2
    stale[40:44] = (320).to_bytes(4, "little")
    assert measure(bytes(stale)).samples == 8000 + (len(behind) + 4) // 2


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", wav(speech(0)), wav(speech(1))[:44]])
def test_an_empty_recording_has_no_length(content: bytes) -> None:
    found = measure(content)
    assert (found.samples, found.seconds, found.voiced_seconds) == (0, 0.0, 0.0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=4000), st.booleans())
def test_any_bytes_can_be_measured(content: bytes, proper: bool) -> None:
    found = measure((wav(speech(0.1))[:40] if proper else b"") + content)
    assert 0 <= found.voiced_seconds <= found.seconds


@given(st.binary(max_size=4_000))
@settings(max_examples=200)
def test_frames_are_counted_in_whole_numbers_as_they_were_in_fractions(content: bytes) -> None:
    audio = np.frombuffer(content, "<i2", len(content) // 2)
    frames = (audio / 32_768)[: len(audio) // 160 * 160].reshape(-1, 160)
    voiced = np.abs(frames).mean(axis=1) >= 256 / 32_768
    assert measure(wav(audio)).voiced_seconds == voiced.sum() * 0.02


@pytest.mark.parametrize("level", [-32_768, 32_767, -257, -256, -255, 0, 255, 256, 257])
def test_every_level_counts_as_loud_as_it_is(level: int) -> None:
    audio = np.full(8_000, level)
    assert measure(wav(audio)).voiced_seconds == (1.0 if abs(level) >= 256 else 0.0)


@pytest.mark.parametrize("closed", [True, False])
def test_sound_that_lost_its_header_can_be_played_and_tells_whether_it_was_closed(closed: bool) -> None:
    torn = without_header(wav(speech(2)), closed=closed)
    mended = with_header(torn)
    assert len(mended) == len(torn) and mended[44:] == torn[44:] and was_closed(torn) == closed
    with wave.open(io.BytesIO(mended)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 1, 16_000 - 22)


@pytest.mark.parametrize("content", [wav(speech(1)), bytes(9_000), b"", b"short", wav(speech(1))[:44]])
def test_what_has_a_header_or_no_sound_stays_as_it_is(content: bytes) -> None:
    assert with_header(content) is content


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 18_000))
def test_no_length_that_asterisk_ends_with_looks_like_a_refused_one(frames: int) -> None:
    """Of ten milliseconds, until the longest recording that there may be."""
    assert not was_refused(bytes(44 + 160 * frames))


def test_a_file_of_which_a_disk_took_whole_blocks_alone_was_refused_the_rest() -> None:
    assert was_refused(wav(speech(3))[:32_768]) and not was_refused(b"")
