"""What is known of a prompt's sound, and why a recording is not taken: for panel and command line alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

PROMPT_SECONDS, ANSWER_SECONDS = 90.0, 300.0  # the most that is taken of what somebody speaks


class TakeRefused(Exception):
    """A recording can't be used. `what`: a stable name, filled in with `params` in any language."""

    def __init__(self, what: str, **params: float | str) -> None:
        self.what, self.params = what, params
        super().__init__(SENTENCES[what].format(**params))


SENTENCES = {
    "unknown": "there is no prompt {id} in {language}",
    "large": "the file has more than {most:g} MB",
    "not_wav": "this is no PCM WAV file ({why})",
    "lies": "the file is broken: {why}",
    "silent": "nothing can be heard in it",
    "clipped": "it was recorded too loud: {percent:.1f} % of it is cut off",
    "short": "it is {seconds:.1f} s long without the silence at its ends; its text takes about {about:.1f} s",
    "long": "it is {seconds:.1f} s long without the silence at its ends; its text takes about {about:.1f} s",
    "gone": "that recording is not here any more",
}


@dataclass(frozen=True, slots=True)
class PromptSound:
    """One prompt in one language. `needed`: a call can reach it. `loudness` in LUFS, None: silence or none.

    `source`: whose voice is heard: person | house (in the checkout) | machine | tone | "" (no audio).
    `unfit`: why a recording that lies there is not. `made`: without a recording it is made, spoken or a tone.
    `longest`: so many seconds a recording of it may have.
    """

    id: str
    language: str
    text: str
    spoken: str
    needed: bool
    source: str
    seconds: float
    loudness: float | None
    unfit: str = ""
    made: bool = True
    longest: float = PROMPT_SECONDS


@dataclass(frozen=True, slots=True)
class Take:
    """A recording that may become the prompt. `token` names it until then."""

    token: str
    seconds: float
    loudness: float


@dataclass(frozen=True, slots=True)
class Version:
    """A recording that is, or was, the prompt. `name` is its own among those of the prompt."""

    name: str
    at: datetime
    by: str
    seconds: float
    live: bool


class Prompts(Protocol):
    """Where recordings are taken, kept and put back. All of it blocks: call it in a thread."""

    languages: Sequence[str]

    def seen(self, needed: Collection[str]) -> Sequence[PromptSound]:
        """Every prompt in every language, also those that are missing, by id; without loudness."""

    def measured(self, one: PromptSound) -> PromptSound:
        """With its loudness."""

    def audio(self, language: str, id: str) -> Path | None:
        """What the next call hears."""

    def try_out(self, language: str, id: str, content: bytes, needed: Collection[str]) -> Take:
        """Check and convert a recording. Raises TakeRefused."""

    def take_audio(self, token: str) -> Path | None:
        """How it would sound on the telephone."""

    def accept(self, language: str, id: str, token: str, by: str, at: datetime) -> Version:
        """The next call hears it. Raises TakeRefused."""

    def versions(self, language: str, id: str) -> Sequence[Version]:
        """All there ever were, newest first."""

    def restore(self, language: str, id: str, name: str) -> None:
        """An earlier one; "" = none: the house's recording or the synthesiser. Raises TakeRefused."""
