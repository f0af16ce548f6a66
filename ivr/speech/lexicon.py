"""What the server needs of the catalogue to speak free words; the build leaves it beside the audio."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ivr.voice import saying
from ivr.voice.catalogue import Catalogue, Utterance, Voice

SIGNS = (
    *("sign.percent", "sign.and", "sign.point", "sign.half", "sign.and_half", "sign.to"),
    *("sign.hour", "sign.minute", "sign.billion", "sign.billion.and"),
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A language's voice, and its words for numbers, dates and signs by their prompt ids."""

    voice: Voice
    words: dict[str, str] = field(default_factory=dict)


def write_lexicon(catalogue: Catalogue, languages: Sequence[str], out: Path) -> None:
    """`<out>/<language>.json` for each language that has a voice."""
    for language in languages:
        if language not in catalogue.voices:
            continue
        words = {id: _words(catalogue, id, language) for id in (*sorted(saying.fragments(language)), *SIGNS)}
        half = out / f".{language}.json.{os.getpid()}.part"
        half.write_text(json.dumps({"voice": asdict(catalogue.voices[language]), "words": words}), "utf-8")
        half.replace(out / f"{language}.json")


def read_lexicon(out: Path, language: str) -> Lexicon:
    """Without a build: the language's plain voice and no words."""
    try:
        found = json.loads((out / f"{language}.json").read_text("utf-8"))
        return Lexicon(Voice(**found["voice"]), found["words"])
    except (OSError, ValueError, KeyError, TypeError):
        return Lexicon(Voice(language))


def _words(catalogue: Catalogue, id: str, language: str) -> str:
    parts = catalogue.find(id, language) or ()
    return " ".join(part.words for part in parts if isinstance(part, Utterance))
