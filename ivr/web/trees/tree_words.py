"""The words of a tree's prompts: changed in its text, heard before it is saved, spoken before publishing."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ivr.voice import script
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.own_words import LONGEST, all_own
from ivr.voice.parse import parse
from ivr.voice.words_in_text import with_words
from ivr.web.panel.studio import Studio
from ivr.web.panel.tree_tools import TreeTools
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.trees.tree_editing import SENT, text_of
from ivr.web.trees.tree_pages import tools_of

_ONE_AT_A_TIME = asyncio.Semaphore(1)  # the synthesiser has two places, and callers wait for words too


def routes() -> list[Route]:
    return [
        Route("POST", "/panel/menus/{name}/words", "menus.words", write, most=SENT),
        Route("POST", "/panel/menus/{name}/hear", "menus.hear", hear),
    ]


async def hear(visit: Visit) -> web.StreamResponse:
    """`words` in `language` as a WAV, by the voice that callers hear. Nothing is kept of the tree."""
    form, tools = visit.form(), tools_of(visit)
    words = form.text("words", LONGEST, lines=True)
    language = form.choice("language", tools.languages)
    wrong = next(iter(form.wrong.values()), "") or _unreadable(visit, words)
    if wrong:
        return web.Response(status=422, text=wrong)
    async with _ONE_AT_A_TIME:
        spoken = await _studio(visit).speak(words, language)
    if spoken is None:
        return web.Response(status=422, text=visit.words("menus.prompts.no_voice"))
    return web.FileResponse(
        f"{spoken}.wav", headers={"Content-Type": "audio/wav", "Cache-Control": "no-store"}
    )


async def write(visit: Visit) -> web.Response:
    """`text`: the tree; `prompt`, and `said-fa`, … its words: {text} with them. Nothing is saved.

    Empty, or what the catalogue says, is not written: then callers hear the catalogue's.
    """
    form, tools = visit.form(), tools_of(visit)
    text, id = text_of(visit), form.text("prompt", 100)
    said = {each: form.text(f"said-{each}", LONGEST, needed=False, lines=True) for each in tools.languages}
    wrong = next(iter(form.wrong.values()), "")
    wrong = wrong or next(filter(None, (_unreadable(visit, words) for words in said.values() if words)), "")
    if wrong:
        return web.json_response({"wrong": wrong}, status=422)
    try:
        changed = await asyncio.to_thread(_written, tools, text, id, said)
    except MenuMistakes:
        return web.json_response({"wrong": visit.words("menus.prompts.unwritten")}, status=422)
    return web.json_response({"text": changed})


def _written(tools: TreeTools, text: str, id: str, said: dict[str, str]) -> str:
    catalogue = tools.catalogue()
    usual = {each: catalogue.spoken(id, each) for each in said if id in catalogue.ids(each)}
    flat = {each: " ".join(words.split()) for each, words in said.items()}
    return with_words(
        text, id, {each: words for each, words in flat.items() if words not in ("", usual.get(each))}
    )


async def unspoken(visit: Visit, text: str, name: str) -> str:
    """Gives the own words of a tree their sound, before it is published. One sentence where that fails."""
    try:
        menu = await asyncio.to_thread(parse, text.encode(), name)
    except MenuMistakes:
        return ""  # publishing says so
    for id, language, own in all_own(menu.words):
        studio = visit.panel.voices.studio
        if studio is None or await studio.speak(own.text, language) is None:
            spoken_in = visit.words(f"live.language.{language}")
            return visit.words("menus.publish.mute", prompt=id, language=spoken_in)
    return ""


def _unreadable(visit: Visit, words: str) -> str:
    readable = any(map(str.isalpha, words)) and script.is_readable(words)
    return "" if readable else visit.words("refusal.unreadable")


def _studio(visit: Visit) -> Studio:
    if visit.panel.voices.studio is None:
        raise NotFound
    return visit.panel.voices.studio
