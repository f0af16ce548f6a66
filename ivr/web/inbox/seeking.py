"""What is looked for: a queue's page, or what was typed, as far as this person may search."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.people.limiting import TooOften
from ivr.desk.reading import casefile, number_searches, queues, searching
from ivr.desk.reading.inbox import InboxPage, Sight
from ivr.web.inbox.asked import InboxQuery
from ivr.web.panel.locale import digits
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Visit


@dataclass(frozen=True, slots=True)
class Found:
    """`opens`: the code that was typed, of a case that may be seen. `remark`: why there may be less here.

    `gone`: the code is of a case that went on from this agency; its page says no more.
    """

    page: InboxPage = field(default_factory=InboxPage)
    opens: str = ""
    remark: str = ""
    gone: bool = False


async def found(connection: AsyncConnection, visit: Visit, asked: InboxQuery, its: Sight) -> Found:
    """A number is counted before it is looked for, and on record before what was found is shown."""
    if asked.queue is not None:
        return Found(await queues.page(connection, asked.queue, its, visit.now, asked.filters, asked.after))
    if asked.sought.code and (
        rows := (await connection.execute(searching.by_code(asked.sought.code, its))).all()
    ):
        return Found(InboxPage(rows), rows[0].code)
    knows = visit.allowed(P.IDENTITY_REVEAL)
    code = asked.sought.code
    gone = bool(code) and await casefile.sent_on(visit.panel.engine, visit.scope, code)
    typed = replace(asked.sought, caller="") if gone else asked.sought
    sought = number_searches.permitted(replace(typed, code=""), knows)
    remark = visit.words("inbox.number.part") if typed.caller and not sought.caller else ""
    try:
        new = bool(sought.caller) and await number_searches.count(
            visit.panel.engine, visit.person, sought.caller, knows, visit.now
        )
    except TooOften as refusal:
        at = refusal.until.astimezone(ZoneInfo(visit.panel.book.timezone))
        return Found(remark=visit.words("inbox.number.too_often", at=digits(f"{at:%H:%M}")))
    page = await searching.find(connection, sought, its, visit.now, asked.filters, asked.after)
    if new:
        codes = [row.code for row in page.rows]
        who, where = visit.person, visit.came.address
        await number_searches.note(visit.panel.engine, who, sought, codes, visit.now, where)
    return Found(page, remark=remark, gone=gone)
