"""A caller who calls often: the same matter joins her open case, too many new ones go to the desk first.

Nobody is refused. Whoever shares her telephone and speaks of another matter gets a case of their own.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.live_hour import HourOutcome
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import LATELY, LATELY_WITHHELD, WITHHELD_TIMES, Page
from ivr.desk.call.refining import RESUMED
from ivr.desk.case import closing, event_log
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.case.duplicates import where_hers_goes_on
from ivr.desk.case.event_log import HER_WORD
from ivr.desk.case.joining import WordsFound
from ivr.desk.case.rows import SAID_AGAIN, outbox_row
from ivr.desk.refusals import Refused
from ivr.store.direct import ALL
from ivr.store.facts import CaseOpenedFact, WordsKeptFact
from ivr.store.tables import case_events, cases, hour_calls, outbox

log = logging.getLogger(__name__)


class OpenedLately:
    """Whether a caller opened too many cases lately to send one on unread: of a transaction that opens some.

    Withheld numbers share one allowance; it is larger, so that one of them can't take it from the rest.
    """

    def __init__(self, raw: Any, page: Page) -> None:
        self.raw, self.page = raw, page
        self._before: dict[uuid.UUID, Any] = {}
        self._beside = Counter[str]()  # those of this transaction, which it takes for lately

    @property
    def _is_limited(self) -> bool:
        return bool(self.page.limits.cases_per_hour or self.page.limits.cases_per_day)

    async def look(self, facts: Iterable[CaseOpenedFact]) -> None:
        """Count what each of these callers opened before, by one question for all who gave a number."""
        asked = [fact for fact in facts if self._caller(fact)] if self._is_limited else []
        if asked:
            times = {f"{ALL}{name}": [fact.at - back for fact in asked] for name, back in _BACK.items()}
            callers = {
                f"{ALL}n": [*range(len(asked))],
                f"{ALL}caller": [self._caller(fact) for fact in asked],
            }
            for row in await LATELY.all(self.raw, **callers, **times):
                self._before[asked[row["n"]].id] = row

    async def too_many(self, fact: CaseOpenedFact) -> bool:
        """Asked once for each, in their order."""
        if not self._is_limited:
            return False
        caller, limits = self._caller(fact), self.page.limits
        times = 1 if caller else WITHHELD_TIMES
        found = self._before[fact.id] if caller else await self._withheld(fact.at)
        beside, self._beside[caller] = self._beside[caller], self._beside[caller] + 1
        return any(
            0 < limit * times <= found[name] + beside
            for name, limit in (("hour", limits.cases_per_hour), ("day", limits.cases_per_day))
        )

    def _caller(self, fact: CaseOpenedFact) -> str:
        return phone.key(fact.call.caller, self.page.area_code)

    async def _withheld(self, at: datetime) -> Any:
        times = {name: at - back for name, back in _BACK.items()}
        limits = self.page.limits
        most = WITHHELD_TIMES * max(limits.cases_per_hour, limits.cases_per_day)  # with so many it is used up
        return await LATELY_WITHHELD.first(self.raw, most=most, **times)


_BACK = {"at": timedelta(0), "hour": timedelta(hours=1), "day": timedelta(days=1)}


async def comes_late(connection: AsyncConnection, page: Page, fact: WordsKeptFact, case: uuid.UUID) -> bool:
    """Whether she goes on with her call that broke off, or words of the call that opened the case were found,
    and it has been answered or has ended since.

    What follows her word of an answer, and not what nothing proves to be hers, is none of this: that word is
    in the case already. Nor is what was found of a call in which an official heard her himself.
    """
    its, told, talks = cases.c, case_events.c, hour_calls.c
    caller = phone.key(fact.call.caller, page.area_code)
    hers: list[ColumnElement[bool]] = [false()]
    if caller:
        resumed = (its.caller_key == caller, its.call_id != fact.call.id, its.opened_at > fact.at - RESUMED)
        hers.append(and_(*resumed))
    if isinstance(fact, WordsFound):
        heard = or_(talks.talked_at.is_not(None), talks.outcome == HourOutcome.HEARD)  # older: that alone
        talked = select(talks.call_id).where(talks.call_id == fact.call.id, heard)
        hers.append(and_(its.call_id == fact.call.id, ~talked.exists()))
    over = or_(its.closed_at.is_not(None), its.stopped_at.is_not(None))
    began = fact.call.started_at
    word = (HER_WORD, told.actor == CITIZEN, told.at.between(began, began + RESUMED))
    verdict = select(told.id).where(told.case_id == case, *word)
    query = select(its.id).where(its.id == case, or_(*hers), over, ~verdict.exists())
    return (await connection.execute(query)).first() is not None


async def said_again(connection: AsyncConnection, page: Page, fact: WordsKeptFact, case: uuid.UUID) -> None:
    """Words of a later call are in her case now, or found ones: who has it is told. A case that ended
    meanwhile goes on; for what was found, which may have been said long ago, its fair time begins now.

    Of a duplicate the case in which it goes on does; the words are in the duplicate, and told of that. What
    she ended herself stays so for words that were found: they are older than that.
    """
    row = (await connection.execute(select(cases).where(cases.c.id == case))).one()
    kept = await where_hers_goes_on(connection, row)
    at, cause, by_her = fact.at, fact.id, False
    if isinstance(fact, WordsFound):
        now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        at, by_her = max(at, now), await _ended_by_her(connection, kept)
    if (kept.closed_at is not None or kept.stopped_at is not None) and not by_her:
        ask = Instruction(kept.code, Actor(CITIZEN, Side.CITIZEN), now=at, cause=uuid.uuid5(cause, "again"))
        try:
            await closing.reopen(connection, page, ask)
        except Refused as refusal:
            log.warning("words were added to a case that can't go on, its notice says so: %s", refusal)
    message = outbox_row(f"{SAID_AGAIN}:{cause}", SAID_AGAIN, at, {"case": row.code, "status": row.status})
    await connection.execute(insert(outbox).values(message).on_conflict_do_nothing())


async def _ended_by_her(connection: AsyncConnection, case: Row[Any]) -> bool:
    """Whether she took it back, or said of the answer it has that it is solved, though another ended it."""
    ended = case.closure in ("solved", "withdrawn")
    if ended or case.answered_at is None:
        return ended
    return await event_log.calls_it_solved(connection, case)
