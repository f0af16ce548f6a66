"""Journalled facts become rows, exactly once, in the order of the journal.

A batch is one transaction with one statement per table; ids come from the facts, so applying a batch again
changes nothing. Facts that the database refuses for what they say are applied one by one, and the one that is
at fault is put aside with its reason; an absent database is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import Table, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Book, BookEmpty, Page
from ivr.desk.call import callbacks, refining, repeats, verdicts
from ivr.desk.case import confiding
from ivr.desk.case.change import CITIZEN, Instruction
from ivr.desk.case.codes import desk_code
from ivr.desk.case.duplicates import where_hers_goes_on
from ivr.desk.case.entries import ENTER, opening_entries
from ivr.desk.case.event_log import INSERT_OPENING, add_event
from ivr.desk.case.joining import CaseFound, ConfidedFound, WordsFound, case_of, joined, keep_promise
from ivr.desk.case.rows import CaseOpening, Rows, add_case, call_row, recording_row, wish_row
from ivr.desk.facts.comparing import COMPARE_SECONDS, compare
from ivr.desk.facts.righting import righted
from ivr.desk.meetings import invitation_answers, order_answers
from ivr.desk.meetings.session_planning import alone
from ivr.desk.refusals import Refused
from ivr.store.callbacks import callbacks as to_call_back
from ivr.store.case_events import NOTIFY, notices
from ivr.store.cases import LATER
from ivr.store.direct import ManyRows, Prepared, direct
from ivr.store.engine import AWAY, is_a_row_s, is_away
from ivr.store.facts import (
    CallBackWishedFact,
    CallEndedFact,
    CallStartedFact,
    CaseOpenedFact,
    CaseRefinedFact,
    ConfidedFact,
    Fact,
    FactAttempt,
    OurCallSettledFact,
    RatingFact,
    ReasonLostFact,
    RecordingBegunFact,
    VerdictFact,
    WordsKeptFact,
    is_patient,
    write,
)
from ivr.store.journal import Journal, JournalError, Position, journal_marks
from ivr.store.journal.applied import AT_ONCE, CHECKPOINT_SECONDS
from ivr.store.journal.journal_follower import JournalFollower
from ivr.store.journal.journal_marks import JournalMark
from ivr.store.tables import calls, cases, outbox, recordings, referrals

log = logging.getLogger(__name__)

LINGER_SECONDS = 0.3  # facts that come this close together share a transaction; routed within half a second
PATIENCE_SECONDS = 1.5  # so long those that nobody waits for (`is_patient`) wait for one that somebody does
A_TURN = 25  # facts whose rows are made before whoever else waits for this loop has a turn
_BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0)
# What a fact that makes no sense, or asks for what is not possible, brings about: it is put aside alone.
MALFORMED = (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError, Refused)


def is_unusable(error: Exception) -> bool:
    """Whether it is for what a fact says: not where the database is away, or lacks what all facts need."""
    return isinstance(error, (*MALFORMED, *AWAY)) and is_a_row_s(error)


async def apply(
    engine: AsyncEngine, page: Page, facts: Sequence[Fact], mark: JournalMark | None = None
) -> datetime | None:
    """Apply facts in one transaction. Raises what the database raises; then nothing of it was applied.

    `mark`: how far that brings their journal, in the same transaction. Then what time it is by the database,
    or WentBack where that lacks what was before.
    """
    async with direct(engine) as (connection, raw), raw.transaction():
        rows = Rows()
        if any(isinstance(fact, OurCallSettledFact | CallEndedFact) and fact.attempt for fact in facts):
            await alone(connection)  # before any case or call-back is held, as whoever changes an agenda does
        facts = await joined(connection, raw, await righted(raw, facts))
        opened = repeats.OpenedLately(raw, page)
        await opened.look(fact for fact in facts if isinstance(fact, CaseOpenedFact))
        for number, fact in enumerate(facts):
            if number % A_TURN == 0:  # a call in the same process is not to wait for the whole batch
                await asyncio.sleep(0)
            await _collect(connection, opened, page, fact, rows)
        await _save(raw, rows)
        for fact in facts:
            match fact:
                case WordsKeptFact():
                    await _keep_words(connection, raw, page, fact)
                case CaseRefinedFact():
                    await refining.refine(connection, page, fact)
                case ConfidedFact():
                    await _confide(connection, page, fact)
                case VerdictFact():
                    await verdicts.settle(connection, page, fact)
                case RatingFact():
                    await verdicts.rate(connection, fact)
                case ReasonLostFact():
                    await verdicts.reason_lost(connection, fact)
                case (
                    OurCallSettledFact(attempt=attempt, at=at)
                    | CallEndedFact(attempt=FactAttempt() as attempt, ended_at=at)
                ):
                    if await callbacks.ended(connection, attempt.id, attempt.outcome, at):
                        await _act_on(connection, raw, page, attempt, at)
        return await journal_marks.move(raw, mark) if mark else None


async def _act_on(
    connection: AsyncConnection, raw: Any, page: Page, attempt: FactAttempt, at: datetime
) -> None:
    """What she said on our call. What is not possible any more costs neither her call nor anybody else's."""
    for heard in (invitation_answers.heard, order_answers.heard):
        try:
            async with raw.transaction():  # a savepoint: half of it is nothing
                await heard(connection, page, attempt.id, at)
        except Refused as refusal:
            log.error("what was said on our call %s changes nothing: %s", attempt.id, refusal)


async def _collect(
    connection: AsyncConnection, lately: repeats.OpenedLately, page: Page, fact: Fact, rows: Rows
) -> None:
    if isinstance(fact, RecordingBegunFact):
        return  # for the reconciler alone
    if isinstance(fact, CallEndedFact):
        rows.ended[fact.call.id] = call_row(fact, page)
        rows.recordings += [recording_row(r, None, fact.call.id, fact.ended_at) for r in fact.scraps]
        return
    if fact.call.id not in rows.started:
        rows.started[fact.call.id] = call_row(fact, page)
    match fact:
        case CaseOpenedFact():
            over, found = await lately.too_many(fact), isinstance(fact, CaseFound)
            opening = CaseOpening.of(fact, recovered=found, over_limit=over)
            add_case(rows, opening, fact.code or await desk_code(connection), page)
        case CallBackWishedFact():
            rows.outbox.append(wish_row(fact, page))
        case (
            CallStartedFact()
            | WordsKeptFact()
            | CaseRefinedFact()
            | ConfidedFact()
            | VerdictFact()
            | RatingFact()
            | ReasonLostFact()
            | OurCallSettledFact()
        ):
            pass  # beyond the call's row, once all rows are there
        case _:
            assert_never(fact)


async def _save(raw: Any, rows: Rows) -> None:
    """One statement per table."""
    running = [row for key, row in rows.started.items() if key not in rows.ended]
    await _START_CALL.run(raw, running)
    await _END_CALL.run(raw, [*rows.ended.values()])
    await _CASE.run(raw, rows.cases)
    await _RECORDING.run(raw, rows.recordings)
    await _REFERRAL.run(raw, rows.referrals)
    await INSERT_OPENING.run(raw, rows.events)
    await ENTER.run(raw, opening_entries(rows.cases, rows.recordings, rows.referrals))
    await _NOTIFY.run(raw, notices(row["id"] for row in rows.cases))
    await _OUTBOX.run(raw, rows.outbox)
    await _CALLBACK.run(raw, rows.callbacks)


async def _keep_words(connection: AsyncConnection, raw: Any, page: Page, fact: WordsKeptFact) -> None:
    """Add a recording to its case; a case that is not there (its fact was damaged) opens at the desk."""
    name, at = fact.recording.name, fact.at
    case, promise = await case_of(connection, fact)
    if case is None:
        rows = Rows()
        add_case(rows, _orphan(fact, page), fact.code or await desk_code(connection), page)
        await _save(raw, rows)
        return
    promised = await keep_promise(connection, promise, case)
    row = recording_row(fact.recording, case, fact.call.id, at)
    added = await connection.execute(_INSERT_RECORDING.returning(recordings.c.name), [row])
    if added.first() is None:  # applied before
        if promised:  # no change of a case's row without an event
            await add_event(connection, fact.id, case, at, "code_promised", {"code": promise})
        return
    if fact.instead:
        this_call = (recordings.c.case_id == case, recordings.c.call_id == row["call_id"])
        earlier = (*this_call, recordings.c.name != name)
        await connection.execute(update(recordings).where(*earlier).values(superseded=True))
    event = "words_replaced" if fact.instead else "words_added"
    details = {"recording": name, "sha256": row["sha256"]}
    if isinstance(fact, WordsFound):
        details |= {"recovered": True}
    if fact.repeat:
        details |= {"repeat": True}
    await add_event(connection, fact.id, case, at, event, details)
    if fact.repeat or await repeats.comes_late(connection, page, fact, case):
        await repeats.said_again(connection, page, fact, case)


async def _confide(connection: AsyncConnection, page: Page, fact: ConfidedFact) -> None:
    """She pressed the key for it. Applied again it changes nothing.

    Of a case that was merged meanwhile the one in which it goes on is confidential, and so it is with it.
    """
    its, _ = await case_of(connection, fact)
    query = select(cases).where(cases.c.id == its).with_for_update(key_share=True)
    case = (await connection.execute(query)).first()
    if case is None:
        if isinstance(fact, ConfidedFound):
            return
        raise LookupError("the case that is to be confidential is not in the books yet")  # it waits aside
    case = await where_hers_goes_on(connection, case)
    ask = Instruction(case.code, Actor(CITIZEN, Side.CITIZEN), now=fact.at, cause=fact.id)
    try:
        await confiding.confide(connection, page, ask)
    except Refused as refusal:
        log.error("a caller's wish to stay unknown was not heard: %s", refusal)


def _orphan(fact: WordsKeptFact, page: Page) -> CaseOpening:
    """The opening of a case for words whose case is not in the books."""
    begun = fact.begun if isinstance(fact, WordsFound) else None
    return CaseOpening(
        id=uuid.UUID(fact.case) if fact.case else fact.id,
        at=fact.at,
        kind=begun.kind if begun else Kind.REQUEST,
        topic=begun.topic if begun else page.other_topic,
        county=begun.county if begun else "",
        language=begun.language if begun else fact.call.language,
        callback=begun.callback if begun else "",
        national_id=begun.national_id if begun else "",
        caller=fact.call.caller,
        caller_name=fact.call.caller_name,
        recordings=[fact.recording],
        call=fact.call.id,
        recovered=isinstance(fact, WordsFound),
    )


def _once(table: Table, key: str, *later: str) -> ManyRows:
    """Insert rows; those that are there already stay as they are. `later`: columns that are filled later."""
    columns = [column for column in table.c if column.name not in (*later, "noted_no")]
    return ManyRows(insert(table).on_conflict_do_nothing(index_elements=[table.c[key]]), columns)


def _end_call() -> ManyRows:
    statement = insert(calls)
    told = ("ended_at", "outcome", "steps", "passed")
    changes: dict[str, Any] = {name: statement.excluded[name] for name in told}
    # Who ends a call for a process that died does not know the language that was chosen in it.
    changes["language"] = func.coalesce(func.nullif(statement.excluded["language"], ""), calls.c.language)
    # A call ends once: what the reconciler says of a lost one never replaces what the call itself said.
    only = calls.c.ended_at.is_(None)
    return ManyRows(
        statement.on_conflict_do_update(index_elements=[calls.c.id], set_=changes, where=only),
        [column for column in calls.c if column.name != "noted_no"],
    )


_INSERT_RECORDING = insert(recordings).on_conflict_do_nothing(index_elements=[recordings.c.name])
_NOTIFY = Prepared(NOTIFY)
_START_CALL = _once(calls, "id")
_END_CALL = _end_call()
_CASE = _once(cases, "id", *LATER)
_RECORDING = _once(
    recordings,
    "name",
    "id",
    "transcript",
    "removed_at",
    "erased_at",
    "stored_at",
    "enclosed_at",
    "packed_size",
)
_REFERRAL = _once(referrals, "id", "ended_at", "ended_reason")
_CALLBACK = _once(to_call_back, "key", "attempts", "first_at", "last_at", "last_outcome")
_OUTBOX = _once(outbox, "key", "attempts", "delivered_at", "last_error", "dead_at")


class Pump:
    """Carries the journal's facts into the database, for ever."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal | JournalFollower,
        book: Book,
        linger: float = LINGER_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """`journal`: our own, or another process's. `linger`, `patience`: seconds."""
        self.engine = engine
        self.journal = journal
        self.book = book
        self.linger, self.patience = linger, patience
        self._ahead = Position(), list[Fact](), Position()  # read behind the first and up to the second
        self._idle: list[asyncio.Future[None]] = []
        self._hurry = asyncio.Event()
        self.compared = asyncio.Event()  # with the database's mark, once

    async def run(self) -> None:
        """Until cancelled. One per journal. At the start and after a failure it may be another database.

        Raises what is our fault; then what is not applied stays in the journal, and it can be run again.
        """
        failures = 0
        while True:
            try:
                await compare(self.engine, self.journal)
                self.compared.set()
                while True:
                    await self._drain()
                    failures = 0
                    await self._wait_for_more()
            except journal_marks.WentBack as error:
                log.error("%s", error)
            except (BookEmpty, *AWAY) as error:
                _unless_cancelled()
                if not (isinstance(error, BookEmpty) or is_away(error)):
                    raise
                pause = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                log.warning("the database is away, facts wait in the journal: %s", _short(error))
                await asyncio.sleep(pause)

    async def idle(self) -> None:
        """Returns when everything journalled so far is applied."""
        with suppress(JournalError):  # then nothing new was journalled
            await self.journal.flush()
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiting)
        self._hurry.set()
        self.journal.grown.set()
        await waiting

    async def _wait_for_more(self) -> None:
        if not self.journal.has_more and not await _first(self.journal.grown, CHECKPOINT_SECONDS):
            self.journal.save_soon()  # a quiet moment: whoever reads the folder sees that all is done
            while not await _first(self.journal.grown, COMPARE_SECONDS):
                await compare(self.engine, self.journal)
        if self.linger and not self._hurry.is_set():
            until = asyncio.get_running_loop().time() + self.patience
            while not await _first(self._hurry, self.linger) and await self._may_wait(until):
                pass

    async def _may_wait(self, until: float) -> bool:
        """Once more came: whether what was there before may wait for it, and nobody is in a hurry."""
        self.journal.grown.clear()
        facts, _ = await self._read_ahead()
        left = until - asyncio.get_running_loop().time()
        if left <= 0 or self._hurry.is_set() or len(facts) >= AT_ONCE or not all(map(is_patient, facts)):
            return False
        return await _first(self.journal.grown, left)

    async def _read_ahead(self) -> tuple[list[Fact], Position]:
        """What waits behind what is applied, each fact read once; and up to where."""
        begin, facts, upto = self._ahead
        if begin != self.journal.applied:
            begin, facts, upto = self.journal.applied, [], self.journal.applied
        if upto < self.journal.flushed and len(facts) < AT_ONCE:
            more, upto = await self.journal.next_facts(upto, AT_ONCE - len(facts))
            facts = facts + more
        self._ahead = begin, facts, upto
        return facts, upto

    async def _drain(self) -> None:
        self._hurry.clear()
        self.journal.grown.clear()
        waiting, self._idle = self._idle, []
        try:
            while self.journal.has_more:
                await self._one_batch()
        except BaseException:
            self._idle += waiting
            raise
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _one_batch(self) -> None:
        before = self.journal.applied
        facts, position = await self._read_ahead()
        now = None
        if position != before:
            page = await self.book.page()
            now = await self._apply(page, facts, JournalMark(self.journal.identity, before, position))
        await self.journal.applied_up_to(position, now)

    async def _apply(self, page: Page, facts: list[Fact], mark: JournalMark | None = None) -> datetime | None:
        """What time it is by the database."""
        try:
            return await apply(self.engine, page, facts, mark)
        except (*MALFORMED, *AWAY) as error:
            if not is_unusable(error):
                raise
            if len(facts) > 1:
                for fact in facts:
                    await self._apply(page, [fact])
            elif not facts:
                raise
            elif not await self._mend(page, facts[0], error):
                await self._put_aside(facts[0], error)
            return await apply(self.engine, page, [], mark) if mark else None

    async def _mend(self, page: Page, fact: Fact, error: Exception) -> bool:
        """A code that the books know for another case: the words still become a case, under a new code."""
        if not isinstance(fact, CaseOpenedFact | WordsKeptFact) or "uq_cases_code" not in str(error):
            return False
        log.error("the code of case %s belongs to another case; it gets a new one", fact.id)
        await apply(self.engine, page, [replace(fact, code="")])
        return True

    async def _put_aside(self, fact: Fact, error: Exception) -> None:
        body = write(fact)  # by what it says: applied again, it is put aside once
        name = f"{uuid.uuid5(uuid.NAMESPACE_OID, body.decode())}.fact"
        await self.journal.put_aside(name, body, f"a fact was refused: {_short(error)}")


def _unless_cancelled() -> None:
    """A wait that ends in that moment can keep it from us: Python 3.11's wait_for, the driver's complaint."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _first(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within so many seconds."""
    _unless_cancelled()
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _short(error: BaseException) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300] or type(error).__name__
