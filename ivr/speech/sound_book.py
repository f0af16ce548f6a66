"""The server's view of the audio: where a prompt lies, and free words spoken on demand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from ivr.speech.free_text import readable
from ivr.speech.lexicon import read_lexicon
from ivr.speech.paths import PROJECT, SUFFIXES, is_audio, wav_path
from ivr.voice import script
from ivr.voice.catalogue import ID, Voice

log = logging.getLogger(__name__)

SECONDS = 15.0  # the longest a caller waits for free words; then the call goes on without them
MAKING_SECONDS = 60.0  # the longest that they are in the making, once it is their turn: for the next wish
LONGEST = 1_500  # characters; some two minutes of speech. An answer comes in pieces (`script.pieces`)
AT_ONCE = 2  # processes: a burst of answers must not take the machine from the calls
SPOKEN = "spoken"  # the cache folder beside the languages
KEPT_SECONDS = 60 * 86_400.0  # since anybody last wished for them

Piece = tuple[str, Voice]  # plain words, and who reads them


class SoundBook:
    """Built prompts under `out`, and a cache of spoken free words. One per process, one event loop."""

    def __init__(self, out: Path, languages: Collection[str], codecs: Collection[str] = ()) -> None:
        self._out = out.absolute()
        self._languages = frozenset(languages)
        self._codecs = tuple(codecs)
        self._paths: dict[tuple[str, str], str] = {}
        self._speaking: dict[Path, asyncio.Task[bool]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def path(self, id: str, language: str) -> str | None:
        """Asterisk's name of a prompt (no extension), or None when it has no audio."""
        known = self._paths.get((id, language))
        if known is None and (known := self.on_disk(id, language)):
            self._paths[id, language] = known
        return known

    def on_disk(self, id: str, language: str) -> str | None:
        """The same as it lies there now: people take back the recording of a name that nothing else says."""
        if ID.fullmatch(id) and ID.fullmatch(language):
            wav = wav_path(self._out, language, id)
            return str(wav.with_suffix("")) if is_audio(wav) else None
        return None

    async def speak(self, text: str, language: str) -> str | None:
        """Free words as audio, made at the first wish and kept; Asterisk's name of it, or None.

        Each piece is read by the voice that can read its letters, whatever the caller's `language`
        (`ivr.voice.script`). Never raises for a bad text or a failing synthesiser; answers within SECONDS.
        """
        if language not in self._languages:
            return None
        pieces = await asyncio.to_thread(self._pieces, text, language)
        if not pieces:
            return None
        wav = self._cached(pieces, language)
        if not _wished_for(wav):
            making = self._speaking.get(wav) or self._begin(pieces, wav)
            # Neither a caller who hangs up nor one who goes on without it ends what others wish for.
            made, _ = await asyncio.wait({making}, timeout=SECONDS)
            if not made:
                log.error("free words are not spoken within %g s", SECONDS)
            if not made or not making.result():
                return None
        return str(wav.with_suffix(""))

    async def adopt(self, id: str, text: str, language: str) -> bool:
        """Words of a menu tree's own: from then on `path` knows them by that id. Whether it does."""
        spoken = await self.speak(text, language)
        if spoken is not None:
            self._paths[id, language] = spoken
        return spoken is not None

    def keep_own(self) -> None:
        """Menu trees' own words: calls name them by `path`, so nobody wishes for them again."""
        for name in list(self._paths.values()):
            if (wav := Path(f"{name}.wav")).is_relative_to(self._out / SPOKEN):
                _wished_for(wav)

    def _pieces(self, text: str, language: str) -> list[Piece]:
        """In all no more than one text may be long."""
        found: list[Piece] = []
        for spoken_in, piece in script.runs(text[:LONGEST], language):
            lexicon = read_lexicon(self._out, spoken_in)
            if words := readable(piece, spoken_in, lexicon.words):
                found.append((words, lexicon.voice))
        return found

    def _cached(self, pieces: list[Piece], language: str) -> Path:
        said = json.dumps([[words, asdict(voice)] for words, voice in pieces])
        key = hashlib.sha256(said.encode()).hexdigest()[:32]
        return self._out / SPOKEN / language / key[:2] / f"{key}.wav"

    def _begin(self, pieces: list[Piece], wav: Path) -> asyncio.Task[bool]:
        task = asyncio.create_task(self._make(pieces, wav))
        self._speaking[wav] = task
        task.add_done_callback(lambda _: self._speaking.pop(wav, None))
        return task

    async def _make(self, pieces: list[Piece], wav: Path) -> bool:
        try:
            async with self._turns, asyncio.timeout(MAKING_SECONDS):
                reason = await _run(pieces, wav, self._codecs)
        except TimeoutError:
            reason = f"not finished in {MAKING_SECONDS:g} s"
        except OSError as error:
            reason = str(error)
        if reason:
            log.error("free words could not be spoken: %s", reason)
        return not reason and is_audio(wav)


def _wished_for(wav: Path) -> bool:
    """Whether it is there, and so to be kept. In this order: what `forget_unused` takes meanwhile is not."""
    with contextlib.suppress(OSError):
        its = wav.stat()  # no earlier one by a clock that went back; the other time is what its forms bear
        os.utime(wav, ns=(max(time.time_ns(), its.st_atime_ns), its.st_mtime_ns))
    return is_audio(wav)


def forget_unused(out: Path) -> None:
    """Free words that nobody wished for in KEPT_SECONDS go, in all their forms."""
    since, oldest = out / SPOKEN / ".since", time.time() - KEPT_SECONDS
    if not since.exists():  # an older release noted no wishes
        since.parent.mkdir(parents=True, exist_ok=True)
        since.touch()
    if since.stat().st_mtime > oldest:
        return
    for left in (out / SPOKEN).rglob("*.going"):  # by a crash
        with contextlib.suppress(OSError):
            if left.stat().st_atime < oldest:
                _erase(left)
    for wav in (out / SPOKEN).rglob("*.wav"):
        going = wav.with_suffix(".going")
        with contextlib.suppress(OSError):  # a sibling may be at it
            if wav.stat().st_atime < oldest:
                wav.rename(going)
                if going.stat().st_atime >= oldest:
                    going.rename(wav)  # somebody wished for it at this moment
                    continue
                _erase(going)


def _erase(going: Path) -> None:
    """Itself last, for by it the rest is found again. Those who wish for it meanwhile have it spoken anew."""
    forms = () if is_audio(going.with_suffix(".wav")) else SUFFIXES.values()
    for path in (*map(going.with_suffix, forms), going):
        path.unlink(missing_ok=True)


async def _run(pieces: list[Piece], wav: Path, codecs: Sequence[str]) -> str:
    """Why it failed, or "". A cancelled wait leaves no process behind."""
    order = [{"words": words, "voice": asdict(voice)} for words, voice in pieces]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ivr.speech.speak",
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that its own child can be ended with it
    )
    try:
        sent = {"pieces": order, "wav": str(wav), "codecs": codecs, "timeout": MAKING_SECONDS}
        _, errors = await process.communicate(json.dumps(sent).encode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    if process.returncode == 0:
        return ""
    return errors.decode(errors="replace").strip() or f"the synthesiser ended with {process.returncode}"
