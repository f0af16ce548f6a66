"""A prompt in the codecs of the channels, beside its WAV: Asterisk then sends bytes and encodes nothing.

`welcome.wav` gets `welcome.alaw`, `welcome.ulaw`, … (the names by which Asterisk knows the forms); of several
it opens the one that costs its channel least. Such a file bears the WAV's own time: it was made of exactly
that one, else it is stale. While a prompt changes there is none, and the WAV is heard.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ivr.speech.paths import beside, unprepared
from ivr.speech.telephone import RATE, Samples, read, whole, write

Levels = NDArray[np.int16]


def _alaw_levels() -> Levels:
    """ITU-T G.711: the 16-bit value of each A-law byte."""
    byte = np.arange(256) ^ 0x55
    mantissa, exponent = (byte & 0x0F) << 4, (byte & 0x70) >> 4
    value = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(byte & 0x80, value, -value).astype(np.int16)


def _ulaw_levels() -> Levels:
    """The same of each µ-law byte."""
    byte = np.arange(256) ^ 0xFF
    value = ((((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)) - 0x84
    return np.where(byte & 0x80, -value, value).astype(np.int16)


@dataclass(frozen=True, slots=True)
class G711Law:
    """One of G.711's two: a byte a sample, the nearest of 256 levels."""

    levels: Levels

    def encoded(self, samples: Levels) -> bytes:
        order = np.argsort(self.levels, kind="stable")
        steps = self.levels[order].astype(int)
        return bytes(order[np.searchsorted((steps[1:] + steps[:-1]) // 2, samples)].astype(np.uint8))

    def decoded(self, audio: bytes) -> Levels:
        """The samples that these bytes stand for."""
        return self.levels[np.frombuffer(audio, np.uint8)]


ALAW, ULAW = G711Law(_alaw_levels()), G711Law(_ulaw_levels())


def _g722(samples: Levels) -> bytes:
    """64 kbit/s. The encoder's own mode for narrow-band sound: a byte for each sample at 8 kHz."""
    from G722 import G722

    return bytes(G722(RATE, 64_000).encode(samples))


def _slin16(samples: Levels) -> bytes:
    """16 bits at 16 kHz, from which Asterisk makes what is wider than a telephone (Opus) by itself."""
    from scipy import signal

    return whole(signal.resample_poly(samples / 32_767, 2, 1)).tobytes()


ENCODED: Mapping[str, Callable[[Levels], bytes]] = MappingProxyType(
    {"alaw": ALAW.encoded, "ulaw": ULAW.encoded, "g722": _g722, "slin16": _slin16}
)


def put(wav: Path, samples: Samples, codecs: Collection[str]) -> None:
    """Write a prompt in all its forms. Never an old form beside a new WAV, wherever it is cut short."""
    _forget(wav, ENCODED)
    write(wav, samples)
    prepare(wav, codecs)


def prepare(wav: Path, codecs: Collection[str]) -> bool:
    """Bring the forms beside a WAV up to date, and remove those not asked for. Whether any was made.

    Raises AudioError where the WAV is none, OSError where nothing can be written.
    """
    _forget(wav, ENCODED.keys() - set(codecs))
    stale = list(unprepared(wav, codecs))
    if not stale:
        return False
    when, samples = wav.stat(), whole(read(wav)[0])
    for codec in stale:
        path = beside(wav, codec)
        half = path.with_name(f".{path.name}.{os.getpid()}.part")
        with half.open("wb") as file:
            file.write(ENCODED[codec](samples))
            file.flush()
            os.fsync(file.fileno())  # or a power cut leaves its name and time, and nothing in it
        os.utime(half, ns=(when.st_atime_ns, when.st_mtime_ns))
        half.replace(path)
    return True


def remove(wav: Path) -> None:
    """A prompt in all its forms."""
    _forget(wav, ENCODED)
    wav.unlink(missing_ok=True)


def _forget(wav: Path, codecs: Collection[str]) -> None:
    for codec in codecs:
        beside(wav, codec).unlink(missing_ok=True)
