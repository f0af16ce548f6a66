"""Announcements: what callers are told for a while, at slots of the menu trees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book import menus
from ivr.desk.people import auditing
from ivr.desk.refusals import Refused, WrongField
from ivr.store.listening import listen
from ivr.store.named_lock import alone
from ivr.store.tables import announcements
from ivr.voice import script
from ivr.voice.announcements import LONGEST_TEXT, Announcement
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse

CHANNEL = "ivr_announcements"
LONGEST = timedelta(days=14)


class AnnouncementChanged(Refused):
    """A slot says something else than the asker saw."""


async def announce(
    engine: AsyncEngine,
    slot: str,
    words: Mapping[str, str],
    until: datetime,
    author: str,
    now: datetime,
    person: UUID | None = None,
    address: str = "",
    seen: int | None = None,
) -> Announcement:
    """Switch it on, in place of what the slot says now. `words`: language → text.

    `seen`: the number of what it said as the asker saw it, 0 = nothing; None: who does not look.
    Raises WrongField; AnnouncementChanged where it says something that was not seen.
    """
    said = {language: text.strip() for language, text in words.items() if text.strip()}
    _refuse(said, until, now)
    if slot not in await slots(engine):
        raise WrongField("slot", "no live menu tree has that slot")
    async with engine.begin() as connection:
        await _alone(connection, slot, now, seen)
        number = await _put(connection, slot, said, until, author, now)
        await auditing.note(
            connection, now, "announced", person=person, subject=f"announcement/{slot}", address=address,
            detail={"words": said, "until": until.isoformat(), "author": author},
        )  # fmt: skip
    return Announcement(slot, said, until, author, number)


async def silence(
    engine: AsyncEngine,
    slot: str,
    author: str,
    now: datetime,
    person: UUID | None = None,
    address: str = "",
    seen: int | None = None,
) -> None:
    """Switch it off before its end. Raises WrongField for a slot that nobody has; `seen` as of `announce`."""
    if slot not in await slots(engine) and slot not in await current(engine, now):
        raise WrongField("slot", "no live menu tree has that slot")
    async with engine.begin() as connection:
        await _alone(connection, slot, now, seen)
        await _put(connection, slot, {}, now, author, now)
        await auditing.note(
            connection, now, "announcement_ended", person=person, subject=f"announcement/{slot}",
            address=address, detail={"author": author},
        )  # fmt: skip


async def current(engine: AsyncEngine, now: datetime) -> dict[str, Announcement]:
    """What is switched on, by slot."""
    async with engine.connect() as connection:
        return await _current(connection, now)


async def _current(connection: AsyncConnection, now: datetime) -> dict[str, Announcement]:
    each = announcements.c
    last = select(func.max(each.id)).group_by(each.slot).scalar_subquery()
    query = select(announcements).where(each.id.in_(last), each.until > now)
    rows = (await connection.execute(query)).all()
    return {
        row.slot: Announcement(row.slot, row.words, row.until, row.author, row.id)
        for row in rows
        if row.words
    }


async def _alone(connection: AsyncConnection, slot: str, now: datetime, seen: int | None) -> None:
    """One at a time for each slot, until the transaction's end. Raises AnnouncementChanged."""
    await alone(connection, "announcement:" + slot)
    live = (await _current(connection, now)).get(slot)
    if seen is not None and live is not None and live.number != seen:
        raise AnnouncementChanged(f"what {slot} says has changed since you looked")


async def slots(engine: AsyncEngine) -> list[str]:
    """Those of all trees on the air, in the trees' order. They are read in a thread."""
    texts = [now.text for name in await menus.names(engine) if (now := await menus.current(engine, name))]
    return await asyncio.to_thread(_slots, texts)


def _slots(texts: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for text in texts:
        with suppress(MenuMistakes):  # of an older or newer release: no call goes through it here
            steps = parse(text.encode(), "").steps.values()
            found |= dict.fromkeys(slot for step in steps for slot in step.announces())
    return list(found)


async def watch(engine: AsyncEngine, reread: Callable[[], Awaitable[None]]) -> None:
    """For ever: call back once at first and whenever something was switched on or off."""
    await listen(engine.url.render_as_string(hide_password=False), CHANNEL, reread)


def _refuse(words: Mapping[str, str], until: datetime, now: datetime) -> None:
    if not words:
        raise WrongField("words", "an announcement says something")
    for language, text in words.items():
        if len(text) > LONGEST_TEXT:
            raise WrongField(f"words.{language}", f"at most {LONGEST_TEXT} characters")
        if not script.is_readable(text):
            raise WrongField(f"words.{language}", "holds what no voice can read")
    if not now < until <= now + LONGEST:
        raise WrongField("until", f"an end in the future, within {LONGEST.days} days")


async def _put(
    connection: AsyncConnection, slot: str, words: Mapping[str, str], until: datetime, author: str,
    now: datetime,
) -> int:  # fmt: skip
    row = {"slot": slot, "words": dict(words), "until": until, "author": author, "at": now}
    put = announcements.insert().values(row).returning(announcements.c.id)
    number = (await connection.execute(put)).scalar_one()
    await connection.execute(select(func.pg_notify(CHANNEL, slot)))
    return int(number)
