"""News of orders for other systems: each change of one goes to the webhooks of channels that may know.

It says how the order stands, not what it says nor for whom it was given: who wants more asks the API.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.channels import ChannelRight
from ivr.cases.meeting_orders import is_late, state_of
from ivr.desk.case.order_calls import ORDERED_OF
from ivr.desk.letters.still_so import HAD_BY, NAMELESS
from ivr.store.tables import cases, channels, meeting_orders, meeting_requests

EVENT = "meeting_order"
ENDS = frozenset({"case_closed", "case_withdrawn"})  # of her case, which ends its orders with it
NewsByCase = Mapping[str, Sequence[Mapping[str, Any]]]


async def of(
    connection: AsyncConnection, codes: Sequence[str], ended: Sequence[str], today: date
) -> NewsByCase:
    """What each webhook gets, with its address as `to`, by the code of the case that carries the order.

    `ended`: those of `codes` that are over. By these stands what became of the orders that ended with them.
    """
    its = (channels.c.webhook != "", channels.c.revoked_at.is_(None))
    query = select(channels).where(*its, channels.c.rights.contains([ChannelRight.ORDERS]))
    # One address is told once: for who sees all, and most of it, where it is theirs too.
    most_first = (channels.c.agency.is_not(None), ~channels.c.rights.contains([ChannelRight.NAMES]))
    told = (await connection.execute(query.order_by(*most_first))).all()
    if not told or not codes:
        return {}
    # Before it is read how they stand: what says the newest has the latest time, for what changed since gets
    # news of its own. And the books' clock, so that no server's that goes wrong makes an older one count.
    at = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    whole, known = cases.alias("whole"), cases.alias("known")
    ids = select(known.c.id).where(known.c.code.in_(codes))
    orders = select(cases, *(meeting_orders.c[n] for n in ("due_on", "first_due_on", "said", "said_at")))
    orders = orders.add_columns(ORDERED_OF, meeting_requests.c.about, whole.c.accused.label("accuses"))
    sealed = func.coalesce(whole.c.confidential, cases.c.confidential)
    orders = orders.add_columns(sealed.label("sealed"), whole.c.code.label("whole"))
    orders = orders.add_columns(whole.c.closed_at.label("whole_ended_at"))
    orders = orders.add_columns(whole.c.closure.label("whole_closure"))
    orders = orders.join(meeting_orders, meeting_orders.c.case_id == cases.c.id)
    orders = orders.join(whole, whole.c.id == meeting_orders.c.of_case)
    orders = orders.outerjoin(meeting_requests, meeting_requests.c.case_id == whole.c.id)
    its_or_hers = or_(meeting_orders.c.case_id.in_(ids), meeting_orders.c.of_case.in_(ids))
    found = defaultdict[str, list[Mapping[str, Any]]](list)
    for row in await connection.execute(orders.where(its_or_hers)):
        knowing = [channel for channel in told if _may_know(channel, row)]
        stands = {**_news(row, today), "at": at.isoformat()}
        news = [{"to": channel.webhook, **_theirs(channel), **stands} for channel in knowing]
        found[row.code] += news
        if row.whole in ended and row.closed_at and row.closed_at == row.whole_ended_at:
            found[row.whole] += news
    return found


def _may_know(channel: Row[Any], row: Row[Any]) -> bool:
    """As `ivr.desk.meetings.order_reading` has it for who asks, in SQL for its pages."""
    kept_from = {*filter(None, (row.about, row.accuses))}
    if channel.agency:
        return channel.agency == row.agency and channel.agency not in kept_from
    return ChannelRight.NAMES in channel.rights or not (kept_from or row.sealed)


def _theirs(channel: Row[Any]) -> dict[str, str]:
    """So that news that is late is not sent to a body from which the order was taken, nor of what became
    confidential, or is about a head since, to who may know of no such thing."""
    if channel.agency:
        return {HAD_BY: channel.agency}
    return {} if ChannelRight.NAMES in channel.rights else {NAMELESS: EVENT}


def _news(row: Row[Any], today: date) -> dict[str, Any]:
    order: dict[str, Any] = {"code": row.code, "agency": row.ordered_of, "state": str(state_of(row))}
    order |= {"late": is_late(row, today), "said": row.said, "level": row.level}
    order |= {"due_on": row.due_on.isoformat(), "first_due_on": row.first_due_on.isoformat()}
    return {"case": row.code, "event": EVENT, "order": order}
