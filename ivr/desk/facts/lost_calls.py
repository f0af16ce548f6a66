"""Calls that vanished are closed in the books: their process died, or the Asterisk that held them.

A call whose connection breaks ends by itself with the outcome `lost` (ivr/loops/carrying.py). What is left
is a row that began and never ended. It is closed only when nobody can still be in that call: no living
process of this machine has begun it in its present run, no end of it waits in a journal, and Asterisk has
no such channel (in the dialplan's fall-back she may be speaking yet). Its recordings are the reconciler's
and are not touched.

Another machine's calls are in no journal here: they are left alone until no call can last so long.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.comparing import behind
from ivr.desk.facts.righting import LONGEST_CALL
from ivr.store import slots
from ivr.store.calls import LOST
from ivr.store.disk_thread import ask_once
from ivr.store.facts import CallEndedFact, Fact, Unreadable, happened_at
from ivr.store.journal import journal_reading
from ivr.store.tables import calls

log = logging.getLogger(__name__)

YOUNGEST = timedelta(seconds=60)
AT_ONCE = 1_000


async def close_lost(
    engine: AsyncEngine,
    spool: Path,
    now: datetime,
    *,
    live: Collection[str] = (),
    channels: Collection[str] | None = None,
    by_age: bool = True,
) -> int:
    """One pass; how many were closed. Any number of processes may do it at once. Raises what AWAY names.

    `live`: ids of this process's calls. `channels`: unique ids that Asterisk has now, None when it can't say.
    `by_age`: also what no call can last; not while nobody can tell which clock is wrong.
    """
    rows = [row for row in await _open_rows(engine, now) if str(row.id) not in live]
    if not rows or await behind(engine, spool):  # their ends may be on the way, once more
        return 0
    told = await ask_once(partial(_told, spool, [str(row.id) for row in rows]))
    closed = 0
    for row in rows:
        facts = told[str(row.id)]
        if facts is None or (row.unique_id in (channels or ())):
            continue
        if (facts and channels is not None) or (by_age and now - row.started_at > LONGEST_CALL):
            closed += await _close(engine, row, _last_moment(facts, row.started_at))
    return closed


async def _open_rows(engine: AsyncEngine, now: datetime) -> list[Any]:
    query = select(calls.c.id, calls.c.unique_id, calls.c.started_at).where(calls.c.ended_at.is_(None))
    query = query.where(calls.c.started_at < now - YOUNGEST).order_by(calls.c.started_at).limit(AT_ONCE)
    async with engine.connect() as connection:
        return list((await connection.execute(query)).all())


def _told(spool: Path, ids: Collection[str]) -> dict[str, list[Fact] | None]:
    """What the journals of this machine tell of each call; None: it lives, or its end is on the way.

    Raises OSError: then any call may be one of these.
    """
    told: dict[str, list[Fact] | None] = {id: [] for id in ids}
    for folder in slots.journals(spool):
        began = journal_reading.run_began(folder)
        for id, found in journal_reading.of_calls(folder, ids).items():
            lives = began is not None and any(position.segment >= began for position, _ in found)
            ended = any(isinstance(fact, CallEndedFact) for _, fact in found)
            before = told[id]
            readable = [fact for _, fact in found if not isinstance(fact, Unreadable)]
            told[id] = None if lives or ended or before is None else before + readable
    return told


def _last_moment(facts: list[Fact] | None, started_at: datetime) -> datetime:
    """The last that is known of a call. Its row's beginning was put right, what its journal says was not."""
    longest, latest = started_at + LONGEST_CALL, started_at
    for fact in facts or ():
        said, at = fact.call.started_at, happened_at(fact)
        if said <= at <= said + LONGEST_CALL:  # else the clock was set in mid-call
            at += started_at - said
        if at <= longest:
            latest = max(latest, at)
    return latest


async def _close(engine: AsyncEngine, row: Any, at: datetime) -> int:
    this: uuid.UUID = row.id
    ending = update(calls).where(calls.c.id == this, calls.c.ended_at.is_(None))
    async with engine.begin() as connection:
        done = await connection.execute(ending.values(ended_at=at, outcome=LOST))
    if done.rowcount:
        log.warning("call %s vanished; it is closed as %s", this, LOST)
    return int(done.rowcount)
