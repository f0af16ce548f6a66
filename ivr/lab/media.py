"""A caller's side of the audio: RTP with A-law and RFC 4733 keys, sent without a break, and what is heard.

A telephone sends all the time, silence too; Asterisk's silence detection counts on it. One that suppresses
silence sends nothing then.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160  # samples in 20 ms
ALAW, KEYS = 8, 101  # RTP payload types
VOLUME = 10  # −10 dBm0, as a telephone sends its keys
VOICED = 200  # a 16-bit level above which a frame counts as heard


def _decoded() -> NDArray[np.int16]:
    """ITU-T G.711: the 16-bit value of each A-law byte."""
    byte = np.arange(256) ^ 0x55
    mantissa, exponent = (byte & 0x0F) << 4, (byte & 0x70) >> 4
    value = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(byte & 0x80, value, -value).astype(np.int16)


LEVELS = _decoded()
_ORDER = np.argsort(LEVELS)
_MIDDLES = (LEVELS[_ORDER][1:].astype(int) + LEVELS[_ORDER][:-1]) // 2


def encode(samples: NDArray[np.int16]) -> bytes:
    """Each sample as the nearest A-law byte."""
    return bytes(_ORDER[np.searchsorted(_MIDDLES, samples)].astype(np.uint8))


def babble(seconds: float) -> NDArray[np.int16]:
    """Something like speech: a voice of 140 Hz with its overtones, in syllables."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * n * time) / n for n in range(1, 12))
    return np.asarray(5_000 * voice * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)), np.int16)


def key_packets(key: str, seconds: float) -> Iterator[bytes]:
    """RFC 4733 payloads of one key, one each 20 ms; the end is sent three times."""
    event = "0123456789*#ABCD".index(key)
    frames = max(2, round(seconds * RATE / FRAME))
    for n in range(1, frames + 1):
        yield struct.pack("!BBH", event, VOLUME, n * FRAME)
    for _ in range(3):
        yield struct.pack("!BBH", event, 0x80 | VOLUME, frames * FRAME)


TONES = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}  # Hz, ITU-T Q.23


def key_tone(key: str, seconds: float) -> NDArray[np.int16]:
    """A key as a tone in the speech, and a pause after it."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hz * time) for hz in TONES[key])
    return np.concatenate([np.asarray(6_000 * tone, np.int16), np.zeros(RATE // 10, np.int16)])


class Phone(asyncio.DatagramProtocol):
    """Sends one packet every 20 ms once it knows where to, and listens.

    `suppresses`: it sends nothing in silence, not even reports. `reports`: it sends RTCP all the same.
    `vanished`: it is gone, and told nobody. `tones`: it knows no key but a tone.
    """

    suppresses = reports = vanished = tones = False

    def __init__(self) -> None:
        self.there: tuple[str, int] | None = None
        self.heard: list[tuple[float, bytes]] = []  # loop time, A-law
        self.on_audio: Callable[[], None] = lambda: None
        self._speech: list[bytes] = []
        self._keys: list[tuple[bytes, bool]] = []
        self._sequence, self._stamp = random.randrange(2**15), random.randrange(2**31)
        self._source, self._ticks = random.randrange(2**32), 0
        self._idle = asyncio.Event()
        self._idle.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, packet: bytes, address: tuple[str, int]) -> None:
        # Only from who answered: Asterisk sends on to ports of telephones that are gone, and others get them.
        if address == self.there and len(packet) > 12 and packet[1] & 0x7F == ALAW:
            self.heard.append((asyncio.get_running_loop().time(), packet[12:]))
            self.on_audio()

    async def press(self, key: str, seconds: float = 0.12) -> None:
        """Hold a key that long; returns when it is sent."""
        if self.tones:
            await self.speak(key_tone(key, seconds))
            return
        self._idle.clear()
        self._keys += [(payload, n == 0) for n, payload in enumerate(key_packets(key, seconds))]
        await self._idle.wait()

    async def speak(self, samples: NDArray[np.int16]) -> None:
        """Returns when all is said."""
        self._idle.clear()
        whole = encode(samples)
        self._speech += [whole[n : n + FRAME] for n in range(0, len(whole) - FRAME + 1, FRAME)]
        await self._idle.wait()

    async def run(self) -> None:
        """Send for ever; cancel to stop."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self.there is not None and not self.vanished:
                self._send_next()
                self._ticks += 1
                if self.reports and self._ticks % 250 == 0:  # every five seconds
                    report = struct.pack("!BBHI", 0x80, 201, 1, self._source)
                    self.transport.sendto(report, (self.there[0], self.there[1] + 1))
            due += FRAME / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _send_next(self) -> None:
        if self._keys:
            self._send_key()
        else:
            if self._speech or not self.suppresses:
                self._send(ALAW, self._speech.pop(0) if self._speech else SILENCE, False)
            self._stamp += FRAME
        if not self._keys and not self._speech:
            self._idle.set()

    def _send_key(self) -> None:
        """While a key is down its packets bear the time of its beginning."""
        payload, first = self._keys.pop(0)
        self._send(KEYS, payload, first)
        if not self._keys or self._keys[0][1]:  # the last packet of this key
            self._stamp += int.from_bytes(payload[2:4], "big") + FRAME

    def _send(self, kind: int, payload: bytes, marker: bool) -> None:
        self._sequence = (self._sequence + 1) % 2**16
        header = struct.pack(
            "!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence, self._stamp % 2**32, self._source
        )
        self.transport.sendto(header + payload, self.there)


SILENCE = encode(np.zeros(FRAME, np.int16))


def is_voiced(audio: bytes) -> bool:
    """Whether anything can be heard in it."""
    return bool(np.abs(LEVELS[np.frombuffer(audio, np.uint8)].astype(int)).max(initial=0) > VOICED)


def is_beep(audio: bytes, hz: float = 1_000) -> bool:
    """Whether a frame holds one tone and nothing else."""
    samples = LEVELS[np.frombuffer(audio, np.uint8)].astype(float)
    energy = float(np.sum(samples**2))
    if energy < len(samples) * VOICED**2:
        return False
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / RATE)
    return float(2 * abs(samples @ turns) ** 2 / len(samples)) > 0.8 * energy
