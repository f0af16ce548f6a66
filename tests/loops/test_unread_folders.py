"""Folders that a damaged disk does not show: the worker goes on with the others, and says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops.every import Loops
from tests.desk.facts.test_fallback import put as put_fallback
from tests.desk.facts.test_reconcile import put
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.damaged import damaged, hanging
from tests.loops.test_put_aside import worker_at


async def test_folders_that_a_disk_does_not_show_are_told_while_all_else_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    put(tmp_path)
    (tmp_path / "fallback" / "second").mkdir(parents=True)
    refused = tmp_path / "fallback" / "second", tmp_path / "recordings" / "2026" / "11"
    with damaged(*refused):
        await _told_of(engine, tmp_path)


async def test_who_was_recorded_on_the_first_disk_does_not_wait_for_a_second_that_hangs(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    recorded = put_fallback(tmp_path / "fallback", "1700000000_09141234567_1.wav")
    (tmp_path / "fallback" / "second").mkdir()
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(WEDNESDAY, desk, tmp_path)
        with hanging(tmp_path / "fallback" / "second"):
            worker.start(loops := Loops())
            async with asyncio.timeout(patience(20)):
                while recorded.exists():
                    await asyncio.sleep(0.05)
            await loops.close()


async def test_a_journal_that_its_disk_does_not_show_as_the_worker_ends_is_no_error_and_stops_no_other(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with (
        office(engine, tmp_path, pumping=False) as desk,
        office(engine, tmp_path / "1", alone=False) as sibling,
    ):
        worker = worker_at(WEDNESDAY, desk, tmp_path)
        worker.start(loops := Loops())
        await sibling.intake.open_case(call(), opening())
        async with asyncio.timeout(patience(20)):
            while len(await as_json.cases(engine)) < 1:
                await asyncio.sleep(0.05)
        with damaged(sibling.journal.folder):
            await desk.intake.open_case(call(), opening())
            await worker.idle()
            assert len(await as_json.cases(engine)) == 2, "its own is in the books"
        await loops.close()


async def test_what_does_not_come_into_the_books_in_time_as_the_worker_ends_is_told_and_no_error(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ivr.loops.worker.LAST_SECONDS", 0.1)
    async with office(engine, tmp_path, pumping=False) as desk:
        await desk.intake.open_case(call(), opening())
        await worker_at(WEDNESDAY, desk, tmp_path).idle()
    assert "not all that is journalled is in the books as we end: no time is left" in caplog.text


async def _told_of(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        worker = worker_at(WEDNESDAY, desk, tmp_path)
        assert worker.troubles == []
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while len(worker.unread) < 4:
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
        second = [str(tmp_path / "fallback" / "second")]
        its = {
            "fallback": [],
            "fallback on the second disk": second,
            "recordings": ["2026/11"],
            "journals": [],
        }
        assert worker.unread == its
        told = " ".join(worker.troubles)
        assert "recordings (2026/11)" in told and second[0] in told
        assert not [loop.name for loop in loops.all if loop.failures]
