"""Meetings in the hands of chance: a few seeds here, hundreds by `python -m bench.hearings`."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.hearings.world import HearingWorld

STEPS = 90


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_waits_without_a_date_is_told_two_dates_or_shown_to_the_head_it_is_about(
    engine: AsyncEngine, tmp_path: Path, seed: int
) -> None:
    world = HearingWorld(seed, engine, tmp_path, STEPS)
    assert await world.run() == []
    assert world.done > STEPS / 3, "mostly something happens"
