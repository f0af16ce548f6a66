"""Folders that a damaged disk does not show: the worker goes on with the others, and says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.lab.pace import patience
from ivr.loops.every import Loops
from ivr.loops.worker import Cellar, Worker
from ivr.settings import Settings
from ivr.store.derived import Derived
from tests.desk.facts.test_reconcile import put, shelf
from tests.desk.office import WEDNESDAY, office
from tests.fixtures.damaged import damaged


async def test_folders_that_a_disk_does_not_show_are_told_while_all_else_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    put(tmp_path)
    (tmp_path / "fallback" / "second").mkdir(parents=True)
    refused = tmp_path / "fallback" / "second", tmp_path / "recordings" / "2026" / "11"
    with damaged(*refused):
        await _told_of(engine, tmp_path)


async def _told_of(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        derived, seed = Derived(tmp_path / "derived"), Settings().seed_path
        cellar = Cellar(tmp_path / "fallback", tmp_path / "lists", seed, derived)
        worker = Worker(desk.pump, desk.intake, shelf(desk, tmp_path), cellar, lambda: WEDNESDAY)
        assert worker.troubles == []
        worker.start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while len(worker.unread) < 3:
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
        fallback = [str(cellar.fallback / "second")]
        assert worker.unread == {"fallback": fallback, "recordings": ["2026/11"], "journals": []}
        told = " ".join(worker.troubles)
        assert "recordings (2026/11)" in told and str(cellar.fallback / "second") in told
        assert not [loop.name for loop in loops.all if loop.failures]
