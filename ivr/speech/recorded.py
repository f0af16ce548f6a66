"""Whether a recording that lies there for a prompt can be what callers hear."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivr.speech.paths import recording_of
from ivr.speech.telephone import RATE, AudioError, Samples, measure, read, to_telephone
from ivr.voice.catalogue import Catalogue, Prompt, Utterance

SECONDS_PER_CHARACTER = 0.08
SHORTEST = 0.15  # seconds
SOFTEST = 0.003  # of full scale, −50 dB: a louder peak than this is somebody's voice


@dataclass(frozen=True, slots=True)
class RefusedRecording:
    """`why` names the file and the reason."""

    language: str
    id: str
    why: str


def usable(path: Path, prompt: Prompt | None) -> Samples:
    """The recording in telephone form. Raises AudioError: broken, silent, or far too short for its words."""
    samples, rate = read(path)
    if prompt is not None and not any(isinstance(part, Utterance) for part in prompt):
        return to_telephone(samples, rate)  # a tone or a silence of the house's own
    if is_silent(samples):
        raise AudioError(f"{path}: nothing can be heard in it")
    ready = to_telephone(samples, rate)
    if not np.isfinite(measure(ready)):
        raise AudioError(f"{path}: nothing can be heard in it")
    seconds, about = ready.size / RATE, seconds_of(prompt)
    if about and seconds < least(about):
        raise AudioError(f"{path}: is {seconds:.1f} s long, and its text takes about {about:.1f} s")
    return ready


def is_silent(samples: Samples) -> bool:
    """No voice is as soft as that, and levelling would make noise of it."""
    return bool(np.abs(samples).max(initial=0.0) < SOFTEST)


def least(about: float) -> float:
    """A recording shorter than that was cut off."""
    return max(SHORTEST, about / 5)


def seconds_of(prompt: Prompt | None) -> float:
    """Roughly what its words take to say; 0 = unknown."""
    words = " ".join(part.words for part in prompt or () if isinstance(part, Utterance))
    return SECONDS_PER_CHARACTER * len(words)


def unfit(
    catalogue: Catalogue, languages: Collection[str], recorded: Sequence[Path]
) -> Iterator[RefusedRecording]:
    """The recordings that nobody hears because they can't be used, in order."""
    for language in languages:
        for id in sorted(catalogue.ids(language)):
            path = recording_of(recorded, language, id)
            if path and (why := fault(path, catalogue, language, id)):
                yield RefusedRecording(language, id, why)


def fault(path: Path, catalogue: Catalogue, language: str, id: str) -> str:
    """Why it can't be heard, or ""."""
    try:
        usable(path, catalogue.find(id, language))
    except AudioError as error:
        return str(error)
    return ""
