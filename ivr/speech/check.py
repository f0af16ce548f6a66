"""`ivr sounds check`: every prompt that a call can reach has audio, ready in the channels' codecs, and no
recording lies there unused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.paths import is_audio, unprepared, wav_path
from ivr.voice.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Missing:
    language: str
    id: str

    def __str__(self) -> str:
        return f"{self.id} has no audio in {self.language}"


def missing(ids: Collection[str], languages: Collection[str], out: Path) -> list[Missing]:
    """Which of `ids` (from `ivr.voice.proof.prompt_ids`) have no audio under `out`, in order."""
    return [
        Missing(language, id)
        for language in languages
        for id in sorted(ids)
        if not is_audio(wav_path(out, language, id))
    ]


@dataclass(frozen=True, slots=True)
class Unprepared:
    """Callers hear it all the same, at the cost of Asterisk's encoding it for each of them."""

    language: str
    id: str
    codec: str

    def __str__(self) -> str:
        return f"{self.language}: {self.id} is not ready as {self.codec}"


def not_ready(
    ids: Collection[str], languages: Collection[str], out: Path, codecs: Collection[str]
) -> list[Unprepared]:
    """Which of `ids` have audio that is not there, or not as it is now, in one of `codecs`, in order."""
    there = [(language, id, wav_path(out, language, id)) for language in languages for id in sorted(ids)]
    return [
        Unprepared(language, id, codec)
        for language, id, wav in there
        if is_audio(wav)
        for codec in unprepared(wav, codecs)
    ]


def strays(catalogue: Catalogue, recorded: Path) -> list[Path]:
    """Recordings that no prompt uses: mostly a mistyped name, which would otherwise go unnoticed."""
    found = []
    for path in sorted(recorded.glob("*/**/*.wav")):
        language, *rest = path.relative_to(recorded).with_suffix("").parts
        if catalogue.find(".".join(rest), language) is None:
            found.append(path)
    return found
