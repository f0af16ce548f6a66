"""What she said on our call on the day an order fell due. What she contradicts is open again."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.callback import ORDER_ANSWERS, Outcome
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case import closing
from ivr.desk.case.callback_planning import ORDER
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import outbox_row
from ivr.desk.case.transaction import locked
from ivr.desk.refusals import Refused
from ivr.store.tables import callback_attempts, callbacks, meeting_orders, outbox

log = logging.getLogger(__name__)

SAID = "order_said"  # the event
NEWS = f"case_{SAID}"  # the message


async def heard(connection: AsyncConnection, page: Page, attempt: uuid.UUID, now: datetime) -> None:
    """Note it, and open a reported order again that is not done. Applying it again changes nothing.

    It counts also where the order was extended while she was on the line, so that she is asked again.
    """
    its = callback_attempts.c
    about: Select[Any] = select(callbacks.c.notice, its.outcome)
    about = about.join(callback_attempts, its.callback_id == callbacks.c.id)
    told = (its.id == attempt, its.outcome.in_(ORDER_ANSWERS), callbacks.c.purpose == ORDER)
    call = (await connection.execute(about.where(*told))).first()
    if call is None:
        return
    part = await locked(connection, call.notice["order"])
    new = (meeting_orders.c.case_id == part.id, meeting_orders.c.said_by.is_distinct_from(attempt))
    said = {"said": call.outcome, "said_at": now, "said_by": attempt}
    if not (await connection.execute(update(meeting_orders).where(*new).values(said))).rowcount:
        return
    cause = uuid.uuid5(attempt, SAID)
    details = {"said": call.outcome}
    await add_event(connection, cause, part.id, now, SAID, details, actor=CITIZEN)
    news = outbox_row(f"{NEWS}:{cause}", NEWS, now, {"case": part.code})
    await connection.execute(insert(outbox).values(news).on_conflict_do_nothing(index_elements=["key"]))
    if call.outcome != Outcome.ORDER_DONE and part.status == Status.ANSWERED:
        ask = Instruction(part.code, Actor(CITIZEN, Side.CITIZEN), now=now, cause=cause)
        try:
            await closing.reopen(connection, page, ask)
        except Refused as refusal:  # the whole has its answer meanwhile: what she said is in the story
            log.warning("what a citizen said of an order opens nothing: %s", refusal)
