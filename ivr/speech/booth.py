"""Human voices for prompts: taken, kept in every version, and heard by the next call without a restart.

Under `IVR_STATE/voices`: `live/<language>/<id>.wav` as it was recorded, `versions/<language>/<id>/` all there
ever were, `tries/` what somebody is listening to before deciding. A build takes the live ones as it takes
those of the checkout, which go behind them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from ivr.speech.build import MANIFEST, build_one, is_from_recording
from ivr.speech.files import Cached
from ivr.speech.paths import is_audio, recording_of, wav_path
from ivr.speech.recorded import SECONDS_PER_CHARACTER, fault, is_silent, least
from ivr.speech.telephone import RATE, Samples, measure, read, to_telephone, write
from ivr.speech.wav import WavError, decode
from ivr.voice.catalogue import ID, Catalogue, Utterance
from ivr.voice.prompt_sounds import PROMPT_SECONDS, PromptSound, Take, TakeRefused, Version

LARGEST_MB = 16.0
AT_FULL_SCALE = 0.995
MOST_CLIPPED = 0.002  # of all samples
TRIES_SECONDS = 86_400.0  # so long a recording waits for somebody's decision


class Booth:
    """Of one installation. Everything blocks."""

    def __init__(
        self,
        catalogue: Cached,
        languages: Sequence[str],
        out: Path,
        house: Path,
        voices: Path,
        codecs: Collection[str] = (),
    ) -> None:
        """`out`: built prompts, also in `codecs`; `house`: sounds/recorded; `voices`: IVR_STATE/voices."""
        self.languages = languages
        self._catalogue, self._out, self._house, self._voices = catalogue, out, house, voices
        self._codecs = tuple(codecs)
        self._loudness: dict[tuple[str, int], float | None] = {}
        self._looked: dict[tuple[tuple[str, int], ...], tuple[bool, str]] = {}

    def seen(self, needed: Collection[str]) -> Sequence[PromptSound]:
        """Every prompt in every language, also those that are missing, by id; without loudness."""
        catalogue = self._catalogue.catalogue()
        return [
            self._seen(catalogue, id, language, id in needed)
            for id in sorted(set(needed).union(*(catalogue.ids(language) for language in self.languages)))
            for language in self.languages
        ]

    def measured(self, one: PromptSound) -> PromptSound:
        """With its loudness."""
        wav = wav_path(self._out, one.language, one.id)
        try:
            key = (str(wav), wav.stat().st_mtime_ns)
        except OSError:
            return one
        if key not in self._loudness:
            loudness = measure(read(wav)[0])
            self._loudness[key] = loudness if np.isfinite(loudness) else None
        return replace(one, loudness=self._loudness[key])

    def audio(self, language: str, id: str) -> Path | None:
        """What the next call hears."""
        if not self._is_name(language, id):
            return None
        wav = wav_path(self._out, language, id)
        return wav if is_audio(wav) else None

    def try_out(self, language: str, id: str, content: bytes, needed: Collection[str]) -> Take:
        """Check and convert a recording. Raises TakeRefused."""
        catalogue = self._catalogue.catalogue()
        if not self._is_name(language, id) or not (id in needed or id in catalogue.ids(language)):
            raise TakeRefused("unknown", id=id[:60], language=language[:10])
        samples = examine(content, _seconds(_text(catalogue, id, language)[1]))
        token = hashlib.sha256(content).hexdigest()[:32]
        self._sweep_tries()
        write(self._tries / f"{token}.telephone.wav", samples)
        _put(self._tries / f"{token}.wav", content)
        return Take(token, samples.size / RATE, measure(samples))

    def take_audio(self, token: str) -> Path | None:
        """How it would sound on the telephone."""
        wav = self._tries / f"{token}.telephone.wav"
        return wav if token.isalnum() and is_audio(wav) else None

    def accept(self, language: str, id: str, token: str, by: str, at: datetime) -> Version:
        """The next call hears it. Raises TakeRefused."""
        wav = self._tries / f"{token}.wav"
        if not self._is_name(language, id) or not token.isalnum() or not is_audio(wav):
            raise TakeRefused("gone")
        content = wav.read_bytes()
        taken = self._tries / f"{token}.telephone.wav"
        seconds = read(taken)[0].size / RATE
        name = f"{at.timestamp():.0f}-{token[:12]}"
        folder = self._folder(language, id)
        _put(folder / f"{name}.wav", content)
        story = {"at": at.isoformat(), "by": by, "seconds": round(seconds, 3)}
        _put(folder / f"{name}.json", json.dumps(story, ensure_ascii=False).encode())
        self._go_live(language, id, content, name)
        for done in (wav, taken):
            done.unlink(missing_ok=True)
        return Version(name, at, by, seconds, live=True)

    def versions(self, language: str, id: str) -> Sequence[Version]:
        """All there ever were, newest first."""
        if not self._is_name(language, id):
            return []
        found, live = [], self._live_name(language, id)
        for path in sorted(self._folder(language, id).glob("*.json"), reverse=True):
            story = json.loads(path.read_text("utf-8"))
            at = datetime.fromisoformat(story["at"])
            found.append(Version(path.stem, at, story["by"], story["seconds"], path.stem == live))
        return sorted(found, key=lambda version: version.at, reverse=True)

    def restore(self, language: str, id: str, name: str) -> None:
        """An earlier one; "" = none: the house's recording or the synthesiser. Raises TakeRefused."""
        if name and name not in [version.name for version in self.versions(language, id)]:
            raise TakeRefused("gone")
        if name:
            content = (self._folder(language, id) / f"{name}.wav").read_bytes()
            return self._go_live(language, id, content, name)
        if not self._is_name(language, id):
            raise TakeRefused("unknown", id=id[:60], language=language[:10])
        wav_path(self._live, language, id).unlink(missing_ok=True)
        (self._folder(language, id) / "live").unlink(missing_ok=True)
        return self._rebuild(language, id)

    def _go_live(self, language: str, id: str, content: bytes, name: str) -> None:
        """The prompt's file is replaced in one go: who hears the old one hears it to its end."""
        _put(wav_path(self._live, language, id), content)
        _put(self._folder(language, id) / "live", name.encode())
        self._rebuild(language, id)

    def _rebuild(self, language: str, id: str) -> None:
        folders = (self._live, self._house)
        build_one(self._catalogue.catalogue(), language, id, self._out, folders, self._codecs)

    def _seen(self, catalogue: Catalogue, id: str, language: str, needed: bool) -> PromptSound:
        wav = wav_path(self._out, language, id)
        text, spoken = _text(catalogue, id, language)
        source, seconds, unfit = "", 0.0, ""
        if is_audio(wav):
            seconds = (wav.stat().st_size - 44) / 2 / RATE
            source = "tone" if id in catalogue.tones else "machine"
            for folder, whose in ((self._house, "house"), (self._live, "person")):  # the later goes before
                if given := recording_of((folder,), language, id):
                    heard, unfit = self._heard(catalogue, language, id, folder, given)
                    source = whose if heard else "machine"
        made = catalogue.find(id, language) is not None
        return PromptSound(
            id, language, text, spoken, needed, source, seconds, None, unfit, made, longest(_seconds(spoken))
        )

    def _heard(
        self, catalogue: Catalogue, language: str, id: str, folder: Path, given: Path
    ) -> tuple[bool, str]:
        """Whether this recording is what the built audio holds; if not, why, "" until it is built."""
        built = (given, self._out / MANIFEST)
        key = tuple((str(path), path.stat().st_mtime_ns if path.exists() else 0) for path in built)
        if key not in self._looked:
            heard = is_from_recording(catalogue, language, id, self._out, folder)
            self._looked[key] = heard, "" if heard else fault(given, catalogue, language, id)
        return self._looked[key]

    def _is_name(self, language: str, id: str) -> bool:
        return language in self.languages and ID.fullmatch(id) is not None

    def _live_name(self, language: str, id: str) -> str:
        try:
            return (self._folder(language, id) / "live").read_text("utf-8")
        except OSError:
            return ""

    def _sweep_tries(self) -> None:
        """Those that nobody decided about."""
        for path in self._tries.glob("*.wav"):
            if path.stat().st_mtime < time.time() - TRIES_SECONDS:
                path.unlink(missing_ok=True)

    @property
    def _live(self) -> Path:
        return self._voices / "live"

    @property
    def _tries(self) -> Path:
        return self._voices / "tries"

    def _folder(self, language: str, id: str) -> Path:
        return self._voices / "versions" / language / id


def examine(content: bytes, about: float) -> Samples:
    """In telephone form. `about`: seconds that its text takes, 0 = unknown. Raises TakeRefused."""
    if len(content) > LARGEST_MB * 1024 * 1024:
        raise TakeRefused("large", most=LARGEST_MB)
    try:
        samples, rate = decode(content, strict=True)
    except WavError as error:
        raise TakeRefused("lies" if error.lies else "not_wav", why=str(error)) from None
    if samples.size > PROMPT_SECONDS * 2 * rate:
        raise TakeRefused("long", seconds=samples.size / rate, about=about)
    clipped = float((np.abs(samples) >= AT_FULL_SCALE).mean()) if samples.size else 0.0
    if clipped > MOST_CLIPPED:
        raise TakeRefused("clipped", percent=clipped * 100)
    ready = to_telephone(samples, rate) if samples.size else samples
    if is_silent(samples) or not np.isfinite(measure(ready)):
        raise TakeRefused("silent")
    seconds = ready.size / RATE
    if about and seconds < least(about):
        raise TakeRefused("short", seconds=seconds, about=about)
    if seconds > longest(about):
        raise TakeRefused("long", seconds=seconds, about=about)
    return ready


def _seconds(spoken: str) -> float:
    return SECONDS_PER_CHARACTER * len(spoken)


def longest(about: float) -> float:
    """So many seconds are taken for a text that takes about that many; 0 = unknown."""
    return min(PROMPT_SECONDS, 4 * about + 3 if about else PROMPT_SECONDS)


def _text(catalogue: Catalogue, id: str, language: str) -> tuple[str, str]:
    """Written, and as it must be spoken; "" for what has no words."""
    parts = [part for part in catalogue.find(id, language) or () if isinstance(part, Utterance)]
    return " ".join(part.text for part in parts), " ".join(part.words for part in parts)


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
