"""`ivr sounds build`: every prompt as a telephone WAV, in parallel, and only what changed.

`out/<language>/<id, dots as folders>.wav`, one hash a prompt in `out/manifest.json`. A recording in
one of the folders `recorded`, the first that has it, wins over the synthesiser. Files appear whole or not
at all, so a build may be cut short anywhere; the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ivr.speech import tone
from ivr.speech.lexicon import write_lexicon
from ivr.speech.paths import is_audio, recording_of, wav_path
from ivr.speech.recorded import usable
from ivr.speech.sound_forms import prepare, put, remove
from ivr.speech.synth import SynthesisError, respelt, synthesise
from ivr.speech.telephone import AudioError, Samples
from ivr.voice.catalogue import ID, Catalogue, Prompt, Tone, Utterance

TAKEN = b"4"  # the same for recordings, when what is taken of them changes
FORM = "2"  # raise it when the same words would sound different: everything is made anew
MANIFEST = "manifest.json"
WORDS = "#"  # between its key and a recording's own hash there: what that was to say when it was new
MUSIC = "moh/hold"
GAP = 0.25  # seconds between two spoken parts of a prompt
SAVE_EVERY = 50

BuildProgress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """`key` is `<language>/<id>`. Where a recording was at fault the prompt was synthesised instead."""

    key: str
    why: str
    spoken: bool = False  # by the synthesiser, so that the line can answer all the same

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


@dataclass(frozen=True, slots=True)
class Built:
    """How many prompts were synthesised, left as they were, and newly taken from recordings.

    `prepared`: how many whose words are as they were had to be put into the codecs of the channels anew.
    """

    made: int = 0
    kept: int = 0
    recorded: int = 0
    failed: tuple[Failure, ...] = ()
    prepared: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    key: str
    wav: Path
    recording: Path | None
    prompt: Prompt | None  # None: music on hold, or nothing but its recording
    digest: str
    note: dict[str, str] = field(default_factory=dict)  # of what is recorded: what it is to say


def build(
    catalogue: Catalogue,
    languages: Sequence[str],
    out: Path,
    recorded: Sequence[Path],
    jobs: int = 0,
    progress: BuildProgress | None = None,
    codecs: Collection[str] = (),
) -> Built:
    """Bring `out` up to date. Blocks; call it in a thread. `progress(done, total, key)` runs in the caller's.

    `jobs` 0 is one for each processor; `codecs`: the forms beside each WAV (`ivr.speech.sound_forms`). What
    fails is in the answer, never raised; OSError only when `out` itself cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = _load(out)
    wanted = list(_jobs(catalogue, languages, out, recorded))
    stale = [job for job in wanted if manifest.get(job.key) != job.digest or not is_audio(job.wav)]
    write_lexicon(catalogue, languages, out)
    _forget(manifest, {job.key for job in wanted}, languages, out)
    for job in wanted:
        for key, words in job.note.items():
            manifest.setdefault(key, words)
    make = partial(_make, catalogue=catalogue, codecs=codecs)
    failed = _run(stale, make, manifest, out, jobs or os.cpu_count() or 1, progress)
    prepared, unprepared = _prepare(out, codecs)
    good = {job.key for job in stale} - {failure.key for failure in failed}
    from_recording = sum(1 for job in stale if job.key in good and job.recording)
    kept = len(wanted) - len(stale)
    return Built(len(good) - from_recording, kept, from_recording, (*failed, *unprepared), prepared)


def build_one(
    catalogue: Catalogue,
    language: str,
    id: str,
    out: Path,
    recorded: Sequence[Path],
    codecs: Collection[str] = (),
) -> None:
    """One prompt anew; a prompt that the catalogue has not, and nobody recorded, loses its audio.

    A build that runs meanwhile may forget that it was made; the next one makes it again. Raises
    SynthesisError.
    """
    job = _job(catalogue, language, id, out, recorded)
    if job.recording is None and job.prompt is None:
        remove(job.wav)
        return
    why = _make(job, catalogue, codecs)
    if why and job.recording is None:
        raise SynthesisError(why)
    if not why:
        _save(out, job.note | _load(out) | {job.key: job.digest})


def of_other_words(
    catalogue: Catalogue, languages: Sequence[str], out: Path, recorded: Sequence[Path]
) -> list[str]:
    """Prompts whose words changed since somebody recorded them: callers go on hearing the old ones."""
    noted = _load(out)
    jobs = _jobs(catalogue, languages, out, recorded)
    return [job.key for job in jobs if any(noted.get(key, words) != words for key, words in job.note.items())]


def is_from_recording(catalogue: Catalogue, language: str, id: str, out: Path, recorded: Path) -> bool:
    """Whether the audio under `out` is that folder's recording, and not the synthesiser in its place."""
    job = _job(catalogue, language, id, out, (recorded,))
    return job.recording is not None and (job.prompt is None or _load(out).get(job.key) == job.digest)


def _jobs(catalogue: Catalogue, languages: Sequence[str], out: Path, recorded: Sequence[Path]) -> list[_Job]:
    found = [_Job(MUSIC, out / f"{MUSIC}.wav", None, None, _digest("music"))]
    for language in languages:
        ids = sorted(catalogue.ids(language) | _recorded(recorded, language))
        jobs = [_job(catalogue, language, id, out, recorded) for id in ids]
        found += [job for job in jobs if job.prompt is not None or job.recording]  # else named amiss
    return found


def _recorded(recorded: Sequence[Path], language: str) -> set[str]:
    """Of what is recorded: topics and counties that people added to the book stand in no catalogue."""
    homes = [folder / language for folder in recorded]
    paths = [path.relative_to(home).with_suffix("") for home in homes for path in home.rglob("*.wav")]
    return {id for id in (".".join(path.parts) for path in paths) if ID.fullmatch(id)}


def _job(catalogue: Catalogue, language: str, id: str, out: Path, recorded: Sequence[Path]) -> _Job:
    prompt, recording = catalogue.find(id, language), recording_of(recorded, language, id)
    key, wav = f"{language}/{id}", wav_path(out, language, id)
    if not recording:
        return _Job(key, wav, None, prompt, _digest(_described(prompt, catalogue)))
    heard = recording.read_bytes()
    texts = [part.text for part in prompt or () if isinstance(part, Utterance)]
    note = {f"{key}{WORDS}{_sha(heard)}": _sha(json.dumps(texts).encode())} if texts else {}
    return _Job(key, wav, recording, prompt, _digest(TAKEN + heard), note)


def _described(prompt: Prompt | None, catalogue: Catalogue) -> str:
    """Everything that makes the audio what it is."""
    return json.dumps([_of_part(part, catalogue) for part in prompt or ()])


def _of_part(part: Utterance | Tone, catalogue: Catalogue) -> object:
    if isinstance(part, Tone):
        return asdict(part)
    voice = catalogue.voices[part.voice]
    return [respelt(part.words, voice), asdict(voice)]


def _digest(said: str | bytes) -> str:
    raw = said.encode() if isinstance(said, str) else said
    return _sha(FORM.encode() + raw)


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:24]


def _run(
    stale: list[_Job],
    make: Callable[[_Job], Failure | None],
    manifest: dict[str, str],
    out: Path,
    jobs: int,
    progress: BuildProgress | None,
) -> list[Failure]:
    failed: list[Failure] = []
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="sounds")
    try:
        going: dict[Future[Failure | None], _Job] = {pool.submit(make, job): job for job in stale}
        for done, future in enumerate(as_completed(going), 1):
            job = going[future]
            if failure := future.result():
                failed.append(failure)
            else:
                manifest[job.key] = job.digest
            if done % SAVE_EVERY == 0:
                _save(out, manifest)
            if progress:
                progress(done, len(stale), job.key)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        _save(out, manifest)
    return failed


def _make(job: _Job, catalogue: Catalogue, codecs: Collection[str]) -> Failure | None:
    """Write one prompt; why it failed, if it did."""
    why = ""
    try:
        if job.recording:
            try:
                put(job.wav, usable(job.recording, job.prompt), codecs)
                return None
            except AudioError as error:
                if job.prompt is None:
                    raise
                why = f"{error}; the synthesiser speaks instead"
        put(job.wav, _audio(job.prompt, catalogue), codecs)
    except (SynthesisError, AudioError, OSError) as error:
        return Failure(job.key, f"{why}, but {error}" if why else str(error))
    return Failure(job.key, why, spoken=True) if why else None


def _prepare(out: Path, codecs: Collection[str]) -> tuple[int, list[Failure]]:
    """All that lies there, free words too, in the forms that are asked for now. How many it made."""
    made, failed = 0, []
    for wav in sorted(out.rglob("*.wav")):
        try:
            made += prepare(wav, codecs)
        except (AudioError, OSError) as error:
            failed.append(Failure(str(wav.relative_to(out)), str(error), spoken=True))
    return made, failed


def _audio(prompt: Prompt | None, catalogue: Catalogue) -> Samples:
    if prompt is None:
        return tone.music()
    gap = tone.make(Tone(0, GAP))
    parts: list[Samples] = []
    for before, part in zip((None, *prompt), prompt, strict=False):
        if isinstance(part, Tone):
            parts.append(tone.make(part))
        else:
            spoken = synthesise(part.words, catalogue.voices[part.voice])
            parts += [gap, spoken] if isinstance(before, Utterance) else [spoken]
    return np.concatenate(parts)


def _forget(manifest: dict[str, str], wanted: set[str], languages: Sequence[str], out: Path) -> None:
    """Prompts that the catalogue no longer has, nor anybody's recording."""
    for key in [
        k for k in manifest if k.partition(WORDS)[0] not in wanted and k.partition("/")[0] in languages
    ]:
        language, _, id = key.partition("/")
        remove(wav_path(out, language, id))
        del manifest[key]


def _load(out: Path) -> dict[str, str]:
    try:
        found = json.loads((out / MANIFEST).read_text("utf-8"))
        return {str(key): str(value) for key, value in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # missing or broken: everything is made anew


def _save(out: Path, manifest: dict[str, str]) -> None:
    half = out / f".{MANIFEST}.{os.getpid()}.part"
    half.write_text(json.dumps(manifest, indent=0, sort_keys=True), "utf-8")
    half.replace(out / MANIFEST)
