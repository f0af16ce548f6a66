"""What a player draws of a recording and leaves out of it: its outline and its silences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ivr.voice.evening import loudness, noise
from ivr.voice.wave import FRAME, RATE, Samples

BINS = 600  # columns of the drawing
LOUDEST = 100  # the height of the loudest column
SKIPPED_FROM = 1.2  # seconds: a shorter pause is part of how she speaks
KEPT_EACH_SIDE = 0.25  # seconds of a silence that stay audible before and after words


@dataclass(frozen=True, slots=True)
class Outline:
    """`peaks`: 0 to LOUDEST for each of BINS equal parts. `silences`: from and to, in seconds, to skip."""

    seconds: float
    peaks: tuple[int, ...]
    silences: tuple[tuple[float, float], ...]


def outline(samples: Samples, rate: int = RATE) -> Outline:
    """The drawing is as high as the loudest word is; how loud that was, the ear tells."""
    return Outline(round(len(samples) / rate, 3), peaks(samples), silences(samples, rate))


def peaks(samples: Samples, bins: int = BINS) -> tuple[int, ...]:
    """The loudest sample of each part."""
    if not len(samples):
        return (0,) * bins
    size = np.abs(samples)
    edges = np.linspace(0, len(size), bins, endpoint=False).astype(int)
    loudest = np.maximum.reduceat(size, edges)
    whole = max(float(loudest.max()), 1e-9)
    return tuple(int(height) for height in np.round(loudest / whole * LOUDEST))


def silences(samples: Samples, rate: int = RATE) -> tuple[tuple[float, float], ...]:
    """The long pauses, without the margin that keeps soft beginnings and ends of words.

    What evening makes audible is none: who whispers is below what counts as silence on the line.
    """
    frame = FRAME * rate // RATE
    size = loudness(samples, frame)
    quiet = np.concatenate([[False], size <= noise(size), [False]])
    changes = np.flatnonzero(quiet[1:] != quiet[:-1]) * frame / rate
    found = []
    for start, end in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True):
        if end - start >= SKIPPED_FROM:
            found.append((round(start + KEPT_EACH_SIDE, 2), round(end - KEPT_EACH_SIDE, 2)))
    return tuple(found)
