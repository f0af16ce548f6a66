"""All words of a call belong to one case, whoever brings them to the books first.

A server killed in mid-call leaves words by several ways: its own journal, the reconciler for a file that
nobody accounts for, the dialplan's fall-back. The last two know no case and open one in reserve, under an id
made from the call's. Whichever comes second joins the first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.journal import Fact
from ivr.store.tables import cases

# The same call is never opened by two transactions at once; in order, so that they can't wait for each other.
_ONE_AFTER_ANOTHER = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(id, 111)) FROM unnest(CAST(:ids AS text[])) AS id"
)


def reserve(call: str) -> uuid.UUID:
    """The case of a call's words that came without a case of their own."""
    return uuid.uuid5(uuid.UUID(call), "case")


async def joined(connection: AsyncConnection, facts: Sequence[Fact]) -> list[Fact]:
    """The facts, a `case_opened` turned into `words_kept` where its words belong to a case that is there.

    Locks the calls until the transaction's end.
    """
    calls = sorted({fact["call"]["id"] for fact in facts if fact["type"] == "case_opened"})
    if not calls:
        return list(facts)
    await connection.execute(_ONE_AFTER_ANOTHER, {"ids": calls})
    there = select(cases.c.id, cases.c.call_id).where(cases.c.call_id.in_(map(uuid.UUID, calls)))
    known: dict[uuid.UUID, list[uuid.UUID]] = {}
    for row in await connection.execute(there.order_by(cases.c.opened_at)):
        known.setdefault(row.call_id, []).append(row.id)
    found: list[Fact] = []
    for fact in facts:
        found += _join(fact, known) if fact["type"] == "case_opened" else [fact]
    return found


def _join(fact: Fact, known: dict[uuid.UUID, list[uuid.UUID]]) -> list[Fact]:
    case, call = uuid.UUID(fact["id"]), fact["call"]["id"]
    before = known.setdefault(uuid.UUID(call), [])
    kin = before if case == reserve(call) else [other for other in before if other == reserve(call)]
    if case in before:  # applied before; what it brings beyond that must be told by an event
        return [{**_words(fact, recording, case), "promised": ""} for recording in fact["recordings"]]
    if not kin:
        before.append(case)
        return [fact]
    return [_words(fact, recording, kin[-1]) for recording in fact["recordings"]]


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


async def keep_promise(connection: AsyncConnection, fact: Fact, case: uuid.UUID) -> bool:
    """A code that may have been spoken becomes that of the case which the words have joined. Whether."""
    if fact.get("promised"):
        taken = select(cases.c.id).where(cases.c.code == fact["promised"]).exists()
        changed = update(cases).where(cases.c.id == case, ~taken)
        return bool((await connection.execute(changed.values(code=fact["promised"]))).rowcount)
    return False
