"""An officer's recorded answer, made ready for the telephone: checked, converted, as loud as the prompts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.telephone import RATE, AudioError, measure, read, to_telephone, write
from ivr.voice.prompt_sounds import ANSWER_SECONDS

FOLDER = "answers"  # under the recordings; the folders of callers' words are named by year
LARGEST = 64 * 1024 * 1024  # bytes
LEAST_SECONDS, MOST_SECONDS = 1.0, ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """`name` is relative to the recordings folder, without extension."""

    name: str
    sha256: str
    seconds: float


def prepare(source: Path, recordings: Path) -> PreparedAnswer:
    """Convert and keep it, flushed, under the hash of what came out, so that the same file is kept once.

    Raises AudioError with one sentence: too large, no PCM WAV, silent, too short or too long.
    """
    try:
        size = source.stat().st_size
    except OSError as error:
        raise AudioError(f"{source}: can't be read: {error.strerror}") from None
    if size > LARGEST:
        raise AudioError(f"{source}: has {size:,} bytes; at most {LARGEST:,} are taken")
    samples = to_telephone(*read(source))
    seconds = samples.size / RATE
    if measure(samples) == float("-inf"):
        raise AudioError(f"{source}: nothing can be heard in it")
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise AudioError(
            f"{source}: is {seconds:.1f} s long without the silence at its ends; "
            f"{LEAST_SECONDS:g} to {MOST_SECONDS:g} s are taken"
        )
    scratch = recordings / FOLDER / f".{source.stem}.{size}.wav"
    write(scratch, samples)
    digest = hashlib.sha256(scratch.read_bytes()).hexdigest()
    name = f"{FOLDER}/{digest[:2]}/{digest[:32]}"
    kept = recordings / f"{name}.wav"
    kept.parent.mkdir(parents=True, exist_ok=True)
    _sync(scratch)
    scratch.replace(kept)
    for folder in (kept.parent, recordings / FOLDER, recordings):
        _sync(folder)
    return PreparedAnswer(name, digest, round(seconds, 3))


def _sync(path: Path) -> None:
    """As `ivr.store.flushing` does it, which this room does not see: an answer is given with it next."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
