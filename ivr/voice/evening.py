"""A recording's loudness evened, for who listens to three hundred of them before lunch.

Callers whisper, shout, turn away. The gain follows the loudness of the words slowly, stands still in silence
(noise between words is not pulled up), and peaks are bent, not cut.
"""

from __future__ import annotations

import numpy as np

from ivr.voice.wave import FRAME, RATE, SILENT_BELOW, Samples

TARGET = 10 ** (-20 / 20)  # root mean square of words, of full scale
MOST, LEAST = 10 ** (24 / 20), 10 ** (-12 / 20)  # gains
FOLLOWS = 0.6  # seconds: the standard deviation of the smoothing
KNEE, PEAK = 0.7, 0.97


def evened(samples: Samples, rate: int = RATE) -> Samples:
    """As long as it was; silence stays what it is."""
    frame = FRAME * rate // RATE
    size = loudness(samples, frame)
    places = np.flatnonzero(size > noise(size))
    if not len(places):
        return samples
    wanted = np.interp(np.arange(len(size)), places, np.log(TARGET / size[places]))
    gains = np.clip(np.exp(_smoothed(wanted, FOLLOWS * rate / frame)), LEAST, MOST)
    middles = (np.arange(len(size)) + 0.5) * frame
    return bent(samples * np.interp(np.arange(len(samples)), middles, gains))


def bent(samples: Samples) -> Samples:
    """Linear up to the knee, then towards PEAK, which is never reached."""
    size = np.abs(samples)
    curve = KNEE + (PEAK - KNEE) * np.tanh((size - KNEE) / (PEAK - KNEE))
    return np.where(size <= KNEE, samples, np.sign(samples) * curve)


def loudness(samples: Samples, frame: int) -> Samples:
    """The root mean square of each whole frame of so many samples."""
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def noise(size: Samples) -> float:
    """What is louder is words, also those of who whispers below what counts as silence on the line."""
    floor = float(np.quantile(size, 0.1)) if len(size) else 0.0
    return min(max(3 * floor, 0.002), SILENT_BELOW / 32_768)


def _smoothed(values: Samples, deviation: float) -> Samples:
    """By a bell; the ends count on as they are."""
    reach = round(3 * deviation)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.convolve(np.pad(values, reach, "edge"), bell / bell.sum(), "valid")
