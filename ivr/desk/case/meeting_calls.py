"""What a citizen is to be told about her meeting by telephone: one call at a time, the newest counts.

The call goes the way of all call-backs (`ivr.desk.call.callbacks`): quiet hours, attempts, a number that was
given is asked for first.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.meetings import MeetingWay, Official
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import MEETING
from ivr.store.tables import callbacks
from ivr.voice.invitation import MeetingNews

INVITED, WAITING, OFF = "invited", "waiting", "off"


async def plan(connection: AsyncConnection, case: Any, notice: Mapping[str, Any], now: datetime) -> None:
    """Have her called with this news, and with none before it that has not reached her."""
    await cancel(connection, case.id, now)
    key = f"meeting:{case.id}:{uuid.uuid4()}"
    await callback_planning.plan_news(connection, case, key, now, dict(notice))


async def cancel(connection: AsyncConnection, case: uuid.UUID, now: datetime) -> None:
    """It is not so any more."""
    its = (callbacks.c.case_id == case, callbacks.c.purpose == MEETING, callbacks.c.state == "waiting")
    await connection.execute(update(callbacks).where(*its).values(state="cancelled", ended_at=now))


async def was_invited(connection: AsyncConnection, case: uuid.UUID, session: int) -> bool:
    """Whether she may have heard of her slot there: she was rung about it."""
    its = (callbacks.c.case_id == case, callbacks.c.purpose == MEETING, callbacks.c.attempts > 0)
    there = callbacks.c.notice["session"].as_integer() == session
    return (await connection.execute(select(callbacks.c.id).where(*its, there).limit(1))).first() is not None


def still_true(notice: Mapping[str, Any], now: datetime) -> bool:
    """Not once the slot has begun."""
    return "starts_at" not in notice or datetime.fromisoformat(notice["starts_at"]) > now


def news_of(notice: Mapping[str, Any]) -> MeetingNews:
    """As it is told; `starts_at` is kept in the province's zone."""
    starts_at = notice.get("starts_at")
    return MeetingNews(
        notice["what"],
        date.fromisoformat(notice["again_on"]),
        Official(notice.get("official", Official.GOVERNOR)),
        MeetingWay(notice.get("way", MeetingWay.IN_PERSON)),
        datetime.fromisoformat(starts_at) if starts_at else None,
        notice.get("place", ""),
    )
