"""The installation's prompts: the house's catalogue with the province's names over it."""

from __future__ import annotations

import wave
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ivr.settings import ROOT, Settings
from ivr.speech.booth import Booth
from ivr.speech.files import Cached, load
from ivr.voice.catalogue import Catalogue

GENERIC = ROOT / "sounds" / "prompts.yaml"
RECORDED = ROOT / "sounds" / "recorded"
# About how long a spoken character takes; only for prompts that have not been built yet.
SECONDS_PER_CHARACTER = 0.08


def files(settings: Settings) -> tuple[Path, ...]:
    return (GENERIC, settings.seed_path / "prompts.yaml")


def catalogue(settings: Settings) -> Catalogue:
    """Read both files. Raises CatalogueMistakes with every mistake."""
    return load(files(settings))


def recorded(settings: Settings) -> tuple[Path, ...]:
    """Where people's recordings lie; the first folder that has one wins: the panel's, the checkout's."""
    return (settings.voices / "live", RECORDED)


def booth(settings: Settings) -> Booth:
    """Where people's recordings are taken."""
    languages = settings.calls.languages
    return Booth(Cached(files(settings)), languages, settings.sounds, RECORDED, settings.voices)


def lengths(settings: Settings) -> Callable[[str, str], float]:
    """Seconds of a prompt in a language, looked at once: of its WAV when built, else judged by its text."""
    prompts = catalogue(settings)

    @cache
    def seconds(prompt: str, language: str) -> float:
        path = settings.sounds / language / (prompt.replace(".", "/") + ".wav")
        try:
            with wave.open(str(path)) as sound:
                return float(sound.getnframes() / sound.getframerate())
        except (OSError, EOFError, wave.Error):
            known = prompts.find(prompt, language)
            return SECONDS_PER_CHARACTER * len(prompts.text(prompt, language)) if known else 0.0

    return seconds
