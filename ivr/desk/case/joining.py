"""All words of a call belong to one case, whoever brings them to the books first.

A server killed in mid-call leaves words by several ways: its own journal, the reconciler for a file that
nobody accounts for, the dialplan's fall-back. The last two may know no case and open one in reserve, under an
id made from the call's; words whose opening is missing open their case under its own id. Whichever comes
second joins the first, and the code that was promised goes with the words.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.code import number_of
from ivr.store.code_blocks import DESK_FIRST, tracking_key
from ivr.store.journal import Fact
from ivr.store.tables import cases

WORDS = ("case_opened", "words_kept")  # the facts that bring words to a case
# The same call's words are never brought by two transactions at once; in order, so that they can't wait for
# each other.
_ONE_AFTER_ANOTHER = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(id, 111)) FROM unnest(CAST(:ids AS text[])) AS id"
)


@dataclass(slots=True)
class _Known:
    """A case that is there, or will be by this transaction."""

    id: uuid.UUID
    code: str
    call: uuid.UUID | None


def reserve(call: str) -> uuid.UUID:
    """The case of a call's words that came without a case of their own."""
    return uuid.uuid5(uuid.UUID(call), "case")


async def joined(connection: AsyncConnection, facts: Sequence[Fact]) -> list[Fact]:
    """The facts, a `case_opened` turned into `words_kept` where its words belong to a case that is there.

    Locks the calls until the transaction's end.
    """
    calls = sorted({fact["call"]["id"] for fact in facts if fact["type"] in WORDS})
    if calls:
        await connection.execute(_ONE_AFTER_ANOTHER, {"ids": calls})
    opened = [fact for fact in facts if fact["type"] == "case_opened"]
    if not opened:
        return list(facts)
    known = await _known(connection, opened)
    found: list[Fact] = []
    for fact in facts:
        found += await _join(connection, fact, known) if fact["type"] == "case_opened" else [fact]
    return found


async def _known(connection: AsyncConnection, opened: Sequence[Fact]) -> list[_Known]:
    calls, ids = ({uuid.UUID(of["id"]) for of in each} for each in ([f["call"] for f in opened], opened))
    there = select(cases.c.id, cases.c.code, cases.c.call_id)
    there = there.where(or_(cases.c.call_id.in_(calls), cases.c.id.in_(ids))).order_by(cases.c.opened_at)
    return [_Known(row.id, row.code, row.call_id) for row in await connection.execute(there)]


async def _join(connection: AsyncConnection, fact: Fact, known: list[_Known]) -> list[Fact]:
    case, call = uuid.UUID(fact["id"]), uuid.UUID(fact["call"]["id"])
    if any(each.id == case for each in known):  # what it brings beyond that must be told by an event
        return [{**_words(fact, recording, case), "promised": ""} for recording in fact["recordings"]]
    kin = [each for each in known if each.call == call]
    if case != reserve(fact["call"]["id"]):
        kin = [each for each in kin if await _is_its(connection, each, fact)]
    if not kin:
        known.append(_Known(case, fact["code"], call))
        return [fact]
    kin[-1].code = fact["code"] or kin[-1].code
    return [_words(fact, recording, kin[-1].id) for recording in fact["recordings"]]


async def _is_its(connection: AsyncConnection, known: _Known, fact: Fact) -> bool:
    """Whether a case of the same call stands in for the one that the fact speaks of."""
    if fact["code"] and known.code == fact["code"]:
        return True
    reserved = known.id == reserve(fact["call"]["id"])
    return reserved and not (known.code and await _was_promised(connection, known.code))


async def _was_promised(connection: AsyncConnection, code: str) -> bool:
    """Whether a code may have been spoken in a call: then no other one takes its place."""
    return number_of(code, await tracking_key(connection)) < DESK_FIRST


def _words(fact: Fact, recording: Fact, case: uuid.UUID) -> Fact:
    return {
        "type": "words_kept",
        "id": str(uuid.uuid5(uuid.UUID(fact["id"]), recording["name"])),
        "at": fact["at"],
        "case": str(case),
        "code": "",
        "promised": fact["code"],
        "call": fact["call"],
        "recording": recording,
        "instead": False,
        "recovered": True,
    }


async def case_of(connection: AsyncConnection, fact: Fact) -> tuple[uuid.UUID | None, str]:
    """The case that kept words belong to, and the code that it must get; none: it is not in the books.

    A code is not enough where the case is known by its id: it may be a stranger's, by numbers given twice.
    """
    call, code = uuid.UUID(fact["call"]["id"]), fact["code"]
    query = select(cases.c.id, cases.c.code, cases.c.call_id).order_by(cases.c.opened_at.desc())
    if not fact["case"] and not code:
        query = query.where(cases.c.call_id == call)
        return (await connection.execute(query.limit(1))).scalar(), fact.get("promised", "")
    its = uuid.UUID(fact["case"]) if fact["case"] else None
    spare = reserve(fact["call"]["id"])
    where = or_(cases.c.id.in_([each for each in (its, spare) if each]), cases.c.code == (code or None))
    found = [_Known(*row) for row in await connection.execute(query.where(where))]
    for known in found:
        if known.id == its:
            return known.id, fact.get("promised", "")
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
        changed = update(cases).where(cases.c.id == case, cases.c.code != code)
        return bool((await connection.execute(changed.values(code=code))).rowcount)
    return False
