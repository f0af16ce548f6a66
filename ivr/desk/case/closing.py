"""How a case ends and begins again. One function is one transaction and one event."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import COLLECTIVE
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import REOPEN, Action, Side
from ivr.desk.book.book import Page
from ivr.desk.case.answers import refuse_unreadable
from ivr.desk.case.change import Books, Change, Instruction
from ivr.desk.case.rows import recording_row
from ivr.desk.case.transaction import changing, locked
from ivr.desk.refusals import Refused
from ivr.store.tables import recordings
from ivr.voice.events import Recorded

# What statistics keep apart: who said that an answered case is over.
CLOSURES = {Side.CITIZEN: "solved", Side.MACHINE: "unconfirmed", Side.DESK: "by_desk"}


async def close(books: Books, page: Page, ask: Instruction) -> None:
    """An answered case is over: the citizen says solved, could not be reached, or the desk decides."""
    async with changing(books, page, Action.CLOSE, ask) as change:
        closure = "by_desk" if change.case.channel == COLLECTIVE else CLOSURES[ask.actor.side]
        change.values = {"closed_at": ask.now, "closure": closure}
        change.details["closure"] = closure


async def withdraw(engine: AsyncEngine, page: Page, ask: Instruction) -> None:
    """The citizen takes the case back."""
    async with changing(engine, page, Action.WITHDRAW, ask) as change:
        change.values = {"closed_at": ask.now, "closure": "withdrawn"}


async def advise(engine: AsyncEngine, page: Page, ask: Instruction) -> None:
    """Answered on the spot: the reason is the advice, which she hears when she follows her code up."""
    refuse_unreadable(ask.reason, "reason")
    async with changing(engine, page, Action.ADVISE, ask) as change:
        change.values = {"closed_at": ask.now, "closure": "advised"}
        change.values |= {"answer": ask.reason.strip(), "answer_voice": "", "answered_at": ask.now}


async def merge(engine: AsyncEngine, page: Page, ask: Instruction, into: str) -> None:
    """A duplicate goes on in the case that it repeats. Refused unless caller and topic are the same."""
    if into == ask.code:
        raise Refused(f"case {into} can't be merged into itself")
    async with changing(engine, page, Action.MERGE, ask, into) as change:
        one, other = change.case, await locked(change.connection, into)
        if other.status not in OPEN:
            raise Refused(f"case {into} is {other.status}, so nothing can go on in it")
        if not one.caller_key or one.caller_key != other.caller_key:
            raise Refused(f"cases {ask.code} and {into} are not known to be of the same caller")
        if one.topic != other.topic:
            raise Refused(f"case {ask.code} is about {one.topic}, case {into} about {other.topic}")
        await go_on_in(change, other)


async def go_on_in(change: Change, other: Row[Any]) -> None:
    """A merge's end: this case is over, the other one is told."""
    change.values = {"closed_at": change.ask.now, "closure": "merged", "merged_into": other.id}
    change.values["member_of"] = None
    change.details["into"] = other.code
    await change.tell("duplicate_merged", other, {"duplicate": change.ask.code})


async def reopen(
    books: Books,
    page: Page,
    ask: Instruction,
    within: timedelta = REOPEN,
    words: Recorded | None = None,
    call: uuid.UUID | None = None,
) -> None:
    """Not solved: back to the agency that had it, one level higher, with a fair time.

    The level stays when the ladder has no higher one, and after a withdrawal, which blames no answer.

    `words`: what she said to it, in `call`; they belong to the case from then on.
    Raises Refused as the table says, and for a citizen later than `within` after the end.
    """
    async with changing(books, page, Action.REOPEN, ask) as change:
        ended = change.case.closed_at
        if ask.actor.side is Side.CITIZEN and ended and ask.now - ended > within:
            raise Refused(f"case {ask.code} ended more than {within.days} days ago")
        change.values = {"closed_at": None, "closure": None, "member_of": None}
        if change.case.member_of:
            change.details["left_collective"] = True
        change.move(change.agency, "reopened")
        change.give_time()
        if change.case.status != Status.WITHDRAWN:
            change.climb()
        if words is not None:
            row = recording_row(asdict(words), change.case.id, call, ask.now)
            await change.connection.execute(insert(recordings).on_conflict_do_nothing(), [row])
            change.details |= {"recording": words.name, "sha256": words.sha256}
