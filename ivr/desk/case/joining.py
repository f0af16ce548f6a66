"""All words of a call belong to one case, whoever brings them to the books first.

A server killed in mid-call leaves words by several ways: its own journal, the reconciler for a file that
nobody accounts for, the dialplan's fall-back. The last two may know no case and open one in reserve, under an
id made from the call's; words whose opening is missing open their case under its own id. Whichever comes
second joins the first, and the code that was promised goes with the words.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, bindparam, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.code import number_of
from ivr.store.code_blocks import DESK_FIRST, tracking_key
from ivr.store.direct import Prepared
from ivr.store.facts import (
    CaseOpenedFact,
    ConfidedFact,
    Fact,
    FactRecording,
    RecordingBegunFact,
    WordsKeptFact,
)
from ivr.store.tables import cases

# The same call's words are never brought by two transactions at once; in order, so that they can't wait for
# each other.
_ONE_AFTER_ANOTHER = Prepared(
    text("SELECT pg_advisory_xact_lock(hashtextextended(id, 111)) FROM unnest(CAST(:ids AS text[])) AS id")
)


def _there() -> Prepared:
    """Cases of these calls, or with these ids, the earliest first."""
    calls, ids = (bindparam(name, type_=ARRAY(Uuid)) for name in ("calls", "ids"))
    query = select(cases.c.id, cases.c.code, cases.c.call_id).order_by(cases.c.opened_at)
    return Prepared(query.where(or_(cases.c.call_id == any_(calls), cases.c.id == any_(ids))))


_THERE = _there()


@dataclass(frozen=True, slots=True)
class CaseFound(CaseOpenedFact):
    """The opening for a file that was found: no journal holds it."""


@dataclass(frozen=True, slots=True)
class WordsFound(WordsKeptFact):
    """Words on their way to another case than their fact's, or of a file that was found: no journal holds it.

    `promised`: the code that may have been spoken for them. `begun`: what was chosen before they were said.
    """

    promised: str = ""
    begun: RecordingBegunFact | None = None


@dataclass(frozen=True, slots=True)
class ConfidedFound(ConfidedFact):
    """The wish of a call, brought along with each file of it that was found: its case may be another one."""

    @classmethod
    def of(cls, wish: ConfidedFact) -> ConfidedFound:
        """That wish, brought along."""
        return cls(wish.id, wish.at, wish.case, wish.code, wish.call)


@dataclass(slots=True)
class _Known:
    """A case that is there, or will be by this transaction."""

    id: uuid.UUID
    code: str
    call: uuid.UUID | None


@dataclass(slots=True)
class _Cases:
    """All such cases; those of a call in their order."""

    by_id: dict[uuid.UUID, _Known] = field(default_factory=dict)
    of_call: dict[uuid.UUID | None, list[_Known]] = field(default_factory=lambda: defaultdict(list))

    def add(self, case: _Known) -> None:
        self.by_id[case.id] = case
        self.of_call[case.call].append(case)


def reserve(call: uuid.UUID) -> uuid.UUID:
    """The case of a call's words that came without a case of their own."""
    return uuid.uuid5(call, "case")


async def joined(connection: AsyncConnection, raw: Any, facts: Sequence[Fact]) -> list[Fact]:
    """The facts, an opening turned into words kept where these belong to a case that is there.

    Locks the calls until the transaction's end.
    """
    calls = sorted({str(fact.call.id) for fact in facts if isinstance(fact, CaseOpenedFact | WordsKeptFact)})
    if calls:
        await _ONE_AFTER_ANOTHER.all(raw, ids=calls)
    opened = [fact for fact in facts if isinstance(fact, CaseOpenedFact)]
    if not opened:
        return list(facts)
    known = await _known(raw, opened)
    found: list[Fact] = []
    for fact in facts:
        found += await _join(connection, fact, known) if isinstance(fact, CaseOpenedFact) else [fact]
    return found


async def _known(raw: Any, opened: Sequence[CaseOpenedFact]) -> _Cases:
    calls, ids = {fact.call.id for fact in opened}, {fact.id for fact in opened}
    found = _Cases()
    for row in await _THERE.all(raw, calls=[*calls], ids=[*ids]):
        found.add(_Known(*row))
    return found


async def _join(connection: AsyncConnection, fact: CaseOpenedFact, known: _Cases) -> list[Fact]:
    if its := known.by_id.get(fact.id):  # what it brings beyond that must be told by an event
        told = its.code and await _was_promised(connection, its.code)
        promised = "" if told else fact.code  # whoever opened it may not have known what was spoken
        its.code = promised or its.code
        return [replace(_words(fact, recording, fact.id), promised=promised) for recording in fact.recordings]
    kin = known.of_call[fact.call.id]
    if kin and fact.id != reserve(fact.call.id):
        kin = [each for each in kin if await _is_its(connection, each, fact)]
    if not kin:
        known.add(_Known(fact.id, fact.code, fact.call.id))
        return [fact]
    kin[-1].code = fact.code or kin[-1].code
    return [_words(fact, recording, kin[-1].id) for recording in fact.recordings]


async def _is_its(
    connection: AsyncConnection, known: _Known, fact: CaseOpenedFact | WordsKeptFact | ConfidedFact
) -> bool:
    """Whether a case of the same call stands in for the one that the fact speaks of."""
    if fact.code and known.code == fact.code:
        return True
    reserved = known.id == reserve(fact.call.id)
    return reserved and not (known.code and await _was_promised(connection, known.code))


async def _was_promised(connection: AsyncConnection, code: str) -> bool:
    """Whether a code may have been spoken in a call: then no other one takes its place."""
    return number_of(code, await tracking_key(connection)) < DESK_FIRST


def _words(fact: CaseOpenedFact, recording: FactRecording, case: uuid.UUID) -> WordsFound:
    return WordsFound(
        id=uuid.uuid5(fact.id, recording.name),
        at=fact.at,
        case=str(case),
        code="",
        call=fact.call,
        recording=recording,
        instead=False,
        promised=fact.code,
    )


async def case_of(
    connection: AsyncConnection, fact: WordsKeptFact | ConfidedFact
) -> tuple[uuid.UUID | None, str]:
    """The case that kept words or a wish belong to, and the code that it must get; none: not in the books.

    A code is not enough where the case is known by its id: it may be a stranger's, by numbers given twice.
    """
    call, code = fact.call.id, fact.code
    promised = fact.promised if isinstance(fact, WordsFound) else ""
    query = select(cases.c.id, cases.c.code, cases.c.call_id).order_by(cases.c.opened_at.desc())
    if not fact.case and not code:
        query = query.where(cases.c.call_id == call)
        return (await connection.execute(query.limit(1))).scalar(), promised
    its = uuid.UUID(fact.case) if fact.case else None
    spare = reserve(call)
    where = or_(cases.c.id.in_([each for each in (its, spare) if each]), cases.c.code == (code or None))
    found = [_Known(*row) for row in await connection.execute(query.where(where))]
    for known in found:
        if known.id == its:
            return known.id, promised
    for known in found:
        if code and known.code == code and (its is None or known.call == call):
            return known.id, ""
    for known in found:
        if known.id == spare and await _is_its(connection, known, fact):
            return known.id, code
    return None, ""


async def keep_promise(connection: AsyncConnection, code: str, case: uuid.UUID) -> bool:
    """A code that may have been spoken becomes that of the case which the words have joined. Whether."""
    if code:
        taken = select(cases.c.id).where(cases.c.code == code).exists()
        changed = update(cases).where(cases.c.id == case, ~taken)
        return bool((await connection.execute(changed.values(code=code))).rowcount)
    return False
