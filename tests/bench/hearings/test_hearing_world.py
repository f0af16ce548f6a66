"""Meetings in the hands of chance: one seed here, hundreds by `python -m bench.hearings`."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.hearings.world import HearingWorld

SEED, STEPS = 3, 80


@pytest.mark.timeout(300)
async def test_nobody_waits_without_a_date_is_told_two_dates_or_shown_to_the_head_it_is_about(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    world = HearingWorld(SEED, engine, tmp_path, STEPS)
    assert await world.run() == []
    assert world.done > STEPS / 3, "mostly something happens"
