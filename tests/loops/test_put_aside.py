"""A row that a step of the work can't deal with: the steps go on, and the worker tells of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import pausing
from ivr.lab.pace import patience
from ivr.loops.every import Loops
from ivr.loops.worker import Cellar, Worker
from ivr.settings import Settings
from ivr.store.derived import Derived
from tests.desk.counter import counter
from tests.desk.facts.test_reconcile import shelf
from tests.desk.office import office


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
        derived, seed = Derived(tmp_path / "derived"), Settings().seed_path
        cellar = Cellar(tmp_path / "fallback", tmp_path / "lists", seed, derived)
        worker = Worker(desk.pump, desk.intake, shelf(desk, tmp_path), cellar, lambda: later)
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
