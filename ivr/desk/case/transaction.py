"""The transaction around a change: the cases it needs are locked, and their family follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import Status
from ivr.cases.transitions import CaseAction, decide
from ivr.desk.book.book import Page
from ivr.desk.case import family
from ivr.desk.case.change import Books, Change, Instruction, unchanged
from ivr.desk.refusals import NoSuchCase
from ivr.store.tables import cases


@asynccontextmanager
async def changing(
    books: Books, page: Page, action: CaseAction, ask: Instruction, *others: str
) -> AsyncIterator[Change]:
    """One transaction around one action; on a connection it is part of the transaction that runs there.

    Raises NoSuchCase, or Refused with the sentence why not.

    `others`: cases that are locked too, all in one order, so that two changes can't block each other.
    """
    async with transaction(books) as connection:
        held = await _held(connection, {ask.code, *others})
        case = held[ask.code]
        unchanged(case, ask)
        status = decide(ask.code, Status(case.status), case.agency, action, ask.actor, ask.reason)
        change = Change(connection, page, case, action, ask, status)
        await family.may(change)
        yield change
        await change.save()
        await family.follow(change)


@asynccontextmanager
async def transaction(books: Books) -> AsyncIterator[AsyncConnection]:
    """A new transaction, or the one that runs on that connection."""
    if isinstance(books, AsyncConnection):
        yield books
        return
    async with books.begin() as connection:
        yield connection


async def _held(connection: AsyncConnection, codes: set[str]) -> dict[str, Row[Any]]:
    """They and the wholes of those that are parts, locked; a whole before its part, whoever comes.

    Never FOR UPDATE: a member that is changed twice in one transaction asks for a KEY SHARE of its collective
    case, whose change waits for the member.
    """
    query = select(cases.c.id, cases.c.code, cases.c.part_of).where(cases.c.code.in_(codes))
    found = (await connection.execute(query)).all()
    for code in sorted(codes - {row.code for row in found}):
        raise NoSuchCase(f"there is no case {code}")
    ids = {row.id for row in found} | {row.part_of for row in found if row.part_of}
    order = (cases.c.part_of.is_not(None), cases.c.code)
    lock = select(cases).where(cases.c.id.in_(ids)).order_by(*order)
    return {row.code: row for row in await connection.execute(lock.with_for_update(key_share=True))}


async def locked(connection: AsyncConnection, code: str) -> Row[Any]:
    """The case, which nobody else changes until the transaction ends. Raises NoSuchCase."""
    return (await _held(connection, {code}))[code]
