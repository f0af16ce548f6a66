"""Menu revisions: publish one, see which is on the air, follow changes. Rows are only ever added."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.listening import listen
from ivr.store.tables import menu_revisions

CHANNEL = "ivr_menu"


@dataclass(frozen=True, slots=True)
class Revision:
    """One published text of a menu. `number` counts from 1 for each name; calls record it."""

    name: str
    number: int
    text: str
    sha256: str
    author: str
    at: datetime


async def publish(engine: AsyncEngine, name: str, text: str, author: str) -> Revision:
    """Store an already checked text as the newest revision and tell every worker.

    The text that is on the air already is not stored again: its revision is returned.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    async with engine.begin() as connection:
        # One publisher at a time for each name, so that numbers have no gaps and "newest" has one meaning.
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("menu:" + name))))
        newest = (await connection.execute(_newest(name).limit(1))).first()
        if newest is not None and newest.sha256 == sha256:
            return _revision(newest)
        row = {
            "name": name,
            "number": newest.number + 1 if newest else 1,
            "text": text,
            "sha256": sha256,
            "author": author,
            "at": func.now(),
        }
        stored = await connection.execute(insert(menu_revisions).values(row).returning(menu_revisions))
        await connection.execute(select(func.pg_notify(CHANNEL, name)))
        return _revision(stored.one())


async def current(engine: AsyncEngine, name: str) -> Revision | None:
    """The revision on the air, or None when nothing was ever published."""
    async with engine.connect() as connection:
        row = (await connection.execute(_newest(name).limit(1))).first()
    return None if row is None else _revision(row)


async def history(engine: AsyncEngine, name: str) -> list[Revision]:
    """All revisions, newest first."""
    async with engine.connect() as connection:
        return [_revision(row) for row in await connection.execute(_newest(name))]


async def watch(engine: AsyncEngine, name: str, callback: Callable[[Revision], Awaitable[None]]) -> None:
    """For ever: call back with the revision on the air, once at first and then whenever it is another.

    Survives the loss of the database; what was published meanwhile is seen on return.
    """
    last = 0

    async def reread() -> None:
        nonlocal last
        revision = await current(engine, name)
        if revision is not None and revision.number != last:
            last = revision.number
            await callback(revision)

    await listen(engine.url.render_as_string(hide_password=False), CHANNEL, reread)


def _newest(name: str) -> Select[Any]:
    query = select(menu_revisions).where(menu_revisions.c.name == name)
    return query.order_by(menu_revisions.c.number.desc())


def _revision(row: Row[Any]) -> Revision:
    return Revision(row.name, row.number, row.text, row.sha256, row.author, row.at)
