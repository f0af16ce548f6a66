"""What the governor's office does with any open case outside sessions: remind, and ask for a report.

Neither moves the case's clock or body. Orders: `order_giving`; handing back: `order_checking`.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid5

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.meetings import check_next_on
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case.change import Books, Instruction, unchanged
from ivr.desk.case.event_log import add_event
from ivr.desk.case.owed_reports import ASKED, tell
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.meetings.request_deciding import today
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import case_reports, cases

REMINDED, REPORTED = "office_reminded", "report_given"  # events


async def remind(books: Books, page: Page, ask: Instruction) -> None:
    """The body that has the case is told, with the reason, that the office waits for it.

    Raises NoSuchCase; Refused for a case that has ended, or is with the desk; by others; WrongField without
    a reason.
    """
    async with transaction(books) as connection:
        case = await _open(connection, page, ask)
        told = {"reason": ask.reason.strip()}
        await tell(connection, case, REMINDED, ask.cause, ask.now, ask.actor.name, told)


async def ask_report(books: Books, page: Page, ask: Instruction, due_on: date) -> None:
    """The body owes the office a report by that day. Raises as `remind`; Refused while one is owed."""
    async with transaction(books) as connection:
        case = await _open(connection, page, ask)
        try:
            check_next_on(today(page, ask.now), due_on)
        except Refused as refusal:
            raise WrongField("due_on", str(refusal)) from None
        if (owed := await owed_of(connection, case.id)) is not None:
            raise Refused(f"a report on case {ask.code} is owed already, until {owed.due_on}")
        row = {"id": uuid5(ask.cause, ASKED), "case_id": case.id, "due_on": due_on}
        row |= {"asked_by": ask.actor.name, "asked_at": ask.now}
        await connection.execute(case_reports.insert().values(row))
        told = {"reason": ask.reason.strip(), "due_on": due_on.isoformat()}
        await tell(connection, case, ASKED, ask.cause, ask.now, ask.actor.name, told)


async def give_report(books: Books, page: Page, ask: Instruction) -> None:
    """The body reports: the reason is the report. Refused where none is owed, and by other bodies."""
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        unchanged(case, ask)
        if ask.actor.side is Side.AGENCY and ask.actor.agency != case.agency:
            raise Refused(f"case {ask.code} is with {case.agency}, so {ask.actor.agency} can't report on it")
        if not ask.reason.strip():
            raise WrongField("reason", "a report needs words")
        if (owed := await owed_of(connection, case.id)) is None:
            raise Refused(f"no report on case {ask.code} is owed")
        given = update(case_reports).where(case_reports.c.id == owed.id)
        await connection.execute(given.values(given_by=ask.actor.name, given_at=ask.now))
        words = {"text": ask.reason.strip(), "agency": case.agency}
        await add_event(connection, ask.cause, case.id, ask.now, REPORTED, words, actor=ask.actor.name)


async def owed_of(connection: AsyncConnection, case: Any) -> Row[Any] | None:
    """The report that is owed on that case."""
    its = (case_reports.c.case_id == case, case_reports.c.given_at.is_(None))
    return (await connection.execute(select(case_reports).where(*its))).first()


async def owed(connection: AsyncConnection, scope: Scope) -> list[Row[Any]]:
    """Reports that are owed on open cases, the first due in front; with the case's code and body."""
    query = select(case_reports, cases.c.code, cases.c.agency)
    query = query.join(cases, cases.c.id == case_reports.c.case_id)
    query = query.where(case_reports.c.given_at.is_(None), cases.c.closed_at.is_(None), scope.cases())
    return list((await connection.execute(query.order_by(case_reports.c.due_on, cases.c.code))).all())


async def _open(connection: AsyncConnection, page: Page, ask: Instruction) -> Row[Any]:
    if ask.actor.side is not Side.DESK:
        raise Refused("only the governor's office does that")
    case = await locked(connection, ask.code)
    unchanged(case, ask)
    if Status(case.status) not in OPEN:
        raise Refused(f"case {ask.code} has ended: nobody works on it any more")
    if case.agency == page.rules.desk:
        raise Refused(f"case {ask.code} is at the desk: no body has it")
    if not ask.reason.strip():
        raise WrongField("reason", "must be given")
    return case
