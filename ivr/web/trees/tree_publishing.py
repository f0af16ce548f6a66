"""A draft: in what it differs, and what a rehearsal says; put on the air now, later or for a share; back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.book import menus
from ivr.desk.editing.book_names import read_names
from ivr.desk.people import auditing
from ivr.desk.reading.gaps import of_menu
from ivr.desk.refusals import Refused
from ivr.desk.trees import drafts, publishing, rehearsing, tree_history
from ivr.voice.menu import Menu
from ivr.voice.menu_diff import TreeChange, changes, text_diff
from ivr.voice.menu_life import Stage
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.rehearsal import Rehearsal
from ivr.voice.timing import SecondsOf
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import NotFound, Route, Visit
from ivr.web.trees.tree_pages import ShownTree, look, name_of, told, tools_of
from ivr.web.trees.tree_words import unspoken

SHARES = ("5", "10", "20", "50")
WHEN = ("now", "at", "share")


def routes() -> list[Route]:
    one = "/panel/menus/{name}/drafts/{number:[0-9]{1,9}}"
    return [
        Route("GET", one, "menus.draft", draft),
        Route("POST", one + "/rehearse", "menus.rehearse", rehearse_it),
        Route("POST", one + "/publish", "menus.publish", publish),
        Route("POST", one + "/unschedule", "menus.unschedule", unschedule),
        Route("POST", "/panel/menus/{name}/roll-back", "menus.roll-back", roll_back),
    ]


async def draft(
    visit: Visit, form: Form | None = None, wrong: str = "", rehearsal: Rehearsal | None = None
) -> web.Response:
    engine, name, number = visit.panel.engine, name_of(visit), _number(visit)
    try:
        one, stage = await drafts.standing(engine, name, number)
    except Refused as error:
        raise NotFound from error
    now, head = await menus.on_the_air(engine, name), await drafts.head(engine, name)
    before = now.revision.text if now is not None else ""
    tools = tools_of(visit)

    def compared() -> tuple[ShownTree, list[TreeChange], list[str]]:
        shown = look(tools, one.text, name)
        return shown, [] if shown.mistakes else meant(before, one.text), text_diff(before, one.text)

    shown, differs, lines = await asyncio.to_thread(compared)
    unled = await _unled(visit, shown.menu) if shown.menu is not None else []
    return visit.render(
        "trees/draft.html",
        status=422 if wrong or (form and form.wrong) else 200,
        name=name,
        draft=one,
        stage=Stage.DRAFT if stage is Stage.FAULTY and not shown.mistakes else stage,
        air=now,
        seen=now.seen if now is not None else publishing.NOTHING,
        newest=head is not None and head.draft == number,
        shown=shown,
        meant=differs,
        lines=lines,
        unled=unled,
        plan=next((each for each in await publishing.planned(engine, name) if each.draft == number), None),
        shares=SHARES,
        form=form,
        wrong=wrong,
        rehearsal=rehearsal,
        said=visit.request.query.get("said", ""),
    )


async def rehearse_it(visit: Visit) -> web.Response:
    """The last weeks' calls through it and through the live one. That it was done is noted."""
    engine, name, number, tools = visit.panel.engine, name_of(visit), _number(visit), tools_of(visit)
    live = await menus.current(engine, name)
    text = await tree_history.text_of(engine, name, f"draft {number}")
    if live is None:
        return await draft(visit, wrong=visit.words("menus.never_text"))

    def both() -> tuple[Menu, Menu, SecondsOf]:
        before = parse(live.text.encode(), "live", called=tools.beside.called)
        return before, parse(text.encode(), "draft", called=tools.beside.called), tools.lengths()

    try:
        before, after, seconds = await asyncio.to_thread(both)
    except MenuMistakes:
        return await draft(visit, wrong=visit.words("menus.publish.faulty"))
    found = await rehearsing.rehearse_draft(
        engine, before, after, tools.directory(), visit.now, seconds,
        draft=number, author=visit.person.name,
    )  # fmt: skip
    return await draft(visit, rehearsal=found)


async def publish(visit: Visit) -> web.Response:
    """Now, at a time, or for a share of the calls first. Why is asked for: the history tells it for good.

    It is proved anew: since it was saved a topic may have got its sound, or have been retired.
    """
    form, name, number = visit.form(), name_of(visit), _number(visit)
    reason, when = form.text("reason", 300), form.choice("when", WHEN)
    at = _moment(form, ZoneInfo(visit.panel.book.timezone)) if when == "at" else None
    if when != "at" and (form.raw("day").strip() or form.raw("time").strip()):
        form.refuse("day", "menus.publish.not_at")
    if at is not None and at <= visit.now:
        form.refuse("time", "menus.publish.past")
    share = int(form.choice("share", SHARES) or 0) / 100 if when == "share" else None
    if form.wrong:
        return await draft(visit, form)
    text = await tree_history.text_of(visit.panel.engine, name, f"draft {number}")
    if mute := await unspoken(visit, text, name):
        return await draft(visit, form, mute)
    await drafts.check_draft(visit.panel.engine, name, number, visit.person.name, tools_of(visit).check)
    try:
        await publishing.publish_draft(
            visit.panel.engine, name, number, visit.person.name, reason, visit.now,
            at=at, share=share, seen=form.raw("seen"),
        )  # fmt: skip
    except publishing.TreeChanged:
        return await draft(visit, form, visit.words("menus.publish.changed"))
    except Refused as refused:
        return await draft(visit, form, told(visit, refused))
    detail = {"draft": number, "share": share, "at": at.isoformat() if at else None}
    await _note(visit, "menu_published", detail)
    return visit.redirect(f"/panel/menus/{name}?said={when}")


async def unschedule(visit: Visit) -> web.Response:
    name, number = name_of(visit), _number(visit)
    await publishing.unschedule(visit.panel.engine, name, number, visit.person.name)
    await _note(visit, "menu_unscheduled", {"draft": number})
    return visit.redirect(f"/panel/menus/{name}/drafts/{number}?said=unscheduled")


async def roll_back(visit: Visit) -> web.Response:
    """The trial ends; without one the text before is on the air again, or that of the revision named."""
    form, name = visit.form(), name_of(visit)
    reason = form.text("reason", 300)
    to = form.number("to", 1, otherwise=0) or None
    if form.wrong:
        return visit.redirect(f"/panel/menus/{name}?said=why")
    engine, who, seen = visit.panel.engine, visit.person.name, form.raw("seen")
    try:
        back = await publishing.roll_back(engine, name, who, reason, to, seen)
    except publishing.TreeChanged:
        return visit.redirect(f"/panel/menus/{name}?said=changed")
    await _note(visit, "menu_rolled_back", {"to": back.revision.number})
    return visit.redirect(f"/panel/menus/{name}?said=back")


@dataclass(frozen=True, slots=True)
class ShownGap:
    """What callers can say and no single body is responsible for, in people's words."""

    topic: str
    kinds: list[str]
    reason: str
    counties: list[str]
    everywhere: bool


async def _unled(visit: Visit, menu: Menu) -> list[ShownGap]:
    """Whether every leaf has a responsible body in every county, as the book is now."""
    page = await visit.panel.book.page()
    found = await asyncio.to_thread(of_menu, page, menu)
    if not found:
        return []
    async with visit.panel.engine.connect() as connection:
        names = await read_names(connection)
    return [
        ShownGap(
            names.of("topic", gap.topic),
            [visit.words(f"common.kind.{kind}") for kind in gap.kinds],
            gap.reason,
            [names.of("area", county) if county else "" for county in gap.counties],
            gap.everywhere,
        )
        for gap in found
    ]


def meant(before: str, after: str) -> list[TreeChange]:
    """In what they differ for a caller; nothing where there was none before, or none that can be read now."""
    try:
        return changes(parse(before.encode(), "before"), parse(after.encode(), "after")) if before else []
    except MenuMistakes:
        return []


def _moment(form: Form, zone: ZoneInfo) -> datetime | None:
    day, clock = form.day("day"), form.hour("time", "admin.tester.hour_wrong")
    return datetime.combine(day, clock, zone) if day and "time" not in form.wrong else None


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["number"])


async def _note(visit: Visit, action: str, detail: dict[str, Any]) -> None:
    async with visit.panel.engine.begin() as connection:
        await auditing.note(
            connection, visit.now, action, person=visit.person.id, subject=f"menu/{name_of(visit)}",
            address=visit.came.address, detail=detail,
        )  # fmt: skip
