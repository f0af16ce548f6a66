"""One caller's telephone: keys and words out, one packet every 20 ms; tones in; and a log of both.

Nothing here looks at anything but the line: a caller knows what she heard and what she said. Times in the log
are seconds since 1970.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.chaos import tones
from bench.chaos.speech import Listening, Speech

SECONDS = tones.FRAME / tones.RATE  # between two packets
ALAW, KEYS = 8, 101  # RTP payload types
KEY_FRAMES = 6
BEEP_FRAMES = 14  # fewer are a beep that has not ended: Asterisk stands still in it
THOUGHT = 1.2  # seconds into a question about a case before which a key is taken for one pressed twice
REACTION = (0.1, 0.4)  # seconds until she presses a key or begins to speak
PATIENCE = 12.0  # seconds without a sound after which she hangs up
LONGEST = 75.0  # seconds after which she hangs up in any case
LATE = 0.1  # seconds behind at which she goes on from now: no telephone sends what it missed in one burst
PAUSE = 0.35  # seconds between her last word and #: Asterisk takes 200 ms off the end
_NOTHING = b""  # so long nothing is sent
_SILENCE = tones.to_alaw(tones.tone(tones.SILENT, 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a caller is about to do.

    `words`: how many after each beep. `review`: her keys at the reviews, then 1; None: no key at all.
    `hang_up`: seconds after the answer; `hang_up_speaking`: seconds into her first words.
    `suppresses`: her telephone sends nothing while there is nothing to send; `abrupt`: not even the silence
    right behind her last word, which others send for a moment (hang-over). `joins`: what she says where her
    number has an open case of the same matter, that it is that one. `speech`: she chooses the language in
    which real prompts are spoken.
    """

    n: int
    number: str
    kind: str
    words: int
    review: str | None = ""
    hang_up: float | None = None
    hang_up_speaking: float | None = None
    suppresses: bool = False
    abrupt: bool = False
    joins: bool = False
    speech: bool = False


class Ear:
    """Payloads heard, each distinct one kept once and classified once. Shared by all phones.

    `speech`: the real prompts that are known.
    """

    def __init__(self, speech: Speech | None = None) -> None:
        self.speech = speech or Speech()
        self.payloads: list[bytes] = []
        self.lines: list[int] = []
        self._ids: dict[bytes, int] = {}

    def hear(self, payload: bytes) -> int:
        """The payload's number."""
        found = self._ids.get(payload)
        if found is None:
            found = self._ids[payload] = len(self.payloads)
            self.payloads.append(payload)
            self.lines.append((tones.lines(tones.from_alaw(payload)) or [tones.SILENT])[0])
        return found

    def hear_prompt(self, line: int) -> int:
        """The number of the tone that stands for a prompt, or of silence."""
        return self.hear(tones.to_alaw(tones.tone(line, 1)))


@dataclass(slots=True)
class Packet:
    """Something to send. `begins` and `ends`: the word of which it is the first or the last packet."""

    kind: int
    payload: bytes
    advance: int = tones.FRAME
    marker: bool = False
    begins: int | None = None
    ends: int | None = None


@dataclass(slots=True)
class Log:
    """What happened in one call. `heard`: [when, payload's number, how many, packets lost before].

    `dead`: when her telephone was first told that nobody is at the other end (ICMP, port unreachable).
    """

    invited: float
    answered: float | None = None
    ended: float | None = None
    ended_by: str = ""
    dead: float | None = None
    said: list[list[Any]] = field(default_factory=list)  # [k, began, ended or None, where]
    keys: list[list[Any]] = field(default_factory=list)
    beeps: list[float] = field(default_factory=list)
    heard: list[list[Any]] = field(default_factory=list)


class Phone:
    """One call from its INVITE to its end. `tick` it at least every 20 ms."""

    def __init__(self, plan: Plan, ear: Ear, line: socket.socket, now: float, chance: random.Random) -> None:
        self.plan, self.ear, self.line = plan, ear, line
        self.log = Log(now)
        self.there: tuple[str, int] | None = None
        self.wants_to_hang_up = False
        self._chance = chance
        self._out: deque[Packet] = deque()
        self._later: list[tuple[float, str]] = []  # when to press which key
        self._speak_at = 0.0
        self._review = plan.review
        self._next_word, self._speaking_since = 0, 0.0
        self._where = "server"
        self._in_beep, self._beep = 0.0, 0  # when its last frame was heard, and how many
        self._last_line, self._last_at = tones.SILENT, now
        self._sound_at = now
        self._expected = -1  # sequence number
        self._sequence, self._stamp = chance.randrange(2**15), chance.randrange(2**31)
        self._source, self._due = chance.randrange(2**32), now
        self._listening = Listening(ear.speech)

    @property
    def over(self) -> bool:
        return self.log.ended is not None

    def answered(self, there: tuple[str, int], now: float) -> None:
        """Asterisk has answered; its audio is there."""
        if self.there is None:
            for _ in self._arrived():
                pass  # left over from the call that had this socket before
            self.there, self.log.answered = there, now
            self._due = self._sound_at = now

    def end(self, by: str, now: float) -> None:
        """Whoever ended it."""
        if not self.over:
            self.log.ended, self.log.ended_by = now, by

    def tick(self, now: float) -> None:
        """Hear, decide, send."""
        if self.there is None or self.over:
            return
        if self.log.dead is None:
            self._listen(now)
        if self.log.dead is not None:  # a telephone that goes on would speak into whoever gets that port next
            self.wants_to_hang_up = True
            return
        self._decide(now)
        if now - self._due > LATE:
            self._due = now
        while self._due <= now:
            self._send(now)
            self._due += SECONDS

    # Hearing

    def _listen(self, now: float) -> None:
        for packet, source in self._arrived():
            if source == self.there and len(packet) > 12 and packet[1] & 0x7F == ALAW:
                self._hear(int.from_bytes(packet[2:4], "big"), packet[12:], now)
        if self._beep >= BEEP_FRAMES and now - self._in_beep > 0.07:
            self._beep = 0
            self.log.beeps.append(now)
            self._speak_at = now + self._chance.uniform(*REACTION)

    def _arrived(self) -> Iterator[tuple[bytes, tuple[str, int]]]:
        while True:
            try:
                yield self.line.recvfrom(2048)
            except ConnectionRefusedError:
                self._nobody_there()
            except BlockingIOError:
                return

    def _nobody_there(self) -> None:
        """The kernel says so; what it had left to tell of this socket's last call is no news of this one."""
        with suppress(OSError):
            while True:
                self.line.recvmsg(1, 512, socket.MSG_ERRQUEUE)
        if self.there is not None and self.log.dead is None:
            self.log.dead = round(time.time(), 3)

    def _hear(self, sequence: int, payload: bytes, now: float) -> None:
        lost = (sequence - self._expected) % 2**16 if self._expected >= 0 else 0
        self._expected = (sequence + 1) % 2**16
        known = self._listening.hear(payload) if self.plan.speech else None
        number = self.ear.hear(payload) if known is None else self.ear.hear_prompt(known)
        heard = self.log.heard
        if heard and heard[-1][1] == number and not lost and now - self._last_at < 0.5:
            heard[-1][2] += 1
        else:
            heard.append([round(now, 3), number, 1, lost])
        line = self.ear.lines[number]
        if line > 0:
            self._sound_at = now
            if line != self._last_line or now - self._last_at > 0.5:
                self._react(tones.PROMPT_OF.get(line, ""), now)
            if line == tones.LINES["beep"]:
                self._in_beep, self._beep = now, self._beep + 1
        self._last_line, self._last_at = line, now

    # Deciding

    def _react(self, prompt: str, now: float) -> None:
        if prompt and prompt != "beep":
            self._beep, self._speak_at = 0, 0.0  # a beep before it was not the sign to speak
        match prompt:
            case "language.choose" if self.plan.speech:
                self._press("2", now)
            case "language.choose" | "kind.menu" | "topic.menu" | "topic.leaf_menu":
                self._press("1", now)
            case "county.ask":
                self._press("01", now)
            case "record.same_matter":
                self._press("1" if self.plan.joins else "2", now + THOUGHT)  # sooner it is asked again
            case "review.menu" if self._review is not None:
                key, self._review = self._review[:1] or "1", self._review[1:]
                self._press(key, now)
            case "fallback.apology":
                self._hush()
                self._where = "fallback"
            case "record.ask" | "message.ask":
                self._hush()
                self._where = "server"

    def _press(self, keys: str, now: float) -> None:
        at = now + self._chance.uniform(*REACTION)
        self._later += [(at + 0.3 * n, key) for n, key in enumerate(keys)]

    def _hush(self) -> None:
        """What she was about to say is not said."""
        self._out.clear()
        self._later.clear()
        self._speak_at = 0.0

    def _decide(self, now: float) -> None:
        if self._speak_at and now >= self._speak_at:
            self._speak_at = 0.0
            self._speak(now)
        while self._later and self._later[0][0] <= now:
            self._queue_key(self._later.pop(0)[1])
        self.wants_to_hang_up = self.wants_to_hang_up or self._has_had_enough(now)

    def _has_had_enough(self, now: float) -> bool:
        plan, answered = self.plan, self.log.answered or now
        speaking = now - self._speaking_since if self._speaking_since else 0.0
        quiet = now - self._sound_at > PATIENCE and not self._out
        return (
            quiet
            or now - answered > LONGEST * (2 if plan.speech else 1)
            or (plan.hang_up is not None and now - answered > plan.hang_up)
            or (plan.hang_up_speaking is not None and speaking > plan.hang_up_speaking)
        )

    def _speak(self, now: float) -> None:
        self._speaking_since = self._speaking_since or now
        self._sound_at = now
        for k in range(self._next_word, min(self._next_word + self.plan.words, tones.MOST_WORDS)):
            self._next_word = k + 1
            sound = tones.to_alaw(tones.word(self.plan.n, k))
            packets = [Packet(ALAW, sound[n : n + tones.FRAME]) for n in range(0, len(sound), tones.FRAME)]
            packets[0].begins = packets[-1].ends = k
            self._out += packets
        behind = _NOTHING if self.plan.abrupt else _SILENCE
        self._out += [Packet(ALAW, behind)] * round(PAUSE / SECONDS)
        self._queue_key("#")

    def _queue_key(self, key: str) -> None:
        self._out += key_packets(key)

    # Sending

    def _send(self, now: float) -> None:
        if not self._out and self.plan.suppresses:
            self._stamp = (self._stamp + tones.FRAME) % 2**32
            return
        packet = self._out.popleft() if self._out else Packet(ALAW, _SILENCE)
        if packet.payload == _NOTHING:
            self._stamp = (self._stamp + packet.advance) % 2**32
            return
        if packet.begins is not None:
            self.log.said.append([packet.begins, round(now, 3), None, self._where])
        if packet.marker:
            self.log.keys.append([round(now, 3), "0123456789*#"[packet.payload[0]]])
        self._sequence = (self._sequence + 1) % 2**16
        kind = packet.kind | (0x80 if packet.marker else 0)
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, self._stamp, self._source)
        try:
            self.line.sendto(header + packet.payload, self.there or ("", 0))
        except ConnectionRefusedError:
            self._nobody_there()
        except OSError:
            pass
        self._stamp = (self._stamp + packet.advance) % 2**32
        if packet.ends is not None:
            self.log.said[-1][2] = round(now, 3)
            self._sound_at = now


def key_packets(key: str) -> Iterator[Packet]:
    """RFC 4733: while a key is down its packets bear its beginning's time; the end is sent three times."""
    event = "0123456789*#".index(key)
    for n in range(1, KEY_FRAMES + 1):
        yield Packet(KEYS, struct.pack("!BBH", event, 10, n * tones.FRAME), 0, marker=n == 1)
    for n in range(3):
        advance = (KEY_FRAMES + 3) * tones.FRAME if n == 2 else 0
        yield Packet(KEYS, struct.pack("!BBH", event, 0x80 | 10, KEY_FRAMES * tones.FRAME), advance)
