"""What a recording holds: its length, and how much of it is not silence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

RATE = 8_000  # samples a second of Asterisk's `wav` format: mono, 16 bits
FRAME = 160  # samples: 20 ms
# The mean |sample| of a frame under which it is silent: the `silencethreshold` of Asterisk's dsp.conf,
# so that this and RECORD FILE's `s=` mean the same.
SILENT_BELOW = 256
_CANONICAL_HEADER = 44


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` and `voiced_seconds` of audio in a file of `size` bytes with that `sha256` (hexadecimal)."""

    samples: int
    seconds: float
    voiced_seconds: float
    size: int
    sha256: str


def measure(content: bytes) -> Measured:
    """Measure a WAV file. Never raises: a recording that can be heard must be kept.

    The header's length may be wrong (Asterisk writes it when it closes the file, so not when it was killed),
    and a file with no proper header is taken for what Asterisk writes.
    """
    start, rate, length = _audio(content)
    audio = np.frombuffer(content, dtype="<i2", offset=start, count=length // 2)
    return Measured(
        samples=len(audio),
        seconds=len(audio) / rate,
        voiced_seconds=_voiced(audio) * FRAME / rate,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _voiced(audio: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int:
    """How many whole frames are not silent."""
    frames = audio[: len(audio) // FRAME * FRAME].reshape(-1, FRAME)
    return int(np.count_nonzero(np.abs(frames.astype(np.int32)).mean(axis=1) >= SILENT_BELOW))


def _audio(content: bytes) -> tuple[int, int, int]:
    """Where the samples begin, how many a second, and how many bytes of them there are."""
    rate, at = RATE, 12
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        while at + 8 <= len(content):
            name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
            at += 8
            if name == b"data":
                return at, rate, _length(size, len(content) - at)
            if name == b"fmt ":
                rate = int.from_bytes(content[at + 4 : at + 8], "little") or RATE
            at += size + size % 2
    start = min(_CANONICAL_HEADER, len(content))
    return start, RATE, len(content) - start


def _length(promised: int, present: int) -> int:
    """A stale header promises nothing (0) or less than there is; what is there counts."""
    return promised if 0 < promised < present and present - promised < FRAME else present
