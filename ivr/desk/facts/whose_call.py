"""Whose words a recording holds of which no journal tells more than its call, if that.

A process that is killed while its disk hangs takes with it what it had not written yet. The recording is
named for its call (`ivr.store.recording_files.is_of`), which the books may know from elsewhere, as may the
dialplan where it went on alone: the name of its own recording has the call, the caller and what she chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.fallback import told_by_names
from ivr.desk.facts.righting import LONGEST_CALL
from ivr.desk.facts.strays import Shelf, Stray
from ivr.store.clocks import mark_of
from ivr.store.disk_thread import ask_once
from ivr.store.facts import CallStartedFact, Fact, FactCall, RecordingBegunFact
from ivr.store.recording_files import is_of
from ivr.store.tables import calls

_ITS = [calls.c[each.name] for each in fields(FactCall) if each.name in calls.c]


def is_bare(told: Sequence[Fact]) -> bool:
    """Whether no more is told than the call, if that."""
    return all(isinstance(fact, CallStartedFact) for fact in told)


async def told_by_the_dialplan(shelf: Shelf, names: Sequence[str]) -> dict[str, RecordingBegunFact]:
    """Recording → what the dialplan knows of it. Asked before the journals: what is taken in goes there."""
    if shelf.fallback is None:
        return {}
    return await ask_once(partial(told_by_names, shelf.fallback, shelf.book.conventions.languages, names))


async def told_by_others(
    engine: AsyncEngine, stray: Stray, told: Sequence[Fact], dialplan: RecordingBegunFact | None
) -> Sequence[Fact]:
    """What journals tell barely, with what the books and the dialplan know."""
    known = told or [CallStartedFact(call) for call in await _in_the_books(engine, stray)]
    if dialplan is None:
        return known
    began = min(dialplan.at, datetime.fromtimestamp(stray.grown_at, UTC))
    mark = mark_of(began.timestamp())
    alone = replace(dialplan.call, started_at=began, answered_at=began, uptime=mark)
    call = known[0].call if known else alone
    return [replace(dialplan, call=call), *known]


async def _in_the_books(engine: AsyncEngine, stray: Stray) -> list[FactCall]:
    """Its call; none where they have no such."""
    moment = datetime.fromtimestamp(stray.grown_at, UTC)
    about = calls.c.started_at.between(moment - LONGEST_CALL, moment + LONGEST_CALL)
    async with engine.connect() as connection:
        ids = (await connection.execute(select(calls.c.id).where(about))).scalars().all()
        its = await ask_once(lambda: [id for id in ids if is_of(stray.name, str(id))])
        rows = await connection.execute(select(*_ITS).where(calls.c.id.in_(its)))
        return [FactCall(**row) for row in rows.mappings()]
