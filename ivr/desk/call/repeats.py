"""A caller who calls often: the same matter joins her open case, too many new ones go to the desk first.

Nobody is refused. Whoever shares her telephone and speaks of another matter gets a case of their own.
"""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import LATELY, LATELY_WITHHELD, WITHHELD_TIMES, Page
from ivr.desk.case import closing
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.case.rows import Rows, outbox_row
from ivr.desk.refusals import Refused
from ivr.store.facts import CaseOpenedFact, WordsKeptFact
from ivr.store.tables import cases, outbox

log = logging.getLogger(__name__)

NOTICE = "case_repeated"


async def too_many(raw: Any, page: Page, fact: CaseOpenedFact, rows: Rows) -> bool:
    """Whether this caller opened too many cases lately to send one on unread; `rows`: those of this batch.

    Withheld numbers share one allowance; it is larger, so that one of them can't take it from the rest.
    """
    caller, at = phone.key(fact.call.caller, page.area_code), fact.at
    limits = page.limits
    if not (limits.cases_per_hour or limits.cases_per_day):
        return False
    hour, day = at - timedelta(hours=1), at - timedelta(days=1)
    times = 1 if caller else WITHHELD_TIMES
    question = LATELY if caller else LATELY_WITHHELD
    most = times * max(limits.cases_per_hour, limits.cases_per_day)
    found = await question.first(raw, caller=caller, at=at, hour=hour, day=day, most=most)
    beside = sum(row["caller_key"] == caller for row in rows.cases)
    return any(
        0 < limit * times <= found[name] + beside
        for name, limit in (("hour", limits.cases_per_hour), ("day", limits.cases_per_day))
    )


async def said_again(connection: AsyncConnection, page: Page, fact: WordsKeptFact, case: uuid.UUID) -> None:
    """Words of a later call are in her case now: who has it is told. A case that ended meanwhile goes on."""
    row = (await connection.execute(select(cases).where(cases.c.id == case))).one()
    at, cause = fact.at, fact.id
    if row.closed_at is not None or row.stopped_at is not None:
        ask = Instruction(row.code, Actor(CITIZEN, Side.CITIZEN), now=at, cause=uuid.uuid5(cause, "again"))
        try:
            await closing.reopen(connection, page, ask)
        except Refused as refusal:
            log.warning("words were added to a case that can't go on, its notice says so: %s", refusal)
    message = outbox_row(f"{NOTICE}:{cause}", NOTICE, at, {"case": row.code, "status": row.status})
    await connection.execute(insert(outbox).values(message).on_conflict_do_nothing())
