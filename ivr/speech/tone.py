"""Generated sounds: the beep, silences, and a soft music on hold that needs no licence."""

from __future__ import annotations

import numpy as np

from ivr.speech.telephone import LOUDNESS, RATE, Samples, level
from ivr.voice.catalogue import Tone

FADE = 0.01  # seconds at each end, so that a tone does not click
BEEP_PEAK = 0.25  # −12 dBFS: heard by all, not painful
MUSIC_LOUDNESS = LOUDNESS - 8  # below speech, which Asterisk puts over it
# Two bars of a slow broken chord (Hz) in the middle of the telephone band, and its four roots.
PATTERN = (1.0, 1.25, 1.5, 2.0, 1.5, 1.25)
ROOTS = (392.00, 329.63, 293.66, 349.23)
NOTE_SECONDS = 0.6


def make(tone: Tone) -> Samples:
    """A sine with soft ends, or silence."""
    count = round(tone.seconds * RATE)
    if tone.hz == 0:
        return np.zeros(count)
    sine = np.sin(2 * np.pi * tone.hz * np.arange(count) / RATE)
    ramp = np.clip(np.arange(count) / (FADE * RATE), 0, 1)
    return np.asarray(BEEP_PEAK * sine * ramp * ramp[::-1], np.float64)


def music() -> Samples:
    """Some fifteen seconds of plucked chords that repeat without a seam."""
    notes = [root * step for root in ROOTS for step in PATTERN]
    step = round(NOTE_SECONDS * RATE)
    total = np.zeros(step * len(notes))
    for place, hz in enumerate(notes):
        note = _pluck(hz)
        where = (place * step + np.arange(note.size)) % total.size  # the last notes ring into the first
        np.add.at(total, where, note)
    return level(total, MUSIC_LOUDNESS)


def _pluck(hz: float) -> Samples:
    seconds = np.arange(round(4 * NOTE_SECONDS * RATE)) / RATE
    swell = np.minimum(seconds / 0.03, 1) * np.exp(-2.2 * seconds)
    tones = np.sin(2 * np.pi * hz * seconds) + 0.3 * np.sin(4 * np.pi * hz * seconds)
    return np.asarray(swell * tones, np.float64)
