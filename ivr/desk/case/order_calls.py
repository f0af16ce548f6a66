"""On the day an order falls due the citizen is called and asked whether it is done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import Status
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import OPEN, ORDER
from ivr.store.tables import callbacks
from ivr.voice.order_call import OrderNews

AT = time(12)  # of that day, in the province; quiet hours and days off may put it off


async def plan(
    connection: AsyncConnection, whole: Any, part: Any, due_on: date, now: datetime, zone: ZoneInfo
) -> None:
    """`whole`: her case, `part`: the order's. Another day takes the place of an earlier one."""
    its = (callbacks.c.case_id == whole.id, callbacks.c.purpose == ORDER, callbacks.c.state.in_(OPEN))
    this = callbacks.c.notice["order"].as_string() == part.code
    await connection.execute(update(callbacks).where(*its, this).values(state="cancelled", ended_at=now))
    notice = {"order": part.code, "agency": part.agency, "words": part.words}
    key, at = f"order:{part.id}:{uuid.uuid4()}", datetime.combine(due_on, AT, zone)
    await callback_planning.plan_news(connection, whole, key, now, notice, ORDER, at)


def still_wanted(whole: Any) -> bool:
    """Not once all bodies have reported: then she is called with their answers."""
    return whole.closed_at is None and whole.status != Status.ANSWERED


def news_of(notice: Mapping[str, Any]) -> OrderNews:
    return OrderNews(notice["agency"], notice["words"], notice["order"])
