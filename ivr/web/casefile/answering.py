"""An answer before it is given: spoken as the caller will hear it, or in the officer's own voice."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import uuid
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from ivr.desk.case.answers import SpokenAnswer
from ivr.store.flushing import flush, sync
from ivr.voice import script
from ivr.web.casefile.finding import case_row
from ivr.web.casefile.sound import KEEP_OUT
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.studio import BadVoice, Studio
from ivr.web.panel.visit import NotFound, Visit

log = logging.getLogger(__name__)

_ONE_AT_A_TIME = asyncio.Semaphore(1)  # the synthesiser has two places, and callers wait for words too
LONGEST = 1500  # characters: two minutes of speech
_HEADER = 44


async def speak(visit: Visit) -> web.StreamResponse:
    """The words as a WAV, made by the voice that callers hear."""
    case, form = await _case(visit), visit.form()
    words = form.text("words", most=LONGEST, lines=True)
    if form.wrong:
        return web.Response(status=422, text=form.wrong["words"])
    if not script.is_readable(words):
        return web.Response(status=422, text=visit.words("refusal.unreadable"))
    async with _ONE_AT_A_TIME:
        spoken = await _studio(visit).speak(words, case.language)
    if spoken is None:
        return web.Response(status=422, text=visit.words("casefile.answer.no_speech"))
    return web.FileResponse(f"{spoken}.wav", headers={**KEEP_OUT, "Content-Type": "audio/wav"})


async def record(visit: Visit) -> web.StreamResponse:
    """Takes a WAV, gives {digest, seconds, url} of what the telephone carries. Nothing is answered yet."""
    case = await _case(visit)
    sent = visit.form().file("voice")
    if sent is None:
        return web.json_response({"wrong": visit.words("casefile.voice.none")}, status=422)
    studio = _studio(visit)
    source = studio.drafts / f".{hashlib.sha256(visit.csrf.encode()).hexdigest()[:16]}.wav"
    try:
        await asyncio.to_thread(_keep, sent.file, source)
        voice = await studio.prepare(source, studio.drafts)
    except BadVoice as error:
        log.info("a recorded answer is refused: %s", error)
        return web.json_response({"wrong": visit.words(f"casefile.voice.{error.reason}")}, status=422)
    finally:
        await asyncio.to_thread(source.unlink, True)
    url = f"/panel/cases/{case.code}/voice/{voice.sha256}"
    return web.json_response({"digest": voice.sha256, "seconds": voice.seconds, "url": url})


async def draft(visit: Visit) -> web.StreamResponse:
    """What was recorded a moment ago, as she will hear it."""
    await _case(visit)
    digest = visit.request.match_info["digest"]
    if not is_digest(digest):
        raise NotFound
    return _wav(_studio(visit).drafts / f"{_name(digest)}.wav")


async def given(visit: Visit) -> web.StreamResponse:
    """The voice of the answer that was given, or that waits."""
    case = await case_row(visit)
    name = (
        (case.draft or {}).get("voice", {}).get("name", "")
        if "draft" in visit.request.query
        else case.answer_voice
    )
    if not name:
        raise NotFound
    return _wav(visit.panel.places.recordings / f"{name}.wav")


async def voice_of(visit: Visit, digest: str) -> SpokenAnswer | None:
    """A draft becomes part of the recordings, flushed, for an answer to name it. None: there is none."""
    name = _name(digest)
    made = _studio(visit).drafts / f"{name}.wav"
    recordings = visit.panel.places.recordings
    kept = recordings / f"{name}.wav"

    def take() -> SpokenAnswer | None:
        try:
            content = made.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != digest:
            return None
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_name(f".{kept.name}.{uuid.uuid4().hex}")
        try:
            half.write_bytes(content)
            sync(half)  # an answer of before may be heard by that name: it never becomes less
            half.replace(kept)
        finally:
            half.unlink(missing_ok=True)
        flush(kept, recordings)
        return SpokenAnswer(name, digest, round((len(content) - _HEADER) / 16_000, 3))

    return await asyncio.to_thread(take)


async def _case(visit: Visit) -> Row[Any]:
    case = await case_row(visit)
    visit.require(P.CASES_ANSWER, agency=case.agency, area=case.county or "")
    return case


def is_digest(text: str) -> bool:
    """Of SHA-256, in hex."""
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


def _name(digest: str) -> str:
    """As `ivr.speech.answer_sound` names them: by hash, so no name comes from outside."""
    return f"answers/{digest[:2]}/{digest[:32]}"


def _wav(path: Path) -> web.StreamResponse:
    if not path.is_file():
        raise NotFound
    return web.FileResponse(path, headers={**KEEP_OUT, "Content-Type": "audio/wav"})


def _studio(visit: Visit) -> Studio:
    if visit.panel.voices.studio is None:
        raise NotFound
    return visit.panel.voices.studio


def _keep(file: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.seek(0)
    with path.open("wb") as out:
        shutil.copyfileobj(file, out)
