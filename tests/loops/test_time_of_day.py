"""A wrong clock: callers are served, their words bear the right time; what time alone brings about rests."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import false, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami
from ivr.commands import doctor
from ivr.desk.editing.seeding import directory_from
from ivr.lab.pace import patience
from ivr.loops import time_of_day
from ivr.loops.carrying import OpenLine
from ivr.loops.every import Loops
from ivr.loops.lost_calls import VanishedCalls
from ivr.loops.time_of_day import Clocks, TimeOfDay
from ivr.settings import Settings
from ivr.store import clocks
from ivr.store.clocks import FAR
from ivr.store.engine import make_engine
from ivr.store.facts import FactStep, Unreadable
from ivr.store.figure_days import figure_days
from ivr.store.journal import journal_reading
from ivr.store.tables import custody_days, menu_step_days
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend
from tests.asterisk.pretend_ami import Connection, Fields, pretend_ami
from tests.desk.keeping.test_verify import sql
from tests.desk.office import Office, call, office, opening
from tests.fixtures.province import CONVENTIONS
from tests.loops.carried import carried
from tests.loops.test_put_aside import worker_at
from tests.loops.test_rescue import TO_RECORD, TREE

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
NEVER = timedelta()
TEHRAN = ZoneInfo("Asia/Tehran")
AGE = "SELECT extract(epoch FROM now() - opened_at) FROM cases WHERE code = :code"
CALL_S = """
    SELECT extract(epoch FROM ended_at - started_at),
        extract(epoch FROM (steps->0->>'at')::timestamptz - started_at)
    FROM calls"""


@pytest_asyncio.fixture
async def away() -> AsyncIterator[AsyncEngine]:
    """Nobody listens on port 1."""
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    yield engine
    await engine.dispose()


async def seconds_old(engine: AsyncEngine, code: str) -> float:
    async with engine.connect() as connection:
        return float((await connection.execute(text(AGE), {"code": code})).scalar_one())


@pytest.mark.parametrize(
    ("machine", "database", "off", "said"),
    [
        (NOW, NOW + FAR / 2, FAR / 2, ""),
        (NOW.replace(year=2000), NOW, NOW - NOW.replace(year=2000), "behind"),
        (NOW + timedelta(hours=1), NOW, -timedelta(hours=1), "ahead of"),
        (NOW, NOW.replace(year=1970), NEVER, "ahead of"),
        (NOW, NOW.replace(year=2099), NEVER, "behind"),
        (NOW.replace(year=2000), NOW.replace(year=2000), NEVER, "it can't be 2000-11-25"),
    ],
)
def test_the_database_s_time_counts_where_it_is_one(
    machine: datetime, database: datetime, off: timedelta, said: str
) -> None:
    clocks = Clocks(machine, database)
    assert clocks.off == off
    assert said in clocks.trouble and bool(said) == bool(clocks.trouble)


def test_where_no_clock_can_be_right_it_is_about_as_late_as_the_last_case() -> None:
    wrong = NOW.replace(year=2000)
    assert wrong + Clocks(wrong, wrong, NOW).off == NOW


@pytest.mark.parametrize(
    ("behind", "uptime", "is_one", "is_told"),
    [
        (timedelta(hours=5), 60.0, True, True),
        (FAR / 2, 60.0, True, False),
        (timedelta(hours=5), 1_000.0, True, False),  # that case may be what a wrong clock made
        (timedelta(hours=5), 60.0, False, False),  # two clocks agree
    ],
)
def test_a_machine_that_has_just_begun_with_its_clock_behind_the_last_case_is_not_believed(
    behind: timedelta, uptime: float, is_one: bool, is_told: bool
) -> None:
    """Without a battery: it began at what its system saved, or was built, and so did its own database."""
    found = Clocks(NOW - behind, NOW - behind, NOW, uptime, is_one)
    assert bool(found.trouble) is is_told and found.off == NEVER
    assert not Clocks(NOW, NOW, None, uptime, is_one).trouble


async def test_what_time_brings_about_waits_until_a_clock_without_a_battery_is_set_right(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_of_day, "BOOT_SECONDS", math.inf)
    async with office(engine, tmp_path) as desk:
        clock = TimeOfDay(engine, TEHRAN)
        await said(desk, clock)
        await clock.compare()
        assert clock.is_sure
        await sql(engine, "UPDATE cases SET opened_at = opened_at + interval '5 hours'")
        await clock.compare()
        assert not clock.is_sure and "a case is later" in clock.trouble
        assert await desk.intake.open_case(call(), opening()), "callers are served"
        await sql(engine, "UPDATE cases SET opened_at = opened_at - interval '5 hours'")
        await clock.compare()
        assert clock.is_sure


async def test_a_machine_whose_clock_is_years_behind_stamps_words_with_the_database_s_time(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(engine, tmp_path) as desk:
        clock = desk.intake.clock = TimeOfDay(engine, TEHRAN)
        monkeypatch.setattr(time_of_day, "datetime", Behind)
        assert clock().year == 2000
        await clock.begin()
        assert not clock.is_sure
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        query = text("SELECT abs(extract(epoch FROM now() - opened_at)) < 3600 FROM cases WHERE code = :code")
        async with engine.connect() as connection:
            assert (await connection.execute(query, {"code": code})).scalar_one()
        url = engine.url.render_as_string(hide_password=False)
        seen = await doctor._clock(Settings(state=tmp_path, database_url=url))  # alone: all take seconds
        assert not seen.ok and "behind the database's" in seen.found
        monkeypatch.undo()
        await clock.compare()
        assert clock.is_sure and clock().year > 2000


async def test_a_start_with_the_database_there_is_sure_at_once_and_says_nothing(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = TimeOfDay(engine, TEHRAN)
    assert not clock.is_sure and clock.mark()
    with caplog.at_level(logging.INFO):
        await clock.begin()
    assert clock.is_sure and not clock.mark() and not caplog.records


async def test_what_time_brings_about_waits_until_a_database_that_was_away_is_asked_a_second_later(
    engine: AsyncEngine, away: AsyncEngine
) -> None:
    clock = TimeOfDay(away, TEHRAN)
    await clock.begin()
    assert not clock.is_sure and not clock.trouble, "and nobody is alarmed"
    clock.engine = engine
    loops = Loops()
    loops.every("time of day", clock.rest, clock.compare, at_once=False)
    async with asyncio.timeout(patience(4)):
        while not clock.is_sure:
            await asyncio.sleep(0.05)
    await loops.close()


async def test_a_clock_that_can_t_be_right_counts_as_late_as_the_newest_journal(
    away: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = datetime.now(UTC) - timedelta(minutes=7)
    for name, at in (("00000001.log", last), ("00000002.log", datetime(2000, 1, 1, tzinfo=UTC))):
        segment = tmp_path / "journal" / name
        segment.parent.mkdir(exist_ok=True)
        segment.touch()
        os.utime(segment, (at.timestamp(), at.timestamp()))
    clock = TimeOfDay(away, TEHRAN, tmp_path)
    with monkeypatch.context() as wrong:
        wrong.setattr(time_of_day, "datetime", Behind)
        await clock.begin()
        assert timedelta() <= clock() - last < timedelta(minutes=5)
        assert not clock.is_sure and clock.trouble.startswith("it can't be 2000-")
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1), "set right, it is believed"


async def test_a_clock_that_is_set_right_between_two_looks_moves_nobody_s_time(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = TimeOfDay(engine, TEHRAN)
    with monkeypatch.context() as wrong:
        wrong.setattr(time_of_day, "datetime", Behind)
        await clock.begin()
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("wrong", ["Behind", "Ahead"])
async def test_a_clock_that_jumps_between_two_looks_is_believed_by_nobody(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    clock = TimeOfDay(engine, TEHRAN)
    await clock.begin()
    with monkeypatch.context() as jumps:
        jumps.setattr(time_of_day, "datetime", globals()[wrong])
        assert not clock.is_sure
        assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.is_sure, "it was set right again"


async def test_servers_whose_clocks_differ_by_less_go_by_the_database_s_all_the_same(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = TimeOfDay(engine, TEHRAN)
    monkeypatch.setattr(time_of_day, "datetime", Early)
    await clock.begin()
    assert clock.is_sure and abs(clock() - datetime.now(UTC)) < FAR / 4
    monkeypatch.undo()
    assert abs(clock() - datetime.now(UTC)) < FAR / 4, "it was set right"
    await clock.compare()
    assert clock.is_sure and abs(clock() - datetime.now(UTC)) < FAR / 4


async def leaps_from_now_on(engine: AsyncEngine, leaps: pytest.MonkeyPatch) -> None:
    """The machine's clock and the database's, at once."""
    await sql(engine, f'ALTER DATABASE "{engine.url.database}" SET search_path = public, pg_catalog')
    await engine.dispose()  # who connects from now on asks the clock below
    await sql(
        engine,
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
        " AS $$SELECT pg_catalog.clock_timestamp() + interval '300 days'$$",
    )
    leaps.setattr(time_of_day, "datetime", Ahead)


@pytest.mark.parametrize("what", ["the machine has just begun", "the database has a clock of its own"])
async def test_a_leap_that_has_an_honest_cause_is_believed(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    just_begun = what == "the machine has just begun"
    monkeypatch.setattr(time_of_day, "BOOT_SECONDS", math.inf if just_begun else 0.0)
    if not just_begun:
        monkeypatch.setattr(time_of_day, "_IS_HERE", false())  # as one on another machine says
    clock = TimeOfDay(engine, TEHRAN)
    await clock.begin()
    await leaps_from_now_on(engine, monkeypatch)
    await clock.compare()
    assert clock.is_sure and clock() - datetime.now(UTC) > timedelta(days=299)


async def test_where_machine_and_database_share_a_clock_that_leaps_ahead_nothing_goes_by_it(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time_of_day, "BOOT_SECONDS", 0.0)  # this machine may have begun just now
    clock = TimeOfDay(engine, TEHRAN)
    await clock.begin()
    with monkeypatch.context() as leaps:
        await leaps_from_now_on(engine, leaps)
        for _ in range(2):
            await clock.compare()
            assert not clock.is_sure and "leapt ahead by 7" in clock.trouble
            assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)
        assert len(caplog.records) == 1, "told once"
        anew = TimeOfDay(engine, TEHRAN)
        await anew.begin()
        assert anew.is_sure, "it may be right, and who starts our processes anew says so"
    await sql(engine, "DROP FUNCTION public.clock_timestamp()")
    await clock.compare()
    assert clock.is_sure, "it was set right again"


async def test_days_are_counted_and_closed_by_the_time_of_day_and_only_where_that_is_sure(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        await said(desk, TimeOfDay(engine, TEHRAN))
        await sql(engine, "UPDATE case_events SET noted_on = noted_on - 2")
        worker = worker_at(datetime.now(UTC) + timedelta(days=2), desk, tmp_path)
        for sure in (False, True):
            worker.is_sure = partial(bool, sure)
            await worker._count_days()  # a turn each: the loops' come every five and ten minutes
            await worker._close_days()  # likewise
            async with engine.connect() as connection:
                for table in (figure_days, menu_step_days, custody_days):
                    many = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                    assert bool(many) == sure, table.name


@pytest.mark.parametrize("wrong", ["Behind", "Ahead"])
async def test_what_was_said_before_any_clock_was_compared_gets_its_time_in_the_books(
    engine: AsyncEngine, away: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setattr(time_of_day, "datetime", globals()[wrong])
    async with office(engine, tmp_path) as desk:
        code = await said(desk, TimeOfDay(away, TEHRAN))
        assert 0 <= await seconds_old(engine, code) < 60
        async with engine.connect() as connection:
            lasted, until_the_step = (await connection.execute(text(CALL_S))).one()
        assert 0 <= until_the_step <= lasted < 60


async def test_no_call_is_closed_for_its_age_before_it_is_known_what_time_it_is(
    engine: AsyncEngine, away: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    async with office(engine, tmp_path / "another-machine") as desk:
        await desk.intake.call_started(replace(call(), started_at=began))
        await desk.pump.idle()
    async with office(engine, tmp_path / "here", pumping=False) as desk:
        clock = desk.intake.clock = TimeOfDay(away, TEHRAN)
        asterisk = Ami("127.0.0.1", 1, "u", "s")
        vanished = VanishedCalls(engine, tmp_path / "here", desk.intake, asterisk, clock)
        with monkeypatch.context() as wrong:
            wrong.setattr(time_of_day, "datetime", Ahead)
            await vanished.look()
            assert await open_calls(engine) == 1, "nobody knows how old it is"
            clock.engine = engine
            await clock.compare()
            desk.intake.clock = lambda: clock() + timedelta(hours=2)
            await vanished.look()
            assert await open_calls(engine) == 1, "which clock is wrong?"
        await clock.compare()
        await vanished.look()
        assert await open_calls(engine) == 0


async def test_a_call_is_not_taken_for_vanished_while_nobody_knows_how_young_it_is(
    engine: AsyncEngine, away: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server died, and Asterisk may have told of its channels before it had this one."""

    def none(connection: Connection, action: Fields) -> None:
        connection.answer(action, "Success", "Channel status will follow")
        connection.send(Event="StatusComplete", ActionID=action["actionid"], Items="0")

    async with office(engine, tmp_path) as desk:
        await desk.intake.call_started(replace(call(), started_at=datetime.now(UTC)))
        await desk.pump.idle()
    async with pretend_ami() as peer, office(engine, tmp_path, pumping=False) as desk:
        peer.replies["status"] = none
        asterisk = Ami("127.0.0.1", peer.port, "u", "s")
        await asyncio.wait_for(asterisk.connect(), patience(10))
        clock = desk.intake.clock = TimeOfDay(away, TEHRAN)
        vanished = VanishedCalls(engine, tmp_path, desk.intake, asterisk, clock)
        with monkeypatch.context() as wrong:
            wrong.setattr(time_of_day, "datetime", Ahead)
            await vanished.look()
            assert await open_calls(engine) == 1
        clock.engine = engine
        await clock.compare()
        desk.intake.clock = lambda: clock() + timedelta(minutes=2)
        await vanished.look()
        assert await open_calls(engine) == 0
        await asterisk.close()


async def open_calls(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM calls WHERE ended_at IS NULL"))
        return int(found.scalar_one())


async def test_a_call_that_begins_while_nobody_can_tell_the_time_bears_a_mark_in_each_of_its_facts(
    engine: AsyncEngine, away: AsyncEngine, tmp_path: Path
) -> None:
    menu = parse(TREE.read_bytes(), TREE.name, languages=Settings().calls.languages)
    directory = directory_from(Settings().seed_path, CONVENTIONS)
    async with office(engine, tmp_path, pumping=False) as desk:
        clock = desk.intake.clock = TimeOfDay(away, TEHRAN)
        line = OpenLine(lambda *_: menu, directory, desk.intake, clock, mark=clock.mark)
        await carried(line, Pretend(keys=TO_RECORD, says=[24_000]), tmp_path / "recordings")
        await desk.journal.flush()
        facts = [*journal_reading.waiting(tmp_path / "journal")]
    assert len(facts) >= 4 and not any(isinstance(fact, Unreadable) for fact in facts)
    assert {bool(fact.call.uptime) for fact in facts if not isinstance(fact, Unreadable)} == {True}


async def test_after_a_restart_of_the_machine_it_is_known_that_nothing_is_yet_to_come(
    engine: AsyncEngine, away: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_of_day, "datetime", Ahead)
    async with office(engine, tmp_path) as desk:
        code = await said(desk, TimeOfDay(away, TEHRAN), "another-boot 12.000")
        assert 0 <= await seconds_old(engine, code) < 60


def test_a_moment_of_this_boot_is_known_and_no_other() -> None:
    assert 0 <= (clocks.since(clocks.mark()) or 0.0) < 60
    assert [clocks.since(mark) for mark in ("", "another-boot 12.000", f"{clocks.mark()}x")] == [None] * 3


async def said(desk: Office, clock: TimeOfDay, mark: str = "") -> str:
    """The code of a call's words, once they are in the books."""
    desk.intake.clock = clock
    now = clock()
    facts = replace(call(), started_at=now, answered_at=now, uptime=mark or clock.mark())
    await desk.intake.call_started(facts)
    code = await desk.intake.open_case(facts, opening())
    steps = [FactStep(clock(), "main", "1", "")]
    await desk.intake.call_ended(facts, "completed", clock(), steps)
    await desk.pump.idle()
    return code


class Behind(datetime):
    """A clock that began in 2000."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz).replace(year=2000)


class Early(datetime):
    """One that is a minute ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + FAR / 2


class Ahead(datetime):
    """One that is three hundred days ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(days=300)
