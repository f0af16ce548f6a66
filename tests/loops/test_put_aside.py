"""A row that a step of the work can't deal with: the steps go on, and the worker tells of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami
from ivr.commands import doctor
from ivr.desk.case import pausing
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops import every
from ivr.loops.every import Loops
from ivr.loops.lost_calls import VanishedCalls
from ivr.loops.time_of_day import TimeOfDay
from ivr.loops.worker import Cellar, Worker
from ivr.settings import Settings
from ivr.store import tables
from ivr.store.aside import MANY
from ivr.store.derived import Derived
from ivr.store.vault import Vault
from tests.desk.call.test_callbacks import NOON, answered, claim
from tests.desk.counter import counter
from tests.desk.facts.test_reconcile import shelf
from tests.desk.keeping.test_verify import with_words
from tests.desk.office import Office, call, office, opening


def worker_at(later: datetime, desk: Office, folder: Path) -> Worker:
    derived, seed = Derived(folder / "derived"), Settings().seed_path
    cellar = Cellar(folder / "fallback", folder / "lists", seed, derived)
    return Worker(desk.pump, desk.intake, shelf(desk, folder), cellar, lambda: later)


async def test_of_three_pauses_two_end_and_the_third_is_told_as_a_warning(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    codes = [await at.open(topic) for topic in ("water.bill", "energy.gas", "water.supply")]
    for code in codes:
        await pausing.pause(engine, at.page, at.ask(code, "desk", "x"), 2)
    await at.put_behind(codes[0])
    later = at.at + timedelta(days=9)
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(later, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while not worker.aside.counts.get("pauses") or any(
                    [(await at.row(code)).paused_at for code in codes[1:]]
                ):
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert any(told.startswith("pauses: 1 put aside") for told in worker.troubles)
    assert not [loop.name for loop in loops.all if loop.failures]


async def test_a_case_that_could_not_be_entered_is_looked_for_again_after_an_hour_and_then_no_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at, now = await counter(engine), [NOON]
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call("09141234567"), opening())
        await desk.pump.idle()
        worker = worker_at(NOON, desk, tmp_path)
        worker.clock = lambda: now[0]
        await _heard_for(at.engine, float("nan"))  # no number in JSON
        await entered_anew(worker)
        assert worker.aside.counts["inbox"] == 1
        await _heard_for(at.engine, 6.0)
        for _ in range(2):
            now[0] += timedelta(minutes=20)
            await entered_anew(worker)
            assert await _entered(at.engine) == 0
        now[0] += timedelta(minutes=20)
        await entered_anew(worker)
        assert await _entered(at.engine) == 1 and worker.troubles == []
        await _heard_for(at.engine, 6.0)
        now[0] += timedelta(hours=2)
        await entered_anew(worker)
        assert await _entered(at.engine) == 0


async def entered_anew(worker: Worker) -> None:
    await worker._enter()  # a turn: the loop's come every five minutes


async def _heard_for(engine: AsyncEngine, seconds: float) -> None:
    """Older code says so, which knows no entries."""
    async with engine.begin() as connection:
        await connection.execute(update(tables.recordings).values(seconds=seconds))
        await connection.execute(update(tables.inbox_entries).values(seq=0))


async def _entered(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        its = select(func.count()).where(tables.inbox_entries.c.seq > 0)
        return int((await connection.execute(its)).scalar_one())


async def test_a_call_back_put_aside_is_a_warning_a_gauge_and_a_finding_of_the_doctor(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    settings = Settings(state=tmp_path, database_url=database_url)
    assert (await doctor._leaving(settings)).ok  # this check alone: all of them take seconds
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(last_outcome="an_outcome_of_tomorrow"))
    assert await claim(engine, NOON) is None
    finding = await doctor._leaving(settings)  # likewise
    assert not finding.ok and "1 call-backs put aside" in finding.found
    async with office(engine, tmp_path / "desk", pumping=False) as desk:
        worker = worker_at(NOON, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while not worker.aside.counts.get("call_backs"):
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert worker.aside.counts["call_backs"] == 1
    assert [told for told in worker.troubles if told.startswith("call_backs: 1 put aside")]


async def test_a_step_of_which_no_pause_can_end_keeps_failing_tells_so_and_goes_on_as_soon_as_it_is_mended(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    at = await counter(engine)
    codes = [await at.open("water.bill") for _ in range(MANY)]
    for code in codes:
        await pausing.pause(engine, at.page, at.ask(code, "desk", "x"), 2)
    async with engine.begin() as connection:
        refusing = "ALTER TABLE case_events ADD CONSTRAINT never_ends CHECK (event <> 'resumed')"
        await connection.execute(text(refusing))
    later = at.at + timedelta(days=9)
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(later, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while not loops.troubles:
                    await asyncio.sleep(0.05)
            [keeps_failing] = loops.troubles
            assert keeps_failing.startswith("escalation keeps failing")
            assert keeps_failing.endswith("pauses are over: NoneWorks")
            [told] = worker.troubles
            assert told.startswith(f"pauses: none of {MANY}") and worker.aside.counts["pauses"] == MANY
            async with engine.begin() as connection:
                await connection.execute(text("ALTER TABLE case_events DROP CONSTRAINT never_ends"))
            async with asyncio.timeout(patience(20)):
                while any([(await at.row(code)).paused_at for code in codes]):
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert worker.troubles == []


async def test_a_store_that_is_away_keeps_failing_and_tells_so(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    await with_words(engine, tmp_path)
    nowhere = Vault("s3://seda111/tabriz", "http://127.0.0.1:1", "us-east-1", "key", "secret")
    async with office(engine, tmp_path / "desk", pumping=False) as desk:
        worker = worker_at(NOON, desk, tmp_path)
        worker.cellar = replace(worker.cellar, vault=nowhere)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(30)):
                while not (
                    found := [told for told in loops.troubles if told.startswith("store keeps failing")]
                ):
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert "VaultError: the recordings' store fails" in found[0]
    assert not worker.aside.counts.get("store"), "no recording is at fault"


# What the books lack where a release was begun before its migration, or a right was not given; and what keeps
# failing for it.
LACKING = {
    "figure_days": "figures",
    "inbox_entries": "inbox",
    "custody_days": "custody",
    "custody_seals": "sealing",
    "retention_terms": "retention",
    "menu_events": "menu trees",
    "callbacks": "call-backs put aside",
    "referrals": "escalation watchdog",
}


async def test_what_lacks_a_table_keeps_failing_tells_so_and_goes_on_once_it_is_there(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    for each in ("PROOF_SECONDS", "SEAL_SECONDS", "RETENTION_SECONDS"):
        monkeypatch.setattr(f"ivr.loops.worker.{each}", 0.01)
    await (await counter(engine)).open("water.bill")
    async with engine.begin() as connection:
        for table in LACKING:
            await connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_of_tomorrow"))
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(NOON, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            failing: set[str] = set()
            async with asyncio.timeout(patience(30)):
                while not failing.issuperset(LACKING.values()):
                    failing = {each.partition(" keeps failing")[0] for each in loops.troubles}
                    await asyncio.sleep(0.05)
            async with engine.begin() as connection:
                for table in LACKING:
                    await connection.execute(text(f"ALTER TABLE {table}_of_tomorrow RENAME TO {table}"))
            async with asyncio.timeout(patience(60)):
                while loops.troubles:
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()


async def test_words_wait_in_the_journal_for_a_table_that_is_lacking_and_that_is_told(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    async with office(engine, tmp_path, pumping=False) as desk:
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE recordings RENAME TO recordings_of_tomorrow"))
        code = await desk.intake.open_case(call(), opening())
        worker = worker_at(NOON, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while not [told for told in loops.troubles if told.startswith("pump keeps failing")]:
                    await asyncio.sleep(0.05)
            async with engine.begin() as connection:
                await connection.execute(text("ALTER TABLE recordings_of_tomorrow RENAME TO recordings"))
            async with asyncio.timeout(patience(20)):
                while await as_json.case_json(engine, code) is None:
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert not [*tmp_path.rglob("quarantine/*")]


async def test_a_journal_of_another_that_a_fault_of_ours_keeps_out_of_the_books_is_told_and_comes_after_it(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr("ivr.loops.worker.SIBLINGS_SECONDS", 0.01)
    monkeypatch.setattr("ivr.desk.facts.adopting.LOOK_SECONDS", 0.01)
    async with office(engine, tmp_path / "1", pumping=False) as dead:
        code = await dead.intake.open_case(call(), opening())
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE recordings RENAME TO recordings_of_tomorrow"))
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(NOON, desk, tmp_path)
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while not (found := [told for told in loops.troubles if told.startswith("siblings keeps")]):
                    await asyncio.sleep(0.05)
            assert "1/journal can't be applied (" in found[0]
            async with engine.begin() as connection:
                await connection.execute(text("ALTER TABLE recordings_of_tomorrow RENAME TO recordings"))
            async with asyncio.timeout(patience(20)):
                while await as_json.case_json(engine, code) is None or worker.following.faults:
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()


async def test_a_look_for_vanished_calls_that_fails_is_counted(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE calls RENAME TO calls_of_tomorrow"))
    async with office(engine, tmp_path, pumping=False) as desk:
        time = TimeOfDay(engine, ZoneInfo("Asia/Tehran"))
        await time.compare()
        vanished = VanishedCalls(engine, tmp_path, desk.intake, Ami("127.0.0.1", 1, "u", "s"), time)
        loops = Loops()
        loops.every("vanished calls", vanished.rest, vanished.look)
        async with asyncio.timeout(patience(20)):
            while not loops.troubles:
                await asyncio.sleep(0.01)
        await loops.close()
    assert loops.troubles[0].startswith("vanished calls keeps failing")
