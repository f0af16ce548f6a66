"""News of orders for other systems: each change of one goes to the webhooks of channels that may know.

It says how the order stands, not what it says nor for whom it was given: who wants more asks the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.channels import ChannelRight
from ivr.cases.meeting_orders import is_late, state_of
from ivr.store.tables import cases, channels, meeting_orders, meeting_requests

EVENT = "meeting_order"
NewsByOrder = Mapping[str, Sequence[Mapping[str, Any]]]


async def of(connection: AsyncConnection, codes: Sequence[str], today: date) -> NewsByOrder:
    """By the code of the case that carries an order: what each webhook gets, with its address as `to`."""
    its = (channels.c.webhook != "", channels.c.revoked_at.is_(None))
    query = select(channels).where(*its, channels.c.rights.contains([ChannelRight.ORDERS]))
    told = (await connection.execute(query)).all()
    if not told or not codes:
        return {}
    whole = cases.alias("whole")
    orders = select(cases, *(meeting_orders.c[n] for n in ("due_on", "first_due_on", "said", "said_at")))
    orders = orders.add_columns(meeting_requests.c.about, whole.c.accused.label("accuses"))
    orders = orders.add_columns(whole.c.confidential.label("sealed"))
    orders = orders.join(meeting_orders, meeting_orders.c.case_id == cases.c.id)
    orders = orders.join(whole, whole.c.id == meeting_orders.c.of_case)
    orders = orders.outerjoin(meeting_requests, meeting_requests.c.case_id == whole.c.id)
    rows = (await connection.execute(orders.where(cases.c.code.in_(codes)))).all()
    return {
        row.code: [
            {"to": channel.webhook, **_news(row, today)} for channel in told if _may_know(channel, row)
        ]
        for row in rows
    }


def _may_know(channel: Row[Any], row: Row[Any]) -> bool:
    """As `ivr.desk.meetings.order_reading` has it for who asks, in SQL for its pages."""
    kept_from = {*filter(None, (row.about, row.accuses))}
    if channel.agency:
        return channel.agency == row.agency and channel.agency not in kept_from
    return ChannelRight.NAMES in channel.rights or not (kept_from or row.sealed)


def _news(row: Row[Any], today: date) -> dict[str, Any]:
    order: dict[str, Any] = {"code": row.code, "agency": row.agency, "state": str(state_of(row))}
    order |= {"late": is_late(row, today), "said": row.said, "level": row.level}
    order |= {"due_on": row.due_on.isoformat(), "first_due_on": row.first_due_on.isoformat()}
    return {"case": row.code, "event": EVENT, "order": order}
