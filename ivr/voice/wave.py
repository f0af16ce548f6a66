"""What a recording holds: its length, its samples, and how much of it is not silence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8_000  # samples a second of Asterisk's `wav` format: mono, 16 bits
FRAME = 160  # samples: 20 ms
# The mean |sample| of a frame under which it is silent: the `silencethreshold` of Asterisk's dsp.conf,
# so that this and RECORD FILE's `s=` mean the same.
SILENT_BELOW = 256
HEADER_BYTES = 44
RIFF = b"RIFF"  # begins each WAV
BLOCK_BYTES = 4_096  # of a page of memory, and of most file systems

Samples = NDArray[np.float64]  # in −1…1


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


def read(content: bytes) -> tuple[Samples, int]:
    """The samples and how many a second, under the same leniency."""
    start, rate, length = _audio(content)
    audio = np.frombuffer(content, dtype="<i2", offset=start, count=length // 2)
    return audio / 32_768, rate


def has_header(content: bytes) -> bool:
    """Whether it begins as a WAV; zeros, which nobody recorded, count as if."""
    return content[:4] == RIFF or not content.strip(b"\0")


def was_refused(content: bytes) -> bool:
    """Whether a disk took some of its blocks and refused the rest, as a full one does.

    What Asterisk ends by itself has 44 bytes and frames of 10 ms, which together never fill blocks. Where the
    header was refused, every 128th of them does.
    """
    return len(content) > 0 and len(content) % BLOCK_BYTES == 0


def was_closed(content: bytes) -> bool:
    """Whether its writer lived to write its lengths into the header, as Asterisk does when it closes it."""
    told = int.from_bytes(content[4:8], "little") + 8
    return told >= len(content) if has_header(content) else told == len(content)


def with_lengths(content: bytes) -> bytes:
    """The same as Asterisk leaves it when it closes it: a disk may have lost no more than that last write."""
    if content[36:40] != b"data" or len(content) < HEADER_BYTES:
        return content
    whole, audio = ((len(content) - before).to_bytes(4, "little") for before in (8, HEADER_BYTES))
    return content[:4] + whole + content[8:40] + audio + content[HEADER_BYTES:]


def _voiced(audio: NDArray[np.int16]) -> int:
    """How many frames are not silent, in whole numbers: a thirtieth of the time that fractions take."""
    whole = len(audio) // FRAME * FRAME
    # |-32768| is no int16; as an unsigned number the same bits are right.
    samples = np.abs(audio[:whole]).view(np.uint16)
    loud = np.add.reduceat(samples, np.arange(0, whole, FRAME), dtype=np.uint32)
    return int(np.count_nonzero(loud >= SILENT_BELOW * FRAME))


def _audio(content: bytes) -> tuple[int, int, int]:
    """Where the samples begin, how many a second, and how many bytes of them there are."""
    rate, at = RATE, 12
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        while at + 8 <= len(content):
            name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
            at += 8
            if name == b"data":
                length = size if _chunks_follow(content, at, size) else _length(size, len(content) - at)
                return at, rate, length
            if name == b"fmt ":
                rate = int.from_bytes(content[at + 4 : at + 8], "little") or RATE
            at += size + size % 2
    start = min(HEADER_BYTES, len(content))
    return start, RATE, len(content) - start


def _chunks_follow(content: bytes, at: int, size: int) -> bool:
    """Whether behind so many bytes of samples there are other chunks, to the file's very end."""
    end = at + size
    at = end + size % 2
    while size and at + 8 <= len(content) and all(32 <= sign < 127 for sign in content[at : at + 4]):
        end = at + 8 + int.from_bytes(content[at + 4 : at + 8], "little")
        at = end + end % 2
    return len(content) in (end, at)


def _length(promised: int, present: int) -> int:
    """A stale header promises nothing (0) or less than there is; what is there counts."""
    return promised if 0 < promised < present and present - promised < FRAME else present
