"""A WAV made of its sound, also with words beside it: who took it away, when, of which case (RIFF's LIST INFO
chunk).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from ivr.voice.wave import HEADER_BYTES, RATE, RIFF, Samples, has_header

# Chunk names of RIFF's registered INFO list.
ARTIST, COMMENT, COPYRIGHT, CREATED, NAME, SOFTWARE = "IART", "ICMT", "ICOP", "ICRD", "INAM", "ISFT"


def wav(samples: Samples, rate: int = RATE, info: Mapping[str, str] | None = None) -> bytes:
    """16-bit PCM, one channel. `info`: by chunk name, in UTF-8, ahead of the samples."""
    return _of(np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes(), rate, info)


def with_header(content: bytes) -> bytes:
    """The same to be played by whoever needs a header, in the place of the first 2.75 ms of its sound.

    A full disk refuses what Asterisk writes first, its header too, and takes the rest at the beginning of the
    file (as Asterisk closes it, it writes its lengths where they belong in a header: clicks). Of what another
    disk took and did not keep the first block reads as zeros.
    """
    if has_header(content) or len(content) < HEADER_BYTES:
        return content
    return _of(content[HEADER_BYTES:], RATE)


def _of(audio: bytes, rate: int, info: Mapping[str, str] | None = None) -> bytes:
    form = _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16))
    words = _info(info) if info else b""
    body = b"WAVE" + form + words + _chunk(b"data", audio)
    return RIFF + struct.pack("<I", len(body)) + body


def _info(info: Mapping[str, str]) -> bytes:
    return _chunk(
        b"LIST",
        b"INFO" + b"".join(_chunk(name.encode(), words.encode() + b"\0") for name, words in info.items()),
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
