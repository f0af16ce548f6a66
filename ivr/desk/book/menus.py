"""Menu revisions: publish one, see what is on the air, follow changes. Rows are only ever added."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, insert, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store import named_lock
from ivr.store.listening import hear
from ivr.store.tables import menu_drafts, menu_events, menu_revisions
from ivr.voice.menu_life import ENDS_TRIAL, TreeDeed

CHANNEL = "ivr_menu"


@dataclass(frozen=True, slots=True)
class Revision:
    """One published text of a menu. `number` counts from 1 for each name; calls record it.

    A number that nothing was published under belongs to a tree that did not get beyond its trial.
    """

    name: str
    number: int
    text: str
    sha256: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OnTrial:
    """A draft that answers `share` of the calls (0 to 1). It keeps the number when it is published."""

    revision: Revision
    share: float
    draft: int


@dataclass(frozen=True, slots=True)
class OnAir:
    """What answers the calls of one menu; `trial`: the tree that gets some of them."""

    revision: Revision
    trial: OnTrial | None = None

    @property
    def seen(self) -> str:
        """By which what somebody looked at is known as still the same."""
        return f"{self.revision.number}.{self.trial.revision.number if self.trial else ''}"


def digest(text: str) -> str:
    """By which two texts are known as the same."""
    return hashlib.sha256(text.encode()).hexdigest()


async def publish(
    engine: AsyncEngine, name: str, text: str, author: str, reason: str = "", draft: int | None = None
) -> Revision:
    """Store an already checked text as the newest revision and tell every worker.

    The text that is on the air already is not stored again: its revision is returned. Ends a trial.
    """
    async with engine.begin() as connection:
        await alone(connection, name)
        return await put_on_air(connection, name, text, author, reason, TreeDeed.PUBLISHED, draft)


async def put_on_air(
    connection: AsyncConnection,
    name: str,
    text: str,
    author: str,
    reason: str,
    deed: TreeDeed,
    draft: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Revision:
    """The same in the transaction of somebody who is `alone` with that name."""
    now = await on_air(connection, name)
    if now is not None and now.revision.sha256 == digest(text) and now.trial is None:
        return now.revision
    stored = now.revision if now is not None and now.revision.sha256 == digest(text) else None
    if stored is None:
        tried = now.trial.revision if now is not None and now.trial is not None else None
        same = tried is not None and tried.sha256 == digest(text)
        number = tried.number if tried is not None and same else await next_number(connection, name)
        row = {"name": name, "number": number, "text": text, "sha256": digest(text), "author": author}
        done = insert(menu_revisions).values(row | {"at": func.clock_timestamp()}).returning(menu_revisions)
        stored = _revision((await connection.execute(done)).one())
    await note_deed(connection, name, deed, author, reason, draft, stored.number, details)
    return stored


async def alone(connection: AsyncConnection, name: str) -> None:
    """One at a time for each name, so that "newest" has one meaning. Until the transaction's end."""
    await named_lock.alone(connection, "menu:" + name)


async def note_deed(
    connection: AsyncConnection,
    name: str,
    deed: TreeDeed,
    author: str,
    reason: str = "",
    draft: int | None = None,
    revision: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write what was done, and tell every worker."""
    row: dict[str, Any] = {"name": name, "deed": deed, "author": author, "reason": reason, "draft": draft}
    row |= {"revision": revision, "details": dict(details or {}), "at": func.clock_timestamp()}
    await connection.execute(insert(menu_events).values(row))
    await connection.execute(select(func.pg_notify(CHANNEL, name)))


async def next_number(connection: AsyncConnection, name: str) -> int:
    """Above all that were published or tried."""
    highest = [
        select(func.coalesce(func.max(column), 0)).where(table.c.name == name).scalar_subquery()
        for table, column in (
            (menu_revisions, menu_revisions.c.number),
            (menu_events, menu_events.c.revision),
        )
    ]
    return int((await connection.execute(select(func.greatest(*highest)))).scalar_one()) + 1


async def names(engine: AsyncEngine) -> list[str]:
    """Of every menu that was ever published or has a draft."""
    query = union(select(menu_revisions.c.name), select(menu_drafts.c.name))
    async with engine.connect() as connection:
        return sorted((await connection.execute(query)).scalars())


async def current(engine: AsyncEngine, name: str) -> Revision | None:
    """The revision on the air, or None when nothing was ever published."""
    async with engine.connect() as connection:
        row = (await connection.execute(_newest(name).limit(1))).first()
    return None if row is None else _revision(row)


async def on_the_air(engine: AsyncEngine, name: str) -> OnAir | None:
    """The same with what is on trial beside it."""
    async with engine.connect() as connection:
        return await on_air(connection, name)


async def on_air(connection: AsyncConnection, name: str) -> OnAir | None:
    """As this transaction sees it."""
    row = (await connection.execute(_newest(name).limit(1))).first()
    if row is None:
        return None
    event, its = menu_events.c, menu_drafts.c
    query = select(event.deed, event.revision, event.draft, event.details, event.at, event.author, its.text)
    query = query.outerjoin_from(
        menu_events, menu_drafts, and_(its.name == event.name, its.number == event.draft)
    )
    query = query.where(event.name == name, event.deed.in_([TreeDeed.TRIED, *ENDS_TRIAL]))
    last = (await connection.execute(query.order_by(event.id.desc()).limit(1))).first()
    # A release that knows no trials may have published beside one: that ended it.
    if last is None or last.deed != TreeDeed.TRIED or last.revision <= row.number:
        return OnAir(_revision(row))
    tried = Revision(name, last.revision, last.text, digest(last.text), last.author, last.at)
    return OnAir(_revision(row), OnTrial(tried, last.details["share"], last.draft))


async def history(engine: AsyncEngine, name: str) -> list[Revision]:
    """All revisions, newest first."""
    async with engine.connect() as connection:
        return [_revision(row) for row in await connection.execute(_newest(name))]


async def watch(
    engine: AsyncEngine, names: Sequence[str], callback: Callable[[OnAir], Awaitable[None]]
) -> None:
    """For ever: call back with what is on the air of each, once at first and whenever it is something else.

    Survives the loss of the database; what was published meanwhile is seen on return.
    """
    last: dict[str, OnAir] = {}

    async def reread(told: frozenset[str] | None) -> None:
        for name in names:
            if told is not None and name not in told:
                continue
            now = await on_the_air(engine, name)
            if now is not None and now != last.get(name):
                await callback(now)
                last[name] = now

    await hear(engine.url.render_as_string(hide_password=False), CHANNEL, reread)


def _newest(name: str) -> Select[Any]:
    query = select(menu_revisions).where(menu_revisions.c.name == name)
    return query.order_by(menu_revisions.c.number.desc())


def _revision(row: Row[Any]) -> Revision:
    return Revision(row.name, row.number, row.text, row.sha256, row.author, row.at)
