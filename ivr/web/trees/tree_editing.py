"""The editor: a text is looked at while somebody types it, and saved beside what others saved."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from aiohttp import web

from ivr.desk.people import auditing
from ivr.desk.trees import drafts
from ivr.desk.trees.drafts import DraftMoved, Head
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.proof import written
from ivr.voice.yaml_tree import LARGEST_FILE
from ivr.web.panel.guard import policy
from ivr.web.panel.mistake_words import in_persian
from ivr.web.panel.tree_tools import TreeTools, shown_figures
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.trees.tree_pages import look, name_of, tools_of

SENT = 4 * LARGEST_FILE  # a form writes most of Persian with six letters for two bytes
_ONE_AT_A_TIME = asyncio.Semaphore(1)  # a check takes a processor for tenths of a second


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/menus/{name}/edit", "menus.edit", edit),
        Route("POST", "/panel/menus/{name}/edit", "menus.save", save, most=SENT),
        Route("POST", "/panel/menus/{name}/check", "menus.check", check, most=SENT),
    ]


async def edit(visit: Visit) -> web.Response:
    head = await drafts.head(visit.panel.engine, name_of(visit))
    if head is None:
        raise NotFound
    return await _editor(visit, head, head.text)


async def save(visit: Visit) -> web.Response:
    """Right or wrong: half a thought can be kept. What another saved meanwhile is never written over."""
    form, name, engine = visit.form(), name_of(visit), visit.panel.engine
    text, began_from = text_of(visit), form.raw("began_from")
    reason = form.text("reason", 300, needed=False)
    if len(text.encode()) > LARGEST_FILE:
        form.refuse("text", "common.form.too_long", most=LARGEST_FILE)
    head = await drafts.head(engine, name)
    if head is None:
        raise NotFound
    if form.wrong:
        return await _editor(visit, head, text, wrong=form.wrong)
    try:
        draft = await drafts.save_draft(engine, name, text, visit.person.name, reason, began_from)
    except DraftMoved as moved:
        return await _editor(visit, moved.head, text, moved=moved.diff)
    async with _ONE_AT_A_TIME:
        await drafts.check_draft(engine, name, draft.number, visit.person.name, tools_of(visit).check)
    async with engine.begin() as connection:
        await auditing.note(
            connection, visit.now, "menu_saved", person=visit.person.id, subject=f"menu/{name}",
            address=visit.came.address, detail={"draft": draft.number},
        )  # fmt: skip
    return visit.redirect(f"/panel/menus/{name}/drafts/{draft.number}?said=saved")


async def check(visit: Visit) -> web.Response:
    """For the editor, while somebody types: what is wrong, the picture, the figures."""
    tools, text = tools_of(visit), text_of(visit)
    async with _ONE_AT_A_TIME:
        told = await asyncio.to_thread(_told, visit, tools, text)
    return web.json_response(told)


def _told(visit: Visit, tools: TreeTools, text: str) -> dict[str, Any]:
    words = visit.words
    try:
        menu, proof = drafts.check_as(name_of(visit), text.encode(), name_of(visit), tools.check)
    except MenuMistakes as error:
        wrong = [_mistake(visit, each) for each in error.mistakes]
        summary = words("menus.edit.mistakes", n=len(wrong))
        nothing = {"svg": "", "figures": "", "prompts": {}, "warned": False}
        return {"mistakes": wrong, "summary": summary, **nothing}
    found = shown_figures(menu, proof)
    warned = any(each["over"] for each in found)
    return {
        "mistakes": [],
        "warned": warned,
        "summary": words("menus.edit.warned" if warned else "menus.edit.right", n=len(menu.steps)),
        "svg": tools.drawing(menu),
        "figures": str(visit.macro("trees/pieces.html", "figures_row")(found)),
        "prompts": _prompts(tools, menu),
    }


def _mistake(visit: Visit, each: Mistake) -> dict[str, Any]:
    where = visit.words("menus.edit.place", line=each.line, column=each.column)
    return {**each.as_json(), "where": where, "told": in_persian(each.message)}


def _prompts(tools: TreeTools, menu: Menu) -> dict[str, dict[str, dict[str, str]]]:
    """What the prompts that steps name say in each language of the tree, usually and here (`own`)."""
    catalogue = tools.catalogue()
    known = {language: catalogue.ids(language) for language in menu.languages}

    def said(id: str, language: str) -> dict[str, str]:
        own, usual = menu.words.get(id, {}).get(language), id in known[language]
        return {
            "text": catalogue.text(id, language) if usual else "",
            "spoken": catalogue.spoken(id, language) if usual else "",
            "own": own.text if own else "",
        }

    return {id: {each: said(id, each) for each in menu.languages} for id in sorted(set(written(menu)))}


async def _editor(
    visit: Visit,
    head: Head,
    text: str,
    *,
    moved: list[str] | None = None,
    wrong: dict[str, str] | None = None,
) -> web.Response:
    """`moved`: from what another saved meanwhile to this text; saved again, it comes after that."""
    nonce, name = secrets.token_urlsafe(16), name_of(visit)
    tools = tools_of(visit)
    async with _ONE_AT_A_TIME:
        shown = await asyncio.to_thread(look, tools, text, name)
    answer = visit.render(
        "trees/edit.html",
        status=409 if moved is not None else 422 if wrong else 200,
        name=name,
        head=head,
        text=text,
        shown=shown,
        moved=moved,
        wrong=wrong or {},
        reason=visit.form().raw("reason"),
        nonce=nonce,
        phrases=json.dumps(visit.words.under("menus.phrase"), ensure_ascii=False),
    )
    # The editor makes its own style sheet; no other style of a page's own gets in.
    answer.headers["Content-Security-Policy"] = policy(style_nonce=nonce)
    return answer


def text_of(visit: Visit) -> str:
    """As it was typed: browsers send line ends of two characters."""
    return visit.form().raw("text").replace("\r\n", "\n")
