"""The prompts: what each says, whose voice it is, play it, record or upload another, put one back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from aiohttp import web

from ivr.desk.editing.changing import tell
from ivr.desk.people import auditing
from ivr.voice.prompt_sounds import Prompts, PromptSound, Take, TakeRefused
from ivr.web.admin.showing import holds
from ivr.web.panel.visit import NotFound, Route, Visit

PAGE = 40
UPLOAD = 17 * 1024 * 1024
# Begins of prompts' ids: the first of all, and pieces of sentences, of which there are hundreds.
_RANKS = {"welcome": 0} | dict.fromkeys(("topic", "topic_group", "county", "agency", "weekday", "month"), 2)
_RANKS |= dict.fromkeys(("day", "year", "number", "digit", "thousand", "million", "pause", "beep"), 2)
SHOWN = ("all", "needed", "missing", "person", "machine")


class Nothing:
    """An installation without prompts: its list is empty."""

    languages: Sequence[str] = ()

    def seen(self, needed: Collection[str]) -> Sequence[PromptSound]:
        return ()

    def measured(self, one: PromptSound) -> PromptSound:
        return one


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/prompts", "prompts", listed),
        Route("GET", "/panel/prompts/{language}/{id}", "prompts.one", one),
        Route("GET", "/panel/prompts/{language}/{id}/audio", "prompts.audio", audio),
        Route("GET", "/panel/prompts/takes/{token}/audio", "prompts.take", take_audio),
        Route("POST", "/panel/prompts/{language}/{id}/try", "prompts.try", try_out, most=UPLOAD),
        Route("POST", "/panel/prompts/{language}/{id}/accept", "prompts.accept", accept),
        Route("POST", "/panel/prompts/{language}/{id}/restore", "prompts.restore", restore),
    ]


async def listed(visit: Visit) -> web.Response:
    booth, query = visit.panel.voices.prompts or Nothing(), visit.request.query
    seen = _ordered(await asyncio.to_thread(lambda: booth.seen(visit.panel.voices.needed())))
    show = query.get("show", "needed") if query.get("show", "needed") in SHOWN else "needed"
    language = query.get("language", "") if query.get("language", "") in booth.languages else ""
    asked, after = query.get("q", "").strip()[:80], query.get("after", "")
    fitting = [one for one in seen if _fits(one, show, language, asked)]
    page = fitting[_behind(fitting, after) :][: PAGE + 1]
    rows = await asyncio.to_thread(lambda: [booth.measured(one) for one in page[:PAGE]])
    return visit.render(
        "admin/prompts.html",
        rows=rows,
        total=len(fitting),
        after=_place(page[PAGE - 1]) if len(page) > PAGE else "",
        show=show,
        shows=SHOWN,
        language=language,
        languages=booth.languages,
        asked=asked,
        counts={each: _counts(seen, each) for each in booth.languages},
    )


async def one(visit: Visit, take: Take | None = None, wrong: str = "") -> web.Response:
    booth = _booth(visit)
    language, id = _name(visit)
    seen = _ordered(await asyncio.to_thread(lambda: booth.seen(visit.panel.voices.needed())))
    found = next((each for each in seen if (each.language, each.id) == (language, id)), None)
    if found is None:
        raise NotFound
    measured, versions = await asyncio.to_thread(
        lambda: (booth.measured(found), booth.versions(language, id))
    )
    ids = [each.id for each in seen if each.language == language and (each.needed or each.id == id)]
    at = ids.index(id)
    return visit.render(
        "admin/prompt.html",
        status=422 if wrong else 200,
        one=measured,
        others=[each for each in seen if each.id == id and each.language != language],
        versions=versions,
        take=take,
        wrong=wrong,
        onward=ids[at + 1] if at + 1 < len(ids) else "",
        back=ids[at - 1] if at else "",
        may_edit=visit.allowed("prompts_edit"),
        said=visit.request.query.get("said", ""),
    )


async def audio(visit: Visit) -> web.StreamResponse:
    booth, (language, id) = _booth(visit), _name(visit)
    return _sound(await asyncio.to_thread(booth.audio, language, id))


async def take_audio(visit: Visit) -> web.StreamResponse:
    booth, token = _booth(visit), visit.request.match_info["token"]
    return _sound(await asyncio.to_thread(booth.take_audio, token))


async def try_out(visit: Visit) -> web.Response:
    """Nothing is live yet: the page shows how callers would hear it."""
    booth, (language, id), sent = _booth(visit), _name(visit), visit.form().file("file")
    content = sent.file.read(UPLOAD) if sent is not None else b""
    if not content:
        return await one(visit, wrong=visit.words("admin.prompt.no_file"))
    try:
        take = await asyncio.to_thread(
            lambda: booth.try_out(language, id, content, visit.panel.voices.needed())
        )
    except TakeRefused as refused:
        return await one(visit, wrong=_told(visit, refused))
    return await one(visit, take=take)


async def accept(visit: Visit) -> web.Response:
    booth, (language, id), token = _booth(visit), _name(visit), visit.form().raw("token")
    try:
        version = await asyncio.to_thread(booth.accept, language, id, token, visit.actor.name, visit.now)
    except TakeRefused as refused:
        return await one(visit, wrong=_told(visit, refused))
    await _note(visit, "prompt_recorded", language, id, version.name)
    return visit.redirect(f"/panel/prompts/{language}/{id}?said=live")


async def restore(visit: Visit) -> web.Response:
    booth, (language, id), name = _booth(visit), _name(visit), visit.form().raw("version")
    try:
        await asyncio.to_thread(booth.restore, language, id, name)
    except TakeRefused as refused:
        return await one(visit, wrong=_told(visit, refused))
    await _note(visit, "prompt_restored", language, id, name)
    return visit.redirect(f"/panel/prompts/{language}/{id}?said=restored")


async def _note(visit: Visit, action: str, language: str, id: str, version: str) -> None:
    """After the deed: the files are not the database's, and it was done."""
    async with visit.panel.engine.begin() as connection:
        await auditing.note(
            connection, visit.now, action, person=visit.person.id, subject=f"prompt/{language}/{id}",
            address=visit.came.address, detail={"version": version},
        )  # fmt: skip
        await tell(connection)  # what nobody could hear may be offered now


def _booth(visit: Visit) -> Prompts:
    """Raises NotFound where no prompts are kept."""
    if visit.panel.voices.prompts is None:
        raise NotFound
    return visit.panel.voices.prompts


def _name(visit: Visit) -> tuple[str, str]:
    return visit.request.match_info["language"], visit.request.match_info["id"]


def _sound(path: Path | None) -> web.StreamResponse:
    """Raises NotFound."""
    if path is None:
        raise NotFound
    return web.FileResponse(path, headers={"Content-Type": "audio/wav", "Cache-Control": "no-cache"})


def _told(visit: Visit, refused: TakeRefused) -> str:
    return visit.words(f"admin.take.{refused.what}", **refused.params)


def _place(one: PromptSound) -> str:
    return f"{one.id}/{one.language}"


def _ordered(seen: Sequence[PromptSound]) -> list[PromptSound]:
    """As a caller comes to them: the welcome first, then what is said to her, at last names and numbers."""
    return sorted(seen, key=lambda one: _RANKS.get(one.id.partition(".")[0], 1))


def _behind(seen: Sequence[PromptSound], place: str) -> int:
    """Where the page behind `place` begins; at the start when there is no such place any more."""
    return next((at + 1 for at, one in enumerate(seen) if _place(one) == place), 0)


def _fits(one: PromptSound, show: str, language: str, asked: str) -> bool:
    if language and one.language != language:
        return False
    if not holds(asked, one.id, one.text):
        return False
    match show:
        case "needed":
            return one.needed
        case "missing":
            return one.needed and not one.source
        case "person":
            return one.source in ("person", "house")
        case "machine":
            return one.source == "machine"
    return True


def _counts(seen: Sequence[PromptSound], language: str) -> dict[str, int]:
    its = [one for one in seen if one.language == language and one.needed]
    return {
        "needed": len(its),
        "missing": sum(not one.source for one in its),
        "person": sum(one.source in ("person", "house") for one in its),
    }
