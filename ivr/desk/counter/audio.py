"""A recording that somebody hands in: checked, measured, and under the recordings folder before it is booked.

A file whose transaction fails afterwards stays: the reconciler makes a case of it, for words are not lost.
"""

from __future__ import annotations

import uuid
import wave
from datetime import datetime
from io import BytesIO
from pathlib import Path

from ivr.desk.refusals import WrongField
from ivr.store import flushing
from ivr.store.facts import FactRecording
from ivr.voice.wave import measure

FIELD = "audio"
MOST_BYTES = 10 * 1024 * 1024
LONGEST_SECONDS = 600.0
RATES = (8_000, 16_000)
UPLOADED = "uploaded"  # how such a recording ended


def check(content: bytes) -> None:
    """Raises WrongField unless it is a WAV that the house's players and Asterisk can play."""
    if len(content) > MOST_BYTES:
        raise WrongField(FIELD, f"at most {MOST_BYTES // 1024 // 1024} MB")
    try:
        with wave.open(BytesIO(content)) as sound:
            form = (sound.getnchannels(), sound.getsampwidth(), sound.getcomptype())
            rate, frames = sound.getframerate(), sound.getnframes()
    except (wave.Error, EOFError, ValueError):
        raise WrongField(FIELD, "is no WAV file") from None
    if form != (1, 2, "NONE") or rate not in RATES:
        raise WrongField(FIELD, "must be WAV: one channel, 16 bits, 8,000 or 16,000 samples a second")
    if not 0 < frames / rate <= LONGEST_SECONDS:
        raise WrongField(FIELD, f"must be longer than nothing and at most {LONGEST_SECONDS:g} s")
    if not measure(content).samples:  # what was cut short can be heard as far as it goes
        raise WrongField(FIELD, "holds no sound")


def put(content: bytes, folder: Path, now: datetime) -> FactRecording:
    """Check it, then write it, flushed, under a new name. Returns what a case wants to know of it.

    Raises WrongField and OSError; no half of it stays. For a thread.
    """
    check(content)
    name = f"{now:%Y/%m/%d}/{uuid.uuid4().hex}"
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)  # as the umask has it: calls record there, too
    flushing.replace(path, content)
    flushing.flush_folders(path, folder)
    measured = measure(content)
    return FactRecording(
        name, measured.seconds, measured.voiced_seconds, UPLOADED, measured.sha256, measured.size
    )
