"""To the telephone: mono, 8 kHz, 120–3,500 Hz, −18 LUFS, 16-bit PCM, no clipping, trimmed.

scipy takes a second to load, and is loaded by the first sound: servers start without it.
"""

from __future__ import annotations

import os
import threading
import wave
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ivr.speech.wav import Samples, WavError, decode
from ivr.voice.evening import loudness
from ivr.voice.wave import FRAME

RATE = 8_000
LOW_HZ, HIGH_HZ = 120, 3_500
LOUDNESS = -18.0  # LUFS
PEAK = 0.97  # of full scale
QUIET = 0.01  # of the clip's own peak: below it the ends are silence
MARGIN = 0.04  # seconds of silence kept at each end
ROOM_MARGIN = 0.15  # the same where a room is heard, for two soft consonants may be no louder
SOFTEST_WORD = 0.07  # of the loudest frame: a room is at most as loud

__all__ = ["RATE", "AudioError", "Samples", "measure", "read", "to_telephone", "whole", "write"]


class AudioError(Exception):
    """A file is not audio that can be used. The text names the file and the reason."""


def read(path: Path) -> tuple[Samples, int]:
    """A WAV file's audio as mono samples in −1…1, with its rate. Raises AudioError."""
    try:
        samples, rate = decode(path.read_bytes())
    except (OSError, WavError) as error:
        raise AudioError(f"{path}: not a PCM WAV file ({error})") from None
    if samples.size == 0:
        raise AudioError(f"{path}: holds no audio")
    return samples, rate


def write(path: Path, samples: Samples) -> None:
    """16-bit PCM at 8 kHz. The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with wave.open(str(half), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(whole(samples).tobytes())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def whole(samples: Samples) -> NDArray[np.int16]:
    """As whole numbers of 16 bits."""
    return np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2")


def to_telephone(samples: Samples, rate: int) -> Samples:
    """Resample, band-limit, trim, level. Silence stays silence."""
    from scipy import signal

    centred = samples - samples.mean()  # or a sound card's offset begins and ends as a click
    narrow = signal.sosfiltfilt(_band(), _resample(centred, rate), padlen=0)
    return level(trim(narrow))


def _resample(samples: Samples, rate: int) -> Samples:
    if rate == RATE:
        return samples
    from scipy import signal

    shared = gcd(rate, RATE)
    return np.asarray(signal.resample_poly(samples, RATE // shared, rate // shared), np.float64)


@cache
def _band() -> Samples:
    from scipy import signal

    high = signal.butter(2, LOW_HZ, "highpass", fs=RATE, output="sos")
    low = signal.butter(4, HIGH_HZ, "lowpass", fs=RATE, output="sos")
    return np.concatenate([high, low])


def trim(samples: Samples) -> Samples:
    """Cut the silent ends, down to a small margin so that no soft consonant is lost."""
    peak = float(np.abs(samples).max(initial=0.0))
    loud = np.flatnonzero(np.abs(samples) > peak * QUIET)
    if loud.size == 0:
        return samples
    margin = round(MARGIN * RATE)
    start, end = max(0, int(loud[0]) - margin), int(loud[-1]) + margin
    words = _louder_than_the_room(samples)
    if words.size:  # where a person speaks; the synthesiser has no room
        margin = round(ROOM_MARGIN * RATE)
        start = max(start, int(words[0]) * FRAME - margin)
        end = min(end, (int(words[-1]) + 1) * FRAME + margin)
    return samples[start:end]


def _louder_than_the_room(samples: Samples) -> NDArray[np.intp]:
    """Which frames are."""
    size = loudness(samples, FRAME)
    if not size.size:
        return np.flatnonzero(size)
    return np.flatnonzero(size > min(3 * float(np.quantile(size, 0.1)), SOFTEST_WORD * float(size.max())))


def level(samples: Samples, target: float = LOUDNESS) -> Samples:
    """To `target` LUFS; peaks that would pass full scale are bent softly, not cut."""
    its = measure(samples)
    if not np.isfinite(its):
        return samples
    return _limit(samples * 10 ** ((target - its) / 20))


def measure(samples: Samples) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4), −inf for silence.

    The meter needs 0.4 s; a shorter clip is measured repeated, which is as loud.
    """
    if samples.size == 0:
        return float("-inf")
    times = -(-RATE // samples.size) if samples.size < RATE else 1
    return float(_meter().integrated_loudness(np.tile(samples, times)))


@cache
def _meter() -> Any:
    from pyloudnorm.meter import Meter

    return Meter(RATE)  # type: ignore[no-untyped-call]  # pyloudnorm has no types


def _limit(samples: Samples, knee: float = 0.7) -> Samples:
    """Linear up to the knee, then bent towards PEAK, which is never reached."""
    size = np.abs(samples)
    bent = knee + (PEAK - knee) * np.tanh((size - knee) / (PEAK - knee))
    return np.where(size <= knee, samples, np.sign(samples) * bent)
