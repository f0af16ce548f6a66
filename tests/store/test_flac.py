"""FLAC: every byte of a WAV comes back, and what is none is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.store import flac
from ivr.voice import riff
from ivr.voice.wave import RATE
from tests.voice.test_wave import speech

SPEECH = riff.wav(speech(2.0) / 32_768, RATE)


def test_words_take_less_room_and_come_back_byte_by_byte() -> None:
    made = flac.packed(SPEECH)
    assert len(made) < 0.7 * len(SPEECH) and flac.unpacked(made) == SPEECH


@given(st.binary(min_size=1, max_size=300), st.binary(min_size=8, max_size=8))
def test_whatever_is_packed_comes_back_with_a_head_that_lies_and_half_a_sample(
    samples: bytes, lengths: bytes
) -> None:
    head = SPEECH[:4] + lengths[:4] + SPEECH[8:40] + lengths[4:]
    made = flac.packed(head + samples)
    assert flac.unpacked(made) == head + samples if len(samples) > 1 else made == b""


@given(st.binary(max_size=200))
def test_what_is_no_wav_of_ours_is_not_packed(content: bytes) -> None:
    assert flac.packed(content) == b""


@pytest.mark.parametrize(
    "content",
    [b"", SPEECH[:44], SPEECH[:22] + b"\2\0" + SPEECH[24:], SPEECH[:24] + bytes(4) + SPEECH[28:]],
    ids=["nothing", "no samples", "two channels", "no rate"],
)
def test_nor_is_a_wav_that_we_do_not_make(content: bytes) -> None:
    assert flac.packed(content) == b""


def test_a_file_that_was_cut_or_changed_is_one_sentence() -> None:
    made = flac.packed(SPEECH)
    for content in (b"", b"fLaC", made[: len(made) // 2], made[:300] + bytes(len(made) - 300)):
        assert not flac.is_whole(content), len(content)
        with pytest.raises(flac.NotFlac):
            flac.unpacked(content)
