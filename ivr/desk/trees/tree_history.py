"""What was ever on the air of a menu, why, and the texts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.menus import Revision, history, on_air
from ivr.desk.refusals import Refused
from ivr.desk.trees.drafts import draft_of
from ivr.store.tables import menu_drafts, menu_events, menu_revisions
from ivr.voice.menu_life import TreeDeed


@dataclass(frozen=True, slots=True)
class Revised:
    """One line of a menu's history. `deed`: by what it went on the air, or came off it again."""

    number: int
    at: datetime
    author: str
    reason: str
    deed: TreeDeed
    draft: int | None
    details: dict[str, Any]
    sha256: str
    is_live: bool

    def as_json(self) -> dict[str, Any]:
        """Stable names."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "author": self.author,
            "reason": self.reason,
            "deed": str(self.deed),
            "draft": self.draft,
            "details": self.details,
            "sha256": self.sha256,
            "is_live": self.is_live,
        }


async def revisions(engine: AsyncEngine, name: str) -> list[Revised]:
    """All that were on the air, for all calls or some, newest first; an ended trial has its end's line."""
    its = menu_events.c
    told = select(menu_events).where(its.name == name, its.revision.is_not(None)).order_by(its.id)
    texts = select(menu_drafts.c.number, menu_drafts.c.sha256).where(menu_drafts.c.name == name)
    async with engine.connect() as connection:
        deeds = {row.revision: row for row in await connection.execute(told)}  # the last of each
        digests = {row.number: row.sha256 for row in await connection.execute(texts)}
        now = await on_air(connection, name)
    published = {revision.number: revision for revision in await history(engine, name)}
    live = now.revision.number if now is not None else 0
    found = [
        _revised(number, published.get(number), deeds.get(number), digests, live)
        for number in published.keys() | deeds.keys()
    ]
    return sorted(found, key=lambda each: each.number, reverse=True)


def _revised(
    number: int, stored: Revision | None, deed: Row[Any] | None, digests: dict[int, str], live: int
) -> Revised:
    """`deed` is None of what a release published that noted none."""
    is_live = number == live
    if deed is None:
        assert stored is not None
        return Revised(
            number, stored.at, stored.author, "", TreeDeed.PUBLISHED, None, {}, stored.sha256, is_live
        )
    sha256 = stored.sha256 if stored is not None else digests.get(deed.draft, "")
    what = (TreeDeed(deed.deed), deed.draft, dict(deed.details))
    return Revised(number, deed.at, deed.author, deed.reason, *what, sha256, is_live)


@dataclass(frozen=True, slots=True)
class Unkept:
    """A draft that was refused when its time came. `author`: who had planned it."""

    draft: int
    at: datetime
    author: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As a line of the history; it came to no number."""
        return {
            "number": None,
            "at": self.at.isoformat(),
            "author": self.author,
            "reason": f"draft {self.draft} was refused when its time came: {self.why}",
            "deed": str(TreeDeed.UNSCHEDULED),
            "draft": self.draft,
            "details": {"refused": self.why},
            "sha256": "",
            "is_live": False,
        }


async def unkept(engine: AsyncEngine, name: str) -> list[Unkept]:
    """The newest first: nobody was there to be told."""
    its = menu_events.c
    query = select(its.draft, its.at, its.author, its.details["refused"].astext.label("why"))
    query = query.where(its.name == name, its.deed == TreeDeed.UNSCHEDULED, its.details.has_key("refused"))
    async with engine.connect() as connection:
        return [Unkept(*row) for row in await connection.execute(query.order_by(its.id.desc()))]


async def text_of(engine: AsyncEngine, name: str, which: str) -> str:
    """A text by its name: "live", "trial", "7" (a revision), "draft 3". Raises Refused when there is none."""
    async with engine.connect() as connection:
        now = await on_air(connection, name)
        if which in ("live", "trial"):
            trial = now.trial if now is not None else None
            if now is None or (which == "trial" and trial is None):
                raise Refused(f"menu {name} has no {which} tree")
            return trial.revision.text if trial is not None and which == "trial" else now.revision.text
        kind, _, number = which.rpartition(" ")
        if not number.isdecimal() or kind not in ("", "draft"):
            raise Refused(f"{which} is no text of a menu: live, trial, 7 or “draft 7”")
        if kind == "draft":
            return (await draft_of(connection, name, int(number))).text
        return await _revision_text(connection, name, int(number))


async def _revision_text(connection: AsyncConnection, name: str, number: int) -> str:
    """Published, or tried only."""
    its, event = menu_revisions.c, menu_events.c
    published = select(its.text).where(its.name == name, its.number == number)
    tried = select(menu_drafts.c.text).join(
        menu_events, (event.name == menu_drafts.c.name) & (event.draft == menu_drafts.c.number)
    )
    tried = tried.where(event.name == name, event.revision == number, event.deed == TreeDeed.TRIED).limit(1)
    queries: Sequence[Any] = (published, tried)
    for query in queries:
        if (text := (await connection.execute(query)).scalar()) is not None:
            return str(text)
    raise Refused(f"menu {name} has no revision {number}")
