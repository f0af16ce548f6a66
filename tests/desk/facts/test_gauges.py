"""How things stand on this machine is told, whatever its disk does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ivr.desk.facts.gauges import asked_of_spool, of_spool
from ivr.lab.pace import patience
from ivr.store import disk_thread
from tests.fixtures.damaged import asleep


async def test_a_spool_that_hangs_takes_no_thread_of_those_that_serve_pages_and_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_thread(*args: Any) -> Any:
        raise AssertionError("one of those that serve pages")

    monkeypatch.setattr(asyncio, "to_thread", no_thread)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(1))
    assert await asked_of_spool(tmp_path, tmp_path / "fallback") == of_spool(tmp_path, tmp_path / "fallback")
    with asleep(tmp_path) as sleepers:
        async with asyncio.timeout(patience(20)):
            for _ in range(20):
                assert await asked_of_spool(tmp_path, tmp_path / "fallback") == []
        assert len(sleepers) == 1
