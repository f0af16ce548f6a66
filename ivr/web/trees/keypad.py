"""A telephone keypad for a text that is not on the air: the real call flow, with the callers' prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ivr.voice.actions import Ask, Enquire, Operator, Record, Say, Words
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.own_words import all_words
from ivr.voice.tokens import KeysMistake
from ivr.voice.tried_call import TriedCall
from ivr.web.panel.tree_tools import TreeTools
from ivr.web.panel.visit import Route, Visit
from ivr.web.trees.tree_editing import SENT, text_of
from ivr.web.trees.tree_pages import name_of, tools_of

MOST_KEYS = 400  # of one rehearsed call


def routes() -> list[Route]:
    return [Route("POST", "/panel/menus/{name}/walk", "menus.walk", walk, most=SENT)]


async def walk(visit: Visit) -> web.Response:
    """`text`: the tree; `keys`: all that was pressed so far, one word each. What is heard and waited for now.

    The server remembers nothing: a call is walked anew with each key, in milliseconds.
    """
    keys = visit.form().raw("keys").split()[:MOST_KEYS]
    try:
        told = await asyncio.to_thread(_walked, tools_of(visit), text_of(visit), keys, name_of(visit))
    except MenuMistakes:
        return web.json_response({"wrong": visit.words("menus.try.faulty")}, status=422)
    except KeysMistake as mistake:
        return web.json_response({"wrong": str(mistake)}, status=422)
    return web.json_response(told)


def _walked(tools: TreeTools, text: str, keys: list[str], name: str) -> dict[str, Any]:
    menu, _ = tools.check(text.encode(), name)
    own = {each.id: each.text for _, _, each in all_words(menu.words, menu.called_words)}
    walked = tools.walk(menu, keys)
    step = menu.steps.get(walked.step)
    return {
        "heard": [_sound(tools, sound, language, own) for sound, language in walked.heard],
        "waits": _waits(walked),
        "step": walked.step,
        "line": step.line if step else 0,
        "language": walked.language,
        "cases": [{"code": case["code"], "kind": case["kind"]} for case in walked.cases],
        "outcome": walked.outcome if walked.waits is None else "",
    }


def _sound(tools: TreeTools, sound: Any, language: str, own: Mapping[str, str]) -> dict[str, str]:
    """`id` where the prompt has a file of its own; `say`: what is spoken on demand in its place."""
    if sound in own:
        return {"id": "", "language": language, "text": own[sound], "say": own[sound]}
    if isinstance(sound, str):
        catalogue = tools.catalogue()
        said = catalogue.text(sound, language) if sound in catalogue.ids(language) else sound
        return {"id": sound, "language": language, "text": said}
    return {"id": "", "language": language, "text": sound.text if isinstance(sound, Words) else "…"}


def _waits(walked: TriedCall) -> dict[str, Any]:
    match walked.waits:
        case Ask() as ask:
            return {
                "for": "keys",
                "most": ask.max_keys,
                "first": ask.first_key_seconds,
                "next": ask.next_key_seconds,
                "barge_in": ask.barge_in,
            }
        case Say(barge_in=barge_in):
            return {"for": "speech", "barge_in": barge_in}
        case Record() as record:
            return {"for": "words", "most": record.max_seconds}
        case Operator():
            return {"for": "operator"}
        case Enquire():
            return {"for": "enquiry"}
    return {"for": ""}
