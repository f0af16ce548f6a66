"""The chain of a case's events: no forks, no gaps, one way to write it."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.custody import FIRST, UNCHAINED
from ivr.desk.case.event_log import add_event, chain_older
from ivr.store.tables import case_events
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings

IVR = Path(__file__).resolve().parents[3] / "ivr"


async def story(at: Counter, code: str) -> list[Any]:
    query = select(case_events).where(case_events.c.case_id == (await at.row(code)).id)
    async with at.engine.connect() as connection:
        return list(await connection.execute(query.order_by(case_events.c.seq)))


async def tell(at: Counter, code: str, cause: uuid.UUID, event: str = "noted") -> None:
    case = (await at.row(code)).id
    async with at.engine.begin() as connection:
        await add_event(connection, cause, case, at.at, event, {"n": 1})


async def test_events_written_at_once_do_not_fork_the_chain(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    code = await at.open()
    await asyncio.gather(*(tell(at, code, uuid.uuid4()) for _ in range(12)))
    events = await story(at, code)
    assert [event.seq for event in events] == list(range(1, 15))
    assert [event.previous for event in events] == [FIRST, *(event.hash for event in events[:-1])]
    assert await findings(engine, tmp_path) == []


async def test_the_same_event_told_twice_also_at_once_is_written_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    code, cause = await at.open(), uuid.uuid4()
    for _ in range(2):
        await asyncio.gather(*(tell(at, code, cause) for _ in range(4)), return_exceptions=True)
    assert [event.event for event in await story(at, code)] == ["opened", "referred", "noted"]
    assert await findings(engine, tmp_path) == []


async def test_an_event_of_no_case_is_an_error(engine: AsyncEngine) -> None:
    with pytest.raises(NoResultFound):
        async with engine.begin() as connection:
            await add_event(connection, uuid.uuid4(), uuid.uuid4(), (await counter(engine)).at, "noted", {})


async def test_events_of_older_code_get_their_place_by_the_worker_or_by_the_next_event(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    codes = [await at.open() for _ in range(3)]
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE case_events SET state = '', previous = '', hash = ''"))
        case = (await at.row(codes[0])).id
        row = {"id": uuid.uuid4(), "case_id": case, "seq": 3, "at": at.at, "actor": "old", "event": "noted"}
        await connection.execute(insert(case_events), [row | {"details": {}}])
        await connection.execute(text("UPDATE cases SET last_seq = 3 WHERE id = :id"), {"id": case})
    assert {each.kind for each in await findings(engine, tmp_path)} == {"event_unchained"}
    await tell(at, codes[0], uuid.uuid4())
    assert [event.hash != UNCHAINED for event in await story(at, codes[0])] == [True] * 4
    async with engine.begin() as connection:
        assert await chain_older(connection) == 2
        assert await chain_older(connection) == 0
    assert await findings(engine, tmp_path) == []


def test_nobody_else_writes_events() -> None:
    """`add_event` is the one way; what it does not write has no place in the chain."""
    writes = re.compile(r"(insert|update|delete)\(case_events|case_events\.(insert|update|delete)")
    writing = [path for path in IVR.rglob("*.py") if writes.search(path.read_text(encoding="utf-8"))]
    assert writing == [IVR / "desk" / "case" / "event_log.py"]
