"""Blind listening: the words without the person. Pitch and formants move apart, by different ratios.

Formants first: the envelope of each short spectrum (its first cepstral coefficients) is stretched. Then pitch
and formants together: stretched in time by overlapping pieces that fit (WSOLA), and resampled to the old
length. Low voices go up and high ones down, so that they meet in the middle: not even who speaks as man or
woman is left. It hides a voice from the ear, not from a laboratory; what she says may still name her.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ivr.voice.evening import bent, loudness
from ivr.voice.wave import RATE, Samples

UP = (1.32, 1.14)  # pitch, formants
DOWN = (0.76, 0.88)
MIDDLE = 165.0  # Hz: a median pitch below it is a low voice
LOWEST, HIGHEST = 70.0, 400.0  # Hz: the pitches of voices

_PIECE = 256  # samples: 32 ms at 8 kHz
_HOP = _PIECE // 2
_REACH = 64  # samples: how far a piece may be moved to fit; more than half a period of most voices
_COEFFICIENTS = 20  # of the cepstrum: below the period of the highest voice at 8 kHz
_MOST_GAIN = np.log(10 ** (18 / 20))
_NEARLY, _SURE = 0.85, 0.5
_FINER = 4  # lags between samples: a woman's period is some 36 of them
_WINDOW = np.hanning(_PIECE + 1)[:-1]
_AT_ONCE = 2_000  # pieces: of half an hour's all, each step would take hundreds of megabytes


def blinded(samples: Samples, rate: int = RATE) -> Samples:
    """As long as it was and as loud."""
    if len(samples) < 4 * _PIECE:
        return np.zeros_like(samples)  # nobody is heard in so little
    up, formants = UP if pitch(samples, rate) < MIDDLE else DOWN
    moved = _resampled(_stretched(_warped(samples, formants / up), up), len(samples))
    before, after = (float(np.sqrt((each**2).mean())) for each in (samples, moved))
    return bent(moved * (before / after if after else 1.0))


def pitch(samples: Samples, rate: int = RATE) -> float:
    """The median pitch of what is voiced, in Hz; 0.0 when nothing is."""
    fine = rate * _FINER
    pieces = _loud(samples, round(0.04 * rate))
    blocks = [_pitches(pieces[at : at + _AT_ONCE], fine) for at in range(0, len(pieces), _AT_ONCE)]
    found = np.concatenate([[], *blocks])
    return float(np.median(found)) if len(found) else 0.0


def _loud(samples: Samples, length: int) -> Samples:
    pieces = samples[: len(samples) // length * length].reshape(-1, length)
    loud = loudness(samples, length)
    return np.asarray(pieces[loud > max(float(loud.max(initial=0.0)) / 5, 1e-4)])


def _pitches(pieces: Samples, fine: int) -> Samples:
    """Those of voiced pieces; `fine`: parts of samples a second."""
    likeness = _likeness(pieces, round(fine / LOWEST))
    shortest = round(fine / HIGHEST)
    inner = likeness[:, shortest - 1 :]
    crest = (inner[:, 1:-1] >= inner[:, :-2]) & (inner[:, 1:-1] > inner[:, 2:])
    top = np.where(crest, inner[:, 1:-1], 0.0)
    best = top.max(axis=1, initial=0.0)
    # Every multiple of a period fits as well: the shortest that fits nearly as well is the period.
    periods = (top >= _NEARLY * best[:, None]).argmax(axis=1) + shortest
    sure = best > _SURE
    return np.asarray(fine / periods[sure])


def _likeness(pieces: Samples, longest: int) -> Samples:
    """How much each is like itself, so many parts of a sample later."""
    window = np.hanning(pieces.shape[1])
    lags = _correlated(pieces * window)[:, : longest + 1]
    fading = _correlated(window[None])[:, : longest + 1]  # undone, or every voice is found too high
    return np.asarray(lags / np.maximum(lags[:, :1], 1e-12) / (fading / fading[:, :1]))


def _correlated(pieces: Samples) -> Samples:
    length = 2 * pieces.shape[1]
    return np.fft.irfft(np.abs(np.fft.rfft(pieces, length)) ** 2, length * _FINER)


def _warped(samples: Samples, ratio: float) -> Samples:
    """Formants times `ratio`, pitch as it was."""
    padded = np.pad(samples, (_PIECE, 2 * _PIECE))
    starts = np.arange(0, len(padded) - _PIECE, _HOP)

    def changed(block: slice) -> Samples:
        return _with_formants(padded[starts[block, None] + np.arange(_PIECE)] * _WINDOW, ratio)

    return _added(changed, len(starts), len(padded))[_PIECE : _PIECE + len(samples)]


def _with_formants(pieces: Samples, ratio: float) -> Samples:
    spectra = np.fft.rfft(pieces, 2 * _PIECE)
    cepstra = np.fft.irfft(np.log(np.abs(spectra) + 1e-6))
    cepstra[:, _COEFFICIENTS : -_COEFFICIENTS + 1] = 0
    envelope = np.fft.rfft(cepstra).real
    bins = envelope.shape[1]
    source = np.minimum(np.arange(bins) / ratio, bins - 1)
    below = source.astype(int)
    above, part = np.minimum(below + 1, bins - 1), source - below
    wanted = envelope[:, below] * (1 - part) + envelope[:, above] * part
    gain = np.exp(np.clip(wanted - envelope, -_MOST_GAIN, _MOST_GAIN))
    return np.fft.irfft(spectra * gain)[:, :_PIECE]


def _stretched(samples: Samples, ratio: float) -> Samples:
    """`ratio` times as long at the same pitch."""
    padded = np.pad(samples, (_REACH, _PIECE + _HOP + 2 * _REACH))
    count = int(np.ceil(len(samples) * ratio / _HOP)) + 1
    squares = np.concatenate([[0.0], np.cumsum(padded**2)])
    chosen = np.full(count, _REACH)
    for number in range(1, count):
        nominal = min(int(number * _HOP / ratio), len(samples))
        follows = padded[chosen[number - 1] + _HOP : chosen[number - 1] + _HOP + _PIECE]
        around = padded[nominal : nominal + _PIECE + 2 * _REACH]
        energy = squares[nominal + _PIECE : nominal + _PIECE + 2 * _REACH + 1]
        energy = energy - squares[nominal : nominal + 2 * _REACH + 1]
        fit = np.correlate(around, follows, "valid") / np.sqrt(np.maximum(energy, 1e-9))
        chosen[number] = nominal + int(fit.argmax())

    def moved(block: slice) -> Samples:
        return padded[chosen[block, None] + np.arange(_PIECE)] * _WINDOW

    return _added(moved, count, round(len(samples) * ratio))


def _added(pieces: Callable[[slice], Samples], count: int, length: int) -> Samples:
    """Overlapping pieces, each _HOP after the one before."""
    out = np.zeros((count + 1, _HOP))
    for at in range(0, count, _AT_ONCE):
        halves = pieces(slice(at, at + _AT_ONCE)).reshape(-1, 2, _HOP)
        out[at : at + len(halves)] += halves[:, 0]
        out[at + 1 : at + 1 + len(halves)] += halves[:, 1]
    flat = out.reshape(-1)
    return flat[:length] if len(flat) >= length else np.pad(flat, (0, length - len(flat)))


def _resampled(samples: Samples, length: int) -> Samples:
    """To so many samples, by its spectrum: nothing folds back."""
    spectrum = np.fft.rfft(samples)
    bins = length // 2 + 1
    kept = spectrum[:bins] if bins <= len(spectrum) else np.pad(spectrum, (0, bins - len(spectrum)))
    return np.fft.irfft(kept, length) * (length / len(samples))
