"""What a player does to a recording: drawn, its silences left out, evened, made unrecognisable, named."""

from __future__ import annotations

import io
import tracemalloc
import wave as stdlib_wave

import numpy as np
import pytest

from ivr.voice import blind
from ivr.voice.blind import DOWN, UP, blinded, pitch
from ivr.voice.evening import PEAK, evened
from ivr.voice.outline import BINS, LOUDEST, outline
from ivr.voice.riff import ARTIST, COMMENT, wav
from ivr.voice.wave import RATE, Samples, measure, read
from tests.voice.info import info_of
from tests.voice.voices import band, centroid, voice


def quiet(seconds: float) -> Samples:
    return np.random.default_rng(2).normal(0, 0.001, round(seconds * RATE))


def level(samples: Samples) -> float:
    """Root mean square in dB of full scale."""
    return float(10 * np.log10((samples**2).mean()))


def test_a_drawing_shows_where_words_are_and_how_loud() -> None:
    drawn = outline(np.concatenate([voice(loud=0.8), quiet(4), voice(loud=0.2)]))
    assert len(drawn.peaks) == BINS and max(drawn.peaks) == LOUDEST and drawn.seconds == 12.0
    first, pause, last = drawn.peaks[:200], drawn.peaks[205:395], drawn.peaks[400:]
    assert max(pause) <= 1 and 20 <= max(last) <= 30 and min(max(first[n : n + 20]) for n in range(180)) > 50


def test_long_pauses_are_left_out_with_a_margin_and_short_ones_stay() -> None:
    words = voice(seconds=2, loud=0.9)
    speech = np.concatenate([words, quiet(3), words, quiet(0.7), words, quiet(2)])
    (first, last) = outline(speech).silences
    assert first == pytest.approx((2.25, 4.75), abs=0.15)
    assert last == pytest.approx((9.95, 11.45), abs=0.15)


def test_nothing_and_silence_have_a_drawing_too() -> None:
    assert outline(np.zeros(0)).peaks == (0,) * BINS
    assert outline(quiet(5)).silences == ((0.25, 4.75),)


def test_a_whisper_and_a_shout_become_about_as_loud_and_silence_stays_silence() -> None:
    whisper, shout = voice(loud=0.05), voice(loud=0.95, seed=3)
    heard = evened(np.concatenate([whisper, quiet(3), shout]))
    soft, pause, loud = heard[: 4 * RATE], heard[5 * RATE : 6 * RATE], heard[7 * RATE :]
    assert level(shout) - level(whisper) > 25 and abs(level(loud) - level(soft)) < 7
    assert level(pause) < level(soft) - 20
    assert len(heard) == 11 * RATE and np.abs(heard).max() < PEAK
    assert np.array_equal(evened(quiet(2)), quiet(2))


def test_the_words_of_who_speaks_softly_are_not_skipped_and_her_pauses_are() -> None:
    whisper = voice(loud=0.03)
    (only,) = outline(np.concatenate([whisper, quiet(3) / 5, whisper])).silences
    assert only == pytest.approx((4.0, 6.75), abs=0.15)  # her last syllable fades from 3.75


@pytest.mark.parametrize("hz", [90, 120, 150, 180, 220, 300])
def test_blind_listening_moves_the_pitch_by_the_wanted_ratio(hz: float) -> None:
    spoken = voice(pitch=hz)
    heard = blinded(spoken)
    wanted = UP if hz < 165 else DOWN
    assert pitch(spoken) == pytest.approx(hz, rel=0.03)
    assert pitch(heard) / pitch(spoken) == pytest.approx(wanted[0], rel=0.03)
    assert len(heard) == len(spoken) and level(heard) == pytest.approx(level(spoken), abs=0.5)


def test_blind_listening_moves_the_formants_by_another_ratio() -> None:
    """Else who knows the one could undo both at once."""
    for hz, (up, formants) in ((110.0, UP), (220.0, DOWN)):
        for place in (900.0, 1500.0):
            spoken = voice(pitch=hz, formants=(place,))
            moved = centroid(blinded(spoken)) / centroid(spoken)
            assert moved == pytest.approx(formants, rel=0.08) and abs(moved - up) > 0.05


def test_a_mans_and_a_womans_voice_meet_in_the_middle() -> None:
    man, woman = pitch(blinded(voice(118))), pitch(blinded(voice(210)))
    assert abs(man - woman) < 10


def test_blind_words_keep_their_rhythm_and_the_energy_of_speech() -> None:
    spoken = np.concatenate([voice(130, seconds=3), quiet(1), voice(130, seconds=3)])
    heard = blinded(spoken)
    rhythm = [np.sqrt((s[: len(s) // 400 * 400].reshape(-1, 400) ** 2).mean(axis=1)) for s in (spoken, heard)]
    assert np.corrcoef(*rhythm)[0, 1] > 0.95
    kept = band(heard, 300, 3400) / band(spoken, 300, 3400)
    assert 10 * np.log10(kept) == pytest.approx(0, abs=3)
    assert level(heard[round(3.2 * RATE) : round(3.8 * RATE)]) < level(heard) - 25


def test_a_long_talk_is_made_unrecognisable_a_part_at_a_time_and_sounds_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoken = np.tile(np.concatenate([voice(210), quiet(2)]), 20)
    tracemalloc.start()
    heard = blinded(spoken)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 12 * spoken.nbytes  # 28 times, when it was worked out at once
    monkeypatch.setattr(blind, "_AT_ONCE", len(spoken))
    assert np.array_equal(blinded(spoken), heard)


def test_a_scrap_of_a_voice_is_not_left_as_it_was() -> None:
    assert not blinded(voice(seconds=0.1)).any()


def test_a_wav_names_who_took_it_and_stays_a_wav() -> None:
    spoken, who = voice(), "مریم <b>رضایی</b>"
    content = wav(spoken, RATE, {ARTIST: who, COMMENT: "111"})
    assert info_of(content) == {ARTIST: who, COMMENT: "111"}
    with stdlib_wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
    samples, rate = read(content)
    assert rate == RATE and np.abs(samples - spoken).max() < 1e-4
    assert measure(content).samples == len(spoken) and info_of(wav(spoken)) == {}
