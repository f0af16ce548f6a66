"""Places in the operators' queue that callers keep without waiting on the line: kept, found, given up.

A place hangs on a case, so that her words stay with somebody whatever becomes of the call.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.deadlines import Calendar
from ivr.cases.turns import Hours, TurnPlace, read_hours, still_holds
from ivr.desk.case.callback_planning import OPEN, TURN, plan_turn
from ivr.store.tables import callbacks, cases
from ivr.voice.turn_call import TurnNews


async def keep(
    connection: AsyncConnection,
    code: str,
    number: str,
    language: str,
    key: str,
    queue: str,
    since: datetime,
    hours: str,
    now: datetime,
) -> bool:
    """Her call is the proof that the number called. False: no such case.

    Whoever waits to be rung for that queue keeps her place, and is rung as she asked last: in that language,
    within those hours, as often as anybody; for another queue she has another one. Who is rung or talks may
    be somebody else on a shared line: the place that is kept now is not that one.
    """
    case = (await connection.execute(select(cases).where(cases.c.code == code))).first()
    if case is None:
        return False
    its = callbacks.c
    spoken = language or case.language
    hers = (its.purpose == TURN, its.number == number, its.state == "waiting")
    same = its.notice["queue"].as_string() == queue
    asked: dict[str, Any] = {"language": spoken, "notice": its.notice.concat({"hours": hours})}
    asked |= {"created_at": now, "next_at": func.least(its.next_at, now), "attempts": 0}
    asked |= dict.fromkeys(("first_at", "last_at", "last_outcome"))
    kept = update(callbacks).where(*hers, same).values(asked).returning(its.id)
    if (await connection.execute(kept)).first() is None:
        notice = {"queue": queue, "since": since.isoformat(), "hours": hours}
        await plan_turn(connection, case, key, now, number, spoken, notice)
    return True


async def kept(engine: AsyncEngine) -> Sequence[Row[Any]]:
    """Every place that is open and can be read, the first first."""
    return (await kept_and_odd(engine))[0]


async def kept_and_odd(engine: AsyncEngine) -> tuple[Sequence[Row[Any]], frozenset[uuid.UUID]]:
    """The same, and those of which nobody can read where she stands."""
    its = cases.c.id == callbacks.c.case_id
    query = select(callbacks, cases.c.code, cases.c.confidential).join(cases, its)
    query = query.where(callbacks.c.purpose == TURN, callbacks.c.state.in_(OPEN))
    async with engine.connect() as connection:
        found = (await connection.execute(query)).all()
    odd = frozenset(row.id for row in found if not _is_readable(row.notice))
    places = [row for row in found if row.id not in odd]
    return sorted(places, key=lambda row: (since_of(row.notice), row.id)), odd


def _is_readable(notice: Any) -> bool:
    try:
        news_of(notice)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def news_of(notice: dict[str, Any]) -> TurnNews:
    """As it is told. Raises KeyError, TypeError or ValueError for what this release can't read."""
    queue = notice["queue"]
    if not isinstance(queue, str) or not queue.isprintable():
        raise ValueError(f"{queue!r} is no name of a queue")
    since_of(notice)
    hours_of(notice)
    return TurnNews(queue)


def place_of(row: Row[Any], now: datetime) -> TurnPlace:
    """As `ivr.cases.turns` wants it. `now`: the zoned time of the province.

    Out of hours a telephone on an empty desk may say that it is free.
    """
    rung, hours = row.state == "calling", hours_of(row.notice)
    later = row.next_at > now or (hours is not None and not hours.hold(now))
    return TurnPlace(uuid.UUID(str(row.id)), since_of(row.notice), rung, not rung and later)


def still_kept(rows: Iterable[Row[Any]], calendar: Calendar, now: datetime) -> frozenset[uuid.UUID]:
    """Of places that can be read those which no day of their hours has gone by. `now`: as for `place_of`."""
    return frozenset(
        row.id for row in rows if still_holds(row.created_at, now, hours_of(row.notice), calendar)
    )


def hours_of(notice: dict[str, Any]) -> Hours | None:
    """In which operators serve there; None: always, as far as is known."""
    hours = notice.get("hours", "")
    if not isinstance(hours, str):
        raise ValueError(f"{hours!r} are no hours")
    return read_hours(hours)


def since_of(notice: dict[str, Any]) -> datetime:
    since = datetime.fromisoformat(notice["since"])
    if since.tzinfo is None:
        raise ValueError(f"{since} is in no zone")
    return since
