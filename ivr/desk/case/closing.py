"""How a case ends and begins again. One function is one transaction and one event."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import COLLECTIVE
from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import REOPEN, CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning
from ivr.desk.case.answers import refuse_latin, refuse_unreadable
from ivr.desk.case.callback_planning import ADVISED, BY_DESK, UNCONFIRMED
from ivr.desk.case.change import Books, Change, Instruction, of_members, unchanged
from ivr.desk.case.discretion import refuse_awaited, refuse_slotted, refuse_together, refuse_told_of
from ivr.desk.case.duplicates import DUPLICATE
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import recording_row
from ivr.desk.case.transaction import changing, locked, transaction
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import cases, recordings
from ivr.voice.events import Recorded

# What statistics keep apart: who said that an answered case is over.
CLOSURES = {Side.CITIZEN: "solved", Side.MACHINE: UNCONFIRMED, Side.DESK: BY_DESK}


async def close(books: Books, page: Page, ask: Instruction, *, told: bool = True) -> None:
    """An answered case is over: the citizen says solved, could not be reached, or the desk decides.

    Whom the desk did not wait for is told of the answer all the same. Whom nobody can call the desk has told;
    `told`: False where it does not say so, which is Refused then.
    """
    async with changing(books, page, CaseAction.CLOSE, ask) as change:
        closure = BY_DESK if change.case.channel == COLLECTIVE else CLOSURES[ask.actor.side]
        change.values = {"closed_at": ask.now, "closure": closure}
        change.details["closure"] = closure
        if ask.actor.side is Side.DESK:
            await refuse_slotted(change)
            waited = await callback_planning.told_otherwise(change.connection, change.case.id, ask.now)
            if waited and not told:
                raise Refused(f"case {ask.code} has an answer that nobody could be told of: tell her first")


async def withdraw(books: Books, page: Page, ask: Instruction) -> None:
    """The citizen takes the case back. Refused to the desk where she awaits an answer or her slot."""
    async with changing(books, page, CaseAction.WITHDRAW, ask) as change:
        if ask.actor.side is Side.DESK:
            await refuse_slotted(change)
            await _refuse_untold(change)
        change.values = {"closed_at": ask.now, "closure": "withdrawn"}


async def advise(engine: AsyncEngine, page: Page, ask: Instruction, spoken: str = "") -> None:
    """Answered on the spot: the reason is the advice, with which she is called. `spoken`: as of an answer.

    It is the desk's answer, and the case its own from now on: not of the body that had it, of which she would
    hear as who answers. A part stays where it is, a request to meet too, and what is about the desk itself.
    """
    refuse_latin(ask.reason, "reason")
    refuse_unreadable(spoken, "spoken")
    if not spoken.strip():
        refuse_unreadable(ask.reason, "reason")
    async with changing(engine, page, CaseAction.ADVISE, ask) as change:
        await refuse_slotted(change)
        change.values = {"closed_at": ask.now, "closure": ADVISED}
        change.values |= {"answer": ask.reason.strip(), "answer_voice": "", "answer_spoken": spoken.strip()}
        change.values["answered_at"] = ask.now
        if spoken.strip():
            change.details["spoken"] = spoken.strip()
        case, desk = change.case, page.rules.desk
        if case.part_of is None and case.kind != Kind.MEETING and desk not in (case.agency, case.accused):
            change.move(desk, "desk")
        await callback_planning.plan(change.connection, change.case, f"answer:{ask.cause}", ask.now)


async def told(books: Books, page: Page, ask: Instruction) -> None:
    """The desk has told her otherwise what nobody could tell her by telephone: the reason says how.

    Raises NoSuchCase, WrongField without a reason, and Refused to others, where nothing waits to be told and
    where the case is not over: what is answered would be in no list any more.
    """
    if ask.actor.side is not Side.DESK:
        raise Refused(f"case {ask.code} can't be told of by the {ask.actor.side}, only by the desk")
    if not ask.reason.strip():
        raise WrongField("reason", "how was she told?")
    async with transaction(books) as connection:
        case = await locked(connection, ask.code)
        unchanged(case, ask)
        if case.closed_at is None:
            raise Refused(f"case {ask.code} is not over: close it once it is answered, and say how")
        if not await callback_planning.told_otherwise(connection, case.id, ask.now):
            raise Refused(f"case {ask.code} has no answer that nobody could be told of")
        details = {"reason": ask.reason.strip()}
        await add_event(connection, ask.cause, case.id, ask.now, "told", details, actor=ask.actor.name)


async def merge(engine: AsyncEngine, page: Page, ask: Instruction, into: str) -> None:
    """A duplicate goes on in the case that it repeats. Refused unless caller and topic are the same.

    Refused also where she is yet to be told an answer to it: nobody would tell her; where that is another
    person's, or told on another number, as `is_told_together` says, of both of which she is told then; and
    into a case that is answered while this one is not: no clock would run for her. A collective case that
    speaks for the other one is due, and stands, as that does.
    """
    if into == ask.code:
        raise Refused(f"case {into} can't be merged into itself")
    async with transaction(engine) as connection:
        whole = await _collective_of(connection, into)
        await _merge(connection, page, ask, into)
        other = await locked(connection, into)
        if whole is not None and whole.id == other.member_of and whole.status != Status.ANSWERED:
            kept = of_members(connection, page, whole, ask.actor, ask.now)
            kept.keep_up_with(other)
            await kept.save_quietly()


async def _collective_of(connection: AsyncConnection, code: str) -> Row[Any] | None:
    """In which that case waits; locked before its member is, as by whoever acts on it."""
    its = select(cases.c.member_of).where(cases.c.code == code).scalar_subquery()
    query = select(cases).where(cases.c.id == its).with_for_update(key_share=True)
    return (await connection.execute(query)).first()


async def _merge(connection: AsyncConnection, page: Page, ask: Instruction, into: str) -> None:
    async with changing(connection, page, CaseAction.MERGE, ask, into) as change:
        one, other = change.case, await locked(connection, into)
        refuse_together(one, other)  # before anything that would tell whose it is
        if other.status not in OPEN:
            raise Refused(f"case {into} is {other.status}, so nothing can go on in it")
        if phone.is_withheld(one.caller_key) or one.caller_key != other.caller_key:
            raise Refused(f"cases {ask.code} and {into} are not known to be of the same caller")
        if not await callback_planning.is_told_together(connection, one, other):
            raise Refused(
                f"case {ask.code} is told on another number than case {into}, or of another person: "
                "it goes on by itself"
            )
        if other.status == Status.ANSWERED and one.status != Status.ANSWERED:
            raise Refused(f"case {into} is answered: open it again first, or answer case {ask.code} likewise")
        await _refuse_untold(change)
        await go_on_in(change, other)


async def _refuse_untold(change: Change) -> None:
    """Raises Refused where nobody would tell her the answer any more."""
    case = change.case
    if case.status == Status.ANSWERED and await callback_planning.is_to_tell(change.connection, case.id):
        raise Refused(f"case {case.code} has an answer that she is yet to be told: that ends with a closure")


async def go_on_in(change: Change, other: Row[Any]) -> None:
    """A merge's end: this case is over and lies where the other one does, which is told and no later for it.

    Refused as `discretion` says, by topic too.
    """
    one = change.case
    refuse_together(one, other)
    if one.topic != other.topic:
        raise Refused(f"case {one.code} is about {one.topic}, case {other.code} about {other.topic}")
    await refuse_awaited(change)
    await refuse_slotted(change)
    await refuse_told_of(change, other.agency)
    change.values = {"closed_at": change.ask.now, "closure": "merged", "merged_into": other.id}
    change.values["member_of"] = None
    change.details["into"] = other.code
    if one.agency != other.agency:
        change.agency, change.values["person_id"] = other.agency, None
        change.details |= {"from": one.agency, "agency": other.agency}
    await callback_planning.go_on(change.connection, one, other, change.ask.now)
    kept = change.of(other, CaseAction.MERGE, Status(other.status))
    kept.event, kept.details = DUPLICATE, {"duplicate": one.code}
    if Status.ANSWERED not in (one.status, other.status):
        kept.keep_up_with(one)
    await kept.save()


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
    Raises Refused as the table says, for a citizen later than `within` after the end, and where nobody knows
    any more whose it is: what came to it anew would never go.
    """
    async with changing(books, page, CaseAction.REOPEN, ask) as change:
        if change.case.anonymised_at is not None:
            raise Refused(f"case {ask.code} is anonymised: register anew what goes on")
        ended = change.case.closed_at
        if ask.actor.side is Side.CITIZEN and ended and ask.now - ended > within:
            raise Refused(f"case {ask.code} ended more than {within.days} days ago")
        change.values = {"closed_at": None, "closure": None, "member_of": None}
        if change.case.member_of:
            change.details["left_collective"] = True
        change.move(change.agency, "reopened")
        await change.give_time()
        if change.case.status != Status.WITHDRAWN:
            change.climb()
        if words is not None:
            row = recording_row(words, change.case.id, call, ask.now)
            await change.connection.execute(insert(recordings).on_conflict_do_nothing(), [row])
            change.details |= {"recording": words.name, "sha256": words.sha256}
