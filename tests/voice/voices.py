"""Made voices: a buzz of a known pitch through formants of known places, in syllables with pauses."""

from __future__ import annotations

import numpy as np

from ivr.voice.wave import RATE, Samples


def voice(
    pitch: float = 120.0,
    formants: tuple[float, ...] = (600.0, 1300.0, 2500.0),
    seconds: float = 4.0,
    loud: float = 0.2,
    seed: int = 1,
) -> Samples:
    """`loud`: the peak, of full scale. The pitch wavers by 3 %, four syllables a second."""
    count = round(seconds * RATE)
    at = np.arange(count) / RATE
    phase = np.cumsum(pitch * (1 + 0.03 * np.sin(2 * np.pi * 1.7 * at))) / RATE
    buzz = np.diff(np.floor(phase), prepend=0.0) + np.random.default_rng(seed).normal(0, 0.004, count)
    spectrum, hz = np.fft.rfft(buzz), np.fft.rfftfreq(count, 1 / RATE)
    shape = sum(1 / (1 + ((hz - place) / 90) ** 2) for place in formants)
    sound = np.fft.irfft(spectrum * shape, count) * (0.15 + np.clip(np.sin(2 * np.pi * 2 * at), 0, 1))
    return np.asarray(sound / np.abs(sound).max() * loud)


def centroid(samples: Samples) -> float:
    """The middle of its energy, in Hz."""
    power, hz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / RATE)
    return float((power * hz).sum() / power.sum())


def band(samples: Samples, low: float, high: float) -> float:
    """The energy between two frequencies, in Hz."""
    power, hz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(power[(hz >= low) & (hz < high)].sum())
