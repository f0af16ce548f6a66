"""A telephone of any codec and packet length. It understands nothing: it hears when something plays.

The keys are known beforehand; the beep is by far the longest sound of the stand-ins (`BEEP_PACKETS`). What
she was told is in the books, so that no codec has to be understood.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.chaos.phones import KEYS, Ear, Phone, Plan, key_packets
from bench.recordings.patterns import CODECS, HOLD_SECONDS, JITTER_SECONDS, LATE_SECONDS, LOSS, Pattern

MENU = ("1", "1", "1", "1", "01")  # language, complaint, topic group and leaf, county
BEEP_PACKETS = 36
QUIET = 0.2  # seconds without a sound after which a key is waited for
AFTER_BEEP = 0.1
ODD_MS = 7  # longer than whole packets: the last one is short
WORDS = 2  # stretches of speech, with a pause between them
PATIENCE = 15.0  # seconds until the beep has to come
STAYS = 1.5  # seconds after her words

Sounds = Mapping[str, tuple[list[bytes] | bytes, list[bytes] | bytes]]  # codec → speech and silence


@dataclass(frozen=True, slots=True)
class OddPlan(Plan):
    pattern: Pattern = field(default_factory=lambda: Pattern("alaw", 20))


@dataclass(frozen=True, slots=True)
class Sent:
    """When to send a packet, and the moment that its sound is of; without a payload it gets lost."""

    at: float
    of: float
    payload: bytes
    kind: int
    marker: bool = False


class Telephone(Phone):
    """One call."""

    plan: OddPlan

    def __init__(
        self, plan: OddPlan, sounds: Sounds, line: socket.socket, now: float, chance: random.Random
    ) -> None:
        super().__init__(plan, _DEAF, line, now, chance)
        self._sounds, self._codec = sounds, CODECS[plan.pattern.codec]
        self._menu = list(MENU)
        self._burst, self._last_sound, self._keyed_at = 0, now, now
        self._queue: list[tuple[float, bytes]] = []
        self._began, self._ends = 0.0, 0.0

    def tick(self, now: float) -> None:
        if self.there is None or self.over:
            return
        self._hear_bursts(now)
        quiet = now - self._last_sound
        if self._began:
            self.wants_to_hang_up = self.wants_to_hang_up or now > self._ends
        elif self._menu and self._burst and quiet > QUIET and now - self._keyed_at > 0.7:
            self._key(self._menu.pop(0), now)
        elif not self._menu and self._burst >= BEEP_PACKETS and quiet > AFTER_BEEP:
            self._speak_odd(now)
        elif now - (self.log.answered or now) > PATIENCE + 10 or now - self._keyed_at > PATIENCE:
            self.wants_to_hang_up = True
        self._send_due(now)

    def _hear_bursts(self, now: float) -> None:
        with suppress(BlockingIOError):
            while True:
                packet, source = self.line.recvfrom(2048)
                if source == self.there and len(packet) > 12 and packet[1] & 0x7F != KEYS:
                    self._burst = 1 if now - self._last_sound > AFTER_BEEP else self._burst + 1
                    self._last_sound = now

    def _key(self, keys: str, now: float) -> None:
        self.log.keys.append([round(now, 3), keys])
        self._keyed_at, self._burst = now, 0
        self._lay([*self._keys(keys, now)])

    def _keys(self, keys: str, now: float) -> Iterator[Sent]:
        for n, key in enumerate(keys):
            for m, packet in enumerate(key_packets(key)):
                began = now + 0.35 * n
                yield Sent(began + 0.02 * m, began, packet.payload, KEYS, packet.marker)

    def _speak_odd(self, now: float) -> None:
        self._began, habits = now, self.plan.pattern.habits
        self.log.beeps.append(now)
        words = [*self._words(now + 0.15)]
        spoken = sum(self._ms(sent) for sent in words) / 1000
        self.log.said.append([0, round(now, 3), words[-1].at, f"{spoken:.3f}"])
        self._lay(words)
        at = max(sent.at for sent in words) + 0.3
        if "late key" in habits:
            at += LATE_SECONDS
        if "hang-up" not in habits:
            self._lay([*self._keys("#", at)])
        self._ends = at + (0.1 if "hang-up" in habits else STAYS)

    def _ms(self, sent: Sent) -> float:
        """How much of its sound arrives."""
        codec = self._codec
        if codec.packet:
            return len(sent.payload) / codec.packet
        return self.plan.pattern.ptime if sent.payload else 0

    def _words(self, at: float) -> Iterator[Sent]:
        habits = self.plan.pattern.habits
        speech, silence = self._sounds[self.plan.pattern.codec]
        for word in range(WORDS):
            yield from (sents := [*self._packets(speech, at)])
            at = sents[-1].at + self.plan.pattern.ptime / 1000
            if "hold" in habits and word == 0:
                at += HOLD_SECONDS
            elif "silence suppressed" in habits:
                at += 0.5
            else:
                yield from (sents := [*self._packets(silence, at)])
                at = sents[-1].at + self.plan.pattern.ptime / 1000

    def _packets(self, sound: list[bytes] | bytes, at: float) -> Iterator[Sent]:
        pattern, chance = self.plan.pattern, self._chance
        for n, payload in enumerate(self._slices(sound)):
            of = at + n * pattern.ptime / 1000
            late = chance.uniform(0, JITTER_SECONDS) if "jitter" in pattern.habits else 0.0
            lost = "loss" in pattern.habits and chance.random() < LOSS
            yield Sent(of + late, of, b"" if lost else payload, self._codec.number)

    def _slices(self, sound: list[bytes] | bytes) -> Iterator[bytes]:
        ptime = self.plan.pattern.ptime
        if isinstance(sound, list):  # frames of 20 ms; several to a packet only where they can be joined
            many = ptime // 20
            for n in range(0, len(sound) // many * many, many):
                yield b"".join(sound[n : n + many])
            return
        size = ptime * self._codec.packet
        whole = len(sound) // size * size
        for n in range(0, whole, size):
            yield sound[n : n + size]
        if "odd last packet" in self.plan.pattern.habits:
            yield sound[: ODD_MS * self._codec.packet]

    def _lay(self, packets: Sequence[Sent]) -> None:
        """In their order, in which they need not be sent."""
        for sent in packets:
            self._sequence = (self._sequence + 1) % 2**16
            stamp = (self._stamp + round((sent.of - self.log.invited) * self._codec.clock)) % 2**32
            kind = sent.kind | (0x80 if sent.marker else 0)
            header = struct.pack("!BBHII", 0x80, kind, self._sequence, stamp, self._source)
            if sent.payload:
                self._queue.append((sent.at, header + sent.payload))
        self._queue.sort(key=lambda each: each[0])

    def _send_due(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            with suppress(OSError):
                self.line.sendto(self._queue.pop(0)[1], self.there or ("", 0))


_DEAF = Ear()
