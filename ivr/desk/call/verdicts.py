"""What a citizen said of an answer, from the journal into the books."""

from __future__ import annotations

import logging
import uuid

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.call import callbacks
from ivr.desk.case import closing, order_calls
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.case.event_log import add_event
from ivr.desk.case.transaction import locked
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.facts import RatingFact, ReasonLostFact, VerdictFact
from ivr.store.tables import case_events, cases

log = logging.getLogger(__name__)


async def settle(connection: AsyncConnection, page: Page, fact: VerdictFact) -> None:
    """Solved closes the case, not solved opens it again. Applying a fact again changes nothing.

    A case that has moved on meanwhile (withdrawn, closed by the desk) stays as it is: she was told that her
    word is noted, and it is, in its story. So it is where nothing proves that it is she who says "solved", or
    where she says it of an answer that is not the one any more: of that she is called. "Not solved" is
    noted so where it was our call that told her the older one: a call of her own may have told her either.
    """
    now, cause = fact.at, fact.id
    try:  # an answer that is being given at this moment is waited for
        case = await locked(connection, fact.code)
    except NoSuchCase:
        return
    if await _applied(connection, cause):
        return
    heard_another = case.answered_at is not None and fact.call.started_at < case.answered_at
    is_noted = heard_another or not fact.proven
    if not fact.solved:
        is_noted = heard_another and await callbacks.is_told_anew(connection, case.id, fact.call)
    if is_noted:
        said = {"solved": fact.solved, "earlier": heard_another}
        said |= {} if fact.proven else {"proven": False}
        await add_event(connection, cause, case.id, now, "verdict_noted", said, actor=CITIZEN)
        return
    ask = Instruction(fact.code, Actor(CITIZEN, Side.CITIZEN), now=now, cause=cause)
    change = closing.close if fact.solved else closing.reopen
    try:
        await change(connection, page, ask)
        if not fact.solved and case.status != Status.WITHDRAWN:  # that blames no answer
            await order_calls.contradicted(connection, case.id, now)
    except (NoSuchCase, Refused) as refusal:
        log.warning("a citizen's verdict changes nothing: %s", refusal)
        said = {"solved": fact.solved}
        await add_event(connection, cause, case.id, now, "verdict_noted", said, actor=CITIZEN)
    await callbacks.settled(connection, case, now)


async def rate(connection: AsyncConnection, fact: RatingFact) -> None:
    """How content she is, 1 to 5. The first one of the answer that stands counts."""
    unrated = (cases.c.code == fact.code, cases.c.satisfaction.is_(None))
    heard_another = cases.c.answered_at.is_not(None) & (fact.call.started_at < cases.c.answered_at)
    rated = update(cases).where(*unrated, ~heard_another).values(satisfaction=fact.score)
    case = (await connection.execute(rated.returning(cases.c.id))).scalar()
    if case is not None:
        said = {"score": fact.score}
        await add_event(connection, fact.id, case, fact.at, "rated", said, actor=CITIZEN)


async def reason_lost(connection: AsyncConnection, fact: ReasonLostFact) -> None:
    """She said that it is not solved, and we could not record why: whoever reads the case must know."""
    query = select(cases.c.id).where(cases.c.code == fact.code)
    if (case := (await connection.execute(query)).scalar()) is not None:
        await add_event(connection, fact.id, case, fact.at, "reason_lost", {"why": fact.why})


async def _applied(connection: AsyncConnection, cause: uuid.UUID) -> bool:
    ids = [uuid.uuid5(cause, event) for event in ("closed", "reopened", "verdict_noted")]
    return (
        await connection.execute(select(case_events.c.id).where(case_events.c.id.in_(ids)))
    ).first() is not None
