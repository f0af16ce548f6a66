"""Closing the days."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case.event_log import add_event
from ivr.desk.keeping import custody
from ivr.desk.keeping.backup import _is_closed
from ivr.desk.keeping.custody import ListUnkept
from ivr.lab.pace import patience
from ivr.store.engine import is_away
from tests.desk.counter import counter
from tests.desk.keeping.test_verify import AT_ONCE, close_days, findings, list_of
from tests.fixtures.damaged import asleep


async def test_a_day_is_closed_once_when_it_is_over_by_whoever_comes_first(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    assert await custody.keep(engine, tmp_path / "custody") == []
    await at.open()
    assert await custody.keep(engine, tmp_path / "custody") == [], "today is not over"
    one, other = await asyncio.gather(
        close_days(engine, tmp_path / "a", 0), close_days(engine, tmp_path / "b", 1)
    )
    closed = one + other
    assert [day.events for day in closed] == [2]
    await custody.keep(engine, tmp_path / "a" / "custody")
    await custody.keep(engine, tmp_path / "b" / "custody")
    lists = [list_of(tmp_path / machine, closed[0]).read_bytes() for machine in "ab"]
    assert lists[0] == lists[1], "each machine has the list"


async def test_a_day_is_not_closed_before_it_has_settled(engine: AsyncEngine, tmp_path: Path) -> None:
    await (await counter(engine)).open()
    assert await close_days(engine, tmp_path, settle=timedelta(days=1)) == []
    assert [day.events for day in await close_days(engine, tmp_path, 0)] == [2]


async def test_days_without_an_event_and_days_that_nobody_closed_in_time_are_in_the_chain(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await (await counter(engine)).open()
    days = await close_days(engine, tmp_path, 4)
    assert [day.events for day in days] == [2, 0, 0, 0]
    assert [day.previous for day in days[1:]] == [day.root for day in days[:-1]]
    assert len({day.root for day in days}) == 4
    assert await findings(engine, tmp_path) == []


async def test_closing_waits_for_an_event_that_is_being_written(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    code = await at.open()
    case = (await at.row(code)).id
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE case_events SET noted_on = noted_on - 1"))
    async with engine.begin() as connection:
        await add_event(connection, uuid.uuid4(), case, at.at, "noted", {})
        await connection.execute(text("UPDATE case_events SET noted_on = noted_on - 1 WHERE seq = 3"))
        closing = asyncio.create_task(custody.keep(engine, tmp_path / "custody", AT_ONCE))
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'")
        async with engine.connect() as watching:
            while not (await watching.execute(waits)).scalar():
                await asyncio.sleep(0.01)
    (day,) = await closing
    assert day.events == 3


async def test_a_list_that_can_not_be_written_again_as_it_was_is_not_passed_off_as_the_list(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await (await counter(engine)).open()
    (day,) = await close_days(engine, tmp_path)
    list_of(tmp_path, day).unlink()
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE case_events SET hash = sha256('x') WHERE seq = 2"))
    await custody.keep(engine, tmp_path / "custody")
    assert not list_of(tmp_path, day).exists()


@pytest.mark.parametrize("readable", [True, False])
async def test_closing_a_day_again_keeps_the_list_that_it_was_closed_with_before(
    engine: AsyncEngine, tmp_path: Path, readable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a restore of older books: that list alone names what they lost."""
    await (await counter(engine)).open()
    (day,) = await close_days(engine, tmp_path)
    new = list_of(tmp_path, day)
    again, lost = new.read_bytes(), b"the name of a case that is gone"
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM custody_days"))
    await custody.keep(engine, tmp_path / "custody", AT_ONCE)
    assert [*new.parent.iterdir()] == [new] and not caplog.messages, "the same list is no other"
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM custody_days"))
    new.unlink()
    if readable:
        new.write_bytes(lost)
        kept = name = new.with_suffix(f".{hashlib.sha256(lost).hexdigest()[:8]}.before")
    else:
        new.mkdir()  # what can't be read as a file
        (new / "names").write_bytes(lost)
        name = new.with_suffix(".unread.before")
        kept = name / "names"
    await custody.keep(engine, tmp_path / "custody", AT_ONCE)
    assert (new.read_bytes(), kept.read_bytes()) == (again, lost)
    assert [str(name) in message for message in caplog.messages] == [True], "it is named once"
    assert await findings(engine, tmp_path) == []
    assert _is_closed(day.day, name), "a backup takes it along"


async def test_a_disk_that_takes_no_list_is_no_database_that_is_away_and_its_day_is_closed_later(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Where a day is closed, and where its list is lacking: no alarm told that no day was closed any more."""
    await (await counter(engine)).open()
    folder, day = tmp_path / "custody", list[custody.ClosedDay]()
    for days in (1, 0):
        folder.touch()
        with pytest.raises(ListUnkept, match=r"can't be kept in .*/custody/.*: File exists") as told:
            await close_days(engine, tmp_path, days)
        assert not is_away(told.value)
        folder.unlink()
        day += await close_days(engine, tmp_path, 0)
        (its_list,) = folder.iterdir()
        assert hashlib.sha256(its_list.read_bytes()).digest() == day[0].root
        its_list.unlink()
        folder.rmdir()


async def test_a_disk_that_hangs_under_the_lists_halts_nobody_else(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Where a day is closed, and where its list is lacking."""
    await (await counter(engine)).open()
    folder, day = tmp_path / "custody", list[custody.ClosedDay]()
    for days in (1, 0):
        with asleep(folder) as sleepers:
            closing = asyncio.create_task(close_days(engine, tmp_path, days))
            async with asyncio.timeout(patience(20)):
                while not sleepers:
                    await asyncio.sleep(0.01)
            assert threading.current_thread() not in sleepers
        day += await closing
        (its_list,) = folder.iterdir()
        assert hashlib.sha256(its_list.read_bytes()).digest() == day[0].root
        its_list.unlink()
