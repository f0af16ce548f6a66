"""WAV files as studios, telephones and browsers write them: PCM of 8 to 32 bits or floats, at any rate."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
RATES = range(4_000, 384_001)
MOST_CHANNELS = 16


class WavError(Exception):
    """Not such a file; the text says why, and `lies` that its header promises what is not there."""

    def __init__(self, why: str, lies: bool = False) -> None:
        super().__init__(why)
        self.lies = lies


@dataclass(frozen=True, slots=True)
class WavFormat:
    tag: int
    channels: int
    rate: int
    bits: int


def decode(content: bytes, strict: bool = False) -> tuple[Samples, int]:
    """Mono samples in −1…1 and their rate. Raises WavError.

    A file that ends before its header says is read as far as it goes, unless `strict`.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise WavError("file does not start with RIFF id")
    form, at, size = _chunks(content)
    width = form.bits // 8
    present = min(size, len(content) - at)
    if strict and present < size:
        raise WavError(f"its header promises {size:,} bytes of audio and {present:,} are there", lies=True)
    whole = present // (width * form.channels) * width * form.channels
    samples = _numbers(content[at : at + whole], form).reshape(-1, form.channels).mean(axis=1)
    if not np.isfinite(samples).all():
        raise WavError("holds numbers that are no sound", lies=True)
    return samples, form.rate


def _chunks(content: bytes) -> tuple[WavFormat, int, int]:
    """The form, where the audio begins, and how many bytes the header says it has."""
    form, at = None, 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt ":
            form = _form(content[at : at + size])
        elif name == b"data":
            if form is None:
                raise WavError("data chunk before fmt chunk")
            return form, at, size
        at += size + size % 2
    raise WavError("fmt chunk and/or data chunk missing")


def _form(chunk: bytes) -> WavFormat:
    if len(chunk) < 16:
        raise WavError("fmt chunk is too short")
    tag, channels, rate, per_second, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = int.from_bytes(chunk[24:26], "little")
    good = (tag == PCM and bits in (8, 16, 24, 32)) or (tag == FLOAT and bits in (32, 64))
    if not good:
        raise WavError(f"unknown format: {tag}, {bits} bits")
    if not 1 <= channels <= MOST_CHANNELS or rate not in RATES:
        raise WavError(f"{channels} channels at {rate} Hz", lies=True)
    if block != channels * bits // 8 or per_second != rate * block:
        raise WavError("its header contradicts itself", lies=True)
    return WavFormat(tag, channels, rate, bits)


def _numbers(raw: bytes, form: WavFormat) -> Samples:
    if form.tag == FLOAT:
        return np.frombuffer(raw, "<f4" if form.bits == 32 else "<f8").astype(np.float64)
    if form.bits == 8:  # WAV's one odd case: 8 bits are unsigned
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    width = form.bits // 8
    wide = np.zeros((len(raw) // width, 4), np.uint8)
    wide[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
    return wide.view("<i4")[:, 0].astype(np.float64) / 2**31
