"""Hours in which an official takes calls of the hotline himself: announced, read, closed.

Such an hour is a session by telephone without planned slots; each call that he takes becomes a slot of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.live_hour import USUAL_ROOM, check
from ivr.cases.meetings import FARTHEST, MeetingWay, Official, SessionState
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.transaction import transaction
from ivr.desk.meetings.session_planning import alone, end_calls, note, refuse_day_off, refuse_twice, tell
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import live_hours, meeting_sessions

HOTLINE = "111"


@dataclass(frozen=True, slots=True)
class WantedHour:
    """An hour as somebody announces it. `extensions`: names of `meetings.extensions`, which ring together."""

    official: Official
    agency: str
    starts_at: datetime
    ends_at: datetime
    extensions: tuple[str, ...]
    room: int = USUAL_ROOM
    even_off: bool = False


async def announce(
    books: Books,
    page: Page,
    by: Actor,
    wanted: WantedHour,
    allowed: Collection[str],
    now: datetime,
    person: uuid.UUID | None = None,
) -> int:
    """The number of its session. `allowed`: the extensions that may ring at all.

    Raises WrongField; Refused on a day off, when the official sits elsewhere then, and by others.
    """
    if by.side is not Side.DESK:
        raise Refused("only the office plans sessions")
    if wanted.agency not in page.rules.agencies:
        raise WrongField("agency", f"there is no agency {wanted.agency[:40]}")
    if wanted.ends_at <= now:
        raise WrongField("ends", "the hour would be over already")
    if wanted.starts_at > now + FARTHEST:
        raise WrongField("on", f"an hour is announced at most {FARTHEST.days} days before")
    if not wanted.extensions or set(wanted.extensions) - set(allowed):
        raise WrongField("extensions", "only an extension of the list may ring")
    check(wanted.starts_at, wanted.ends_at, wanted.room)
    refuse_day_off(page, wanted.starts_at, wanted.even_off)
    async with transaction(books) as connection:
        await alone(connection)
        await refuse_twice(connection, wanted, wanted.starts_at, wanted.ends_at)
        row = {"official": wanted.official, "agency": wanted.agency, "starts_at": wanted.starts_at}
        row |= {"ends_at": wanted.ends_at, "way": MeetingWay.PHONE, "link": HOTLINE}
        row |= {"state": SessionState.PLANNED, "made_by": by.name, "made_at": now}
        done = meeting_sessions.insert().values(row).returning(meeting_sessions.c.number)
        number = int((await connection.execute(done)).scalar_one())
        own = {"session": number, "extensions": list(wanted.extensions), "room": wanted.room}
        await connection.execute(live_hours.insert().values(own))
        await tell(connection)
        await note(connection, now, "hour_announced", number, person, extensions=list(wanted.extensions))
    return number


async def close(books: Books, ask: Instruction, number: int, person: uuid.UUID | None = None) -> None:
    """Nobody else is taken; who waits is told so. One that has not begun does not take place.

    Raises Refused for one that is not open or still to come, and by others.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office runs a session")
    async with transaction(books) as connection:
        await alone(connection)
        row = await hour(connection, number)
        if row is None or not is_ahead(row, ask.now):
            raise Refused(f"hour {number} is over")
        await end_calls(connection, number, ask)
        if row.starts_at > ask.now:
            its: dict[str, Any] = {"state": SessionState.CANCELLED, "reason": ask.reason.strip()}
        else:
            its = {"ends_at": ask.now}
        await connection.execute(
            update(meeting_sessions).where(meeting_sessions.c.number == number).values(its)
        )
        await tell(connection)
        await note(connection, ask.now, "hour_closed", number, person, ask.reason.strip())


async def hours(connection: AsyncConnection, since: datetime) -> list[Row[Any]]:
    """Those that end later than that, the first in front."""
    query = _hours().where(meeting_sessions.c.ends_at > since)
    return list((await connection.execute(query.order_by(meeting_sessions.c.starts_at))).all())


async def hour(connection: AsyncConnection, number: int) -> Row[Any] | None:
    query = _hours().where(live_hours.c.session == min(number, 2**31 - 1))
    found: Row[Any] | None = (await connection.execute(query)).first()
    return found


def is_ahead(hour: Row[Any], now: datetime) -> bool:
    """Whether it is open, or still to come."""
    return hour.state == SessionState.PLANNED and hour.closed_at is None and bool(hour.ends_at > now)


def is_open(hour: Row[Any], now: datetime) -> bool:
    """Whether calls are taken now."""
    return is_ahead(hour, now) and bool(hour.starts_at <= now)


def _hours() -> Select[Any]:
    its = meeting_sessions.c
    query = select(live_hours, its.number, its.official, its.agency, its.starts_at, its.ends_at, its.state)
    return query.join(meeting_sessions, its.number == live_hours.c.session)
