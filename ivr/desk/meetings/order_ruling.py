"""An order once it is given: taken up or objected to on the spot, upheld or withdrawn by the office.

A body that is not there does the same with the case that carries the order: it accepts, or returns it with
the reason why it is not lawful.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import Status
from ivr.cases.transitions import Side
from ivr.desk.book.book import Page
from ivr.desk.case import closing, referring
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.refusals import Refused
from ivr.store.tables import meeting_orders, referrals


async def accept_here(books: Books, page: Page, ask: Instruction) -> None:
    """The head takes it up as it is given. `ask.code`: the order's. Raises Refused as a case's acceptance."""
    async with transaction(books) as connection:
        await _order(connection, ask)
        await referring.accept(connection, page, ask)


async def object_here(books: Books, page: Page, ask: Instruction) -> None:
    """The head says, with the reason, that it is not lawful: it lies with the office, which rules."""
    async with transaction(books) as connection:
        await _order(connection, ask)
        await referring.give_back(connection, page, ask)


async def uphold(books: Books, page: Page, ask: Instruction) -> None:
    """It stands: back to the body that objected, with its day. A second objection is met by a ruling.

    Raises Refused where nobody objected, and without a reason.
    """
    if not ask.reason.strip():
        raise Refused("an order is upheld with a reason")
    async with transaction(books) as connection:
        await send_back(connection, page, ask, await _order(connection, ask))


async def send_back(connection: AsyncConnection, page: Page, ask: Instruction, case: Row[Any]) -> None:
    """To the body that returned it last. Raises Refused where none did."""
    returned = (referrals.c.case_id == case.id, referrals.c.ended_reason == "returned")
    query = select(referrals.c.agency).where(*returned).order_by(referrals.c.ended_at.desc())
    bodies = (await connection.execute(query)).scalars().all()
    if not bodies or case.agency != page.rules.desk:
        raise Refused(f"nobody objects to order {ask.code}")
    again = len(bodies) >= referring.FORCED_AT
    await (referring.rule if again else referring.refer)(connection, page, ask, bodies[0])


async def revoke(books: Books, page: Page, ask: Instruction, owed: Collection[Status] = ()) -> None:
    """It is withdrawn, with the reason; nobody owes it any more. `owed`: from these alone, if any."""
    async with transaction(books) as connection:
        now = (await _order(connection, ask)).status
        if owed and now not in owed:  # of a case, the table permits to withdraw what is reported, too
            can = ", ".join(sorted(owed))
            raise Refused(f"case {ask.code} is {now} and can't be withdrawn: that is possible from {can}")
        await closing.withdraw(connection, page, ask)


async def _order(connection: AsyncConnection, ask: Instruction) -> Row[Any]:
    """The case that carries it. Raises NoSuchCase, or Refused for one that carries none, and by others."""
    if ask.actor.side is not Side.DESK:
        raise Refused("only the office rules on orders")
    part = await locked(connection, ask.code)
    query = select(meeting_orders.c.case_id).where(meeting_orders.c.case_id == part.id)
    if (await connection.execute(query)).first() is None:
        raise Refused(f"case {ask.code} is no order")
    return part
