"""Seconds of speech in one language of one province; what a step makes of them is in its file.

At worst a caller misses as often as the limits allow, each time at the last moment, and waits for every
prompt's end. Repeats that she asks for herself (`*`, hearing her words, going back) are not counted: they
have no end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ivr.voice.actions import Speech
from ivr.voice.directory import Directory
from ivr.voice.ways import By

GUESSED_SECONDS = 2.0  # a prompt whose length nobody knows

SecondsOf = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Question:
    """Speech of so many seconds, then up to `keys` keys. `once`: silence and any key are answers."""

    speech: float
    keys: int = 1
    once: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """Seconds in one step in one language: hearing everything once, and at worst by each way out."""

    best: float
    worst: Mapping[By, float]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long it takes to say something. `seconds_of(prompt id, language)`: None guesses."""

    directory: Directory
    language: str
    seconds_of: SecondsOf | None = None

    def speech(self, sounds: Speech) -> float:
        """A whole utterance; free words and recordings count nothing."""
        return sum(self._prompt(sound) for sound in sounds if isinstance(sound, str))

    def longest(self, prompts: Iterable[str]) -> float:
        """The longest one of several that may be said; 0.0 of none."""
        return max(map(self._prompt, prompts), default=0.0)

    def _prompt(self, id: str) -> float:
        return self.seconds_of(id, self.language) if self.seconds_of else GUESSED_SECONDS
