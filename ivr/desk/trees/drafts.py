"""Drafts of a menu tree: saved beside each other's, never over them, and checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.menus import alone, digest, note_deed, on_air
from ivr.desk.refusals import Refused
from ivr.store.tables import menu_drafts, menu_events
from ivr.voice.menu import Menu
from ivr.voice.menu_diff import text_diff
from ivr.voice.menu_life import Stage, TreeDeed, stage_of
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.report import Proof

# Parses and proves a text in this province; the string names it in messages. Raises MenuMistakes.
TreeCheck = Callable[[bytes, str], tuple[Menu, Proof]]


@dataclass(frozen=True, slots=True)
class Draft:
    """One saved text. `number` counts from 1 for each name; `began_from`: the digest of the text before."""

    name: str
    number: int
    text: str
    sha256: str
    began_from: str
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """The newest text of a menu, from which the next draft begins: a draft or what is on the air.

    `draft`, `revision`: its number, None of the one that it is not.
    """

    text: str
    sha256: str
    author: str
    at: datetime
    draft: int | None
    revision: int | None


class DraftMoved(Refused):
    """Somebody else saved or published meanwhile. `diff`: from their text to the one that was refused."""

    def __init__(self, head: Head, diff: list[str]) -> None:
        super().__init__(f"{head.author} has changed this menu since: nothing was saved over that")
        self.head, self.diff = head, diff


class Faulty(Refused):
    """A draft that is not proved can't go on the air."""


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """What a check found. `menu` and `proof` are None where there are mistakes."""

    mistakes: tuple[Mistake, ...]
    menu: Menu | None
    proof: Proof | None


async def head(engine: AsyncEngine, name: str) -> Head | None:
    """The newest text; None when there never was one."""
    async with engine.connect() as connection:
        return await _head(connection, name)


async def save_draft(
    engine: AsyncEngine, name: str, text: str, author: str, reason: str = "", began_from: str | None = None
) -> Draft:
    """Save a text, right or wrong. `began_from`: the `sha256` of the head that its author began from.

    Raises DraftMoved when the head is another one by now; None saves in any case, as a file of one's own is.
    What is the newest draft already is not saved twice.
    """
    async with engine.begin() as connection:
        await alone(connection, name)
        newest = await _head(connection, name)
        if newest is not None and newest.draft is not None and newest.sha256 == digest(text):
            return await draft_of(connection, name, newest.draft)  # Save was pressed twice
        if newest is not None and began_from is not None and began_from != newest.sha256:
            raise DraftMoved(newest, text_diff(newest.text, text))
        highest = select(func.coalesce(func.max(menu_drafts.c.number), 0)).where(menu_drafts.c.name == name)
        number = (await connection.execute(highest)).scalar_one() + 1
        row = {"name": name, "number": number, "text": text, "sha256": digest(text), "author": author}
        row |= {"began_from": newest.sha256 if newest else "", "reason": reason, "at": func.clock_timestamp()}
        return _draft(
            (await connection.execute(insert(menu_drafts).values(row).returning(menu_drafts))).one()
        )


async def check_draft(
    engine: AsyncEngine, name: str, number: int, author: str, check: TreeCheck
) -> CheckedDraft:
    """Prove it, in a thread, and note whether it passed. A text of another menu's name does not."""
    async with engine.connect() as connection:
        draft = await draft_of(connection, name, number)
    found = await asyncio.to_thread(_checked, draft, check)
    async with engine.begin() as connection:
        details = {"ok": not found.mistakes, "mistakes": len(found.mistakes)}
        await note_deed(connection, name, TreeDeed.CHECKED, author, draft=number, details=details)
    return found


def _checked(draft: Draft, check: TreeCheck) -> CheckedDraft:
    file = f"{draft.name}, draft {draft.number}"
    try:
        return CheckedDraft((), *check_as(draft.name, draft.text.encode(), file, check))
    except MenuMistakes as error:
        return CheckedDraft(tuple(error.mistakes), None, None)


def check_as(name: str, raw: bytes, file: str, check: TreeCheck) -> tuple[Menu, Proof]:
    """The same as a text of that menu. Raises MenuMistakes where it is another's, too."""
    menu, proof = check(raw, file)
    if menu.name != name:
        raise MenuMistakes([Mistake(file, 1, 1, "menu", f"this is menu {name}, not {menu.name}")])
    return menu, proof


async def drafts(engine: AsyncEngine, name: str, limit: int = 50) -> list[tuple[Draft, Stage]]:
    """The newest first, and how each stands."""
    query = select(menu_drafts).where(menu_drafts.c.name == name)
    query = query.order_by(menu_drafts.c.number.desc()).limit(limit)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
        stages = await _stages(connection, name)
    return [(_draft(row), stages.get(row.number, Stage.DRAFT)) for row in rows]


async def standing(engine: AsyncEngine, name: str, number: int) -> tuple[Draft, Stage]:
    """One draft, and how it stands. Raises Refused when there is none."""
    async with engine.connect() as connection:
        return await draft_of(connection, name, number), await stage(connection, name, number)


async def draft_of(connection: AsyncConnection, name: str, number: int) -> Draft:
    """Raises Refused when there is none."""
    its = menu_drafts.c
    query = select(menu_drafts).where(its.name == name, its.number == number)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refused(f"menu {name} has no draft {number}")
    return _draft(row)


async def stage(connection: AsyncConnection, name: str, number: int) -> Stage:
    """How one draft stands."""
    return (await _stages(connection, name, number)).get(number, Stage.DRAFT)


async def _stages(connection: AsyncConnection, name: str, number: int | None = None) -> dict[int, Stage]:
    its = menu_events.c
    query = select(its.draft, its.deed, its.details).where(its.name == name, its.draft.is_not(None))
    if number is not None:
        query = query.where(its.draft == number)
    deeds: dict[int, list[tuple[TreeDeed, Any]]] = {}
    for row in await connection.execute(query.order_by(its.id)):
        deeds.setdefault(row.draft, []).append((TreeDeed(row.deed), row.details))
    return {draft: stage_of(told) for draft, told in deeds.items()}


async def _head(connection: AsyncConnection, name: str) -> Head | None:
    query = select(menu_drafts).where(menu_drafts.c.name == name)
    draft = (await connection.execute(query.order_by(menu_drafts.c.number.desc()).limit(1))).first()
    now = await on_air(connection, name)
    if draft is not None and (
        now is None or now.revision.at <= draft.at or now.revision.sha256 == draft.sha256
    ):
        return Head(draft.text, draft.sha256, draft.author, draft.at, draft.number, None)
    if now is None:
        return None
    live = now.revision
    return Head(live.text, live.sha256, live.author, live.at, None, live.number)


def _draft(row: Row[Any]) -> Draft:
    return Draft(row.name, row.number, row.text, row.sha256, row.began_from, row.author, row.reason, row.at)
