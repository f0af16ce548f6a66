"""Real prompts, known by their sound: so what a caller was told is judged by what she heard, word for word.

Each lies beside its WAV as the A-law that Asterisk sends (`lay`), 20 ms a packet from the file's beginning. A
packet's sound is a prompt's mark when no other prompt has it; from a mark on the prompt is followed packet by
packet, so a prompt that is cut off, or begun anew, is known as that. What is heard is written down as the
tone that stands for that prompt elsewhere, so that whoever reads the log need know only tones. The beep stays
a tone. Shares no code with the product.
"""

from __future__ import annotations

import os
import shutil
import wave
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.chaos import tones

LOST = 5  # packets that may be missing before a prompt counts as begun anew or cut off
FORM = ".alaw"


class NoSpeech(Exception):
    """There are no such prompts; the text says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A prompt: the line that stands for it, and its packets."""

    line: int
    packets: tuple[bytes, ...]


@dataclass(slots=True)
class Speech:
    """`marks`: packets that one prompt alone has, and where."""

    marks: dict[bytes, tuple[Spoken, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Speech:
        """Every prompt whose A-law lies there; a folder that is not there has none."""
        return cls.knowing(
            Spoken(tones.line_of(_id(path, folder)), (*_packets(path.read_bytes()),))
            for path in sorted(folder.rglob(f"*{FORM}"))
        )

    @classmethod
    def knowing(cls, prompts: Iterator[Spoken]) -> Speech:
        """These."""
        marks, shared = dict[bytes, tuple[Spoken, int]](), set[bytes]()
        for spoken in prompts:
            for at, packet in enumerate(spoken.packets):
                if packet in marks or not _is_loud(packet):
                    shared.add(packet)
                marks[packet] = spoken, at
        return cls({packet: mark for packet, mark in marks.items() if packet not in shared})


@dataclass(slots=True)
class Listening:
    """What one caller makes of what she hears, packet by packet."""

    speech: Speech
    _now: Spoken | None = None
    _at: int = 0

    def hear(self, packet: bytes) -> int | None:
        """The line of the prompt that is being spoken; SILENT just before one begins; None: it is none."""
        mark = self.speech.marks.get(packet)
        if mark is not None and not self._goes_on(*mark):
            again = self._now is not None and self._now.line == mark[0].line
            self._now, self._at = mark
            return tones.SILENT if again else mark[0].line
        if mark is not None:
            self._at = mark[1]
        elif not self._follows(packet):
            self._now = None
        return self._now.line if self._now is not None else None

    def _goes_on(self, spoken: Spoken, at: int) -> bool:
        return spoken is self._now and self._at < at <= self._at + LOST

    def _follows(self, packet: bytes) -> bool:
        """Whether it is the next packet, or one soon after, of the prompt that is being spoken."""
        if self._now is None:
            return False
        soon = range(self._at + 1, min(self._at + LOST, len(self._now.packets) - 1) + 1)
        found = next((at for at in soon if self._now.packets[at] == packet), None)
        self._at = self._at if found is None else found
        return found is not None


def lay(given: Path, folder: Path, ids: Collection[str]) -> None:
    """Put the built prompts of one language there, instead of tones, also as A-law. Raises NoSpeech."""
    for id in ids:
        built = given / f"{id.replace('.', '/')}.wav"
        if id == "beep" or tones.is_silent(id):
            continue
        if not built.exists():
            raise NoSpeech(f"there is no {built}: ivr sounds build makes it")
        path = folder / built.relative_to(given)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built, path)
        form = path.with_suffix(FORM)
        form.write_bytes(tones.to_alaw(_samples(path)))
        at = path.stat()
        os.utime(form, ns=(at.st_atime_ns, at.st_mtime_ns))


def _id(path: Path, folder: Path) -> str:
    return ".".join(path.relative_to(folder).with_suffix("").parts)


def _packets(sound: bytes) -> Iterator[bytes]:
    for at in range(0, len(sound) - tones.FRAME + 1, tones.FRAME):
        yield sound[at : at + tones.FRAME]


def _is_loud(packet: bytes) -> bool:
    samples = tones.from_alaw(packet).astype(float)
    return bool(np.sqrt((samples**2).mean()) > tones.FAINT / 10)


def _samples(path: Path) -> tones.Samples:
    with wave.open(str(path), "rb") as sound:
        if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (1, 2, tones.RATE):
            raise NoSpeech(f"{path} is no telephone's sound")
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
