"""A WAV with words beside the sound: who took it away, when, of which case (RIFF's LIST INFO chunk)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from ivr.voice.wave import RATE, Samples

# Chunk names of RIFF's registered INFO list.
ARTIST, COMMENT, COPYRIGHT, CREATED, NAME, SOFTWARE = "IART", "ICMT", "ICOP", "ICRD", "INAM", "ISFT"


def wav(samples: Samples, rate: int = RATE, info: Mapping[str, str] | None = None) -> bytes:
    """16-bit PCM, one channel. `info`: by chunk name, in UTF-8, ahead of the samples."""
    audio = np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    form = _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16))
    words = _info(info) if info else b""
    body = b"WAVE" + form + words + _chunk(b"data", audio)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _info(info: Mapping[str, str]) -> bytes:
    return _chunk(
        b"LIST",
        b"INFO" + b"".join(_chunk(name.encode(), words.encode() + b"\0") for name, words in info.items()),
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
