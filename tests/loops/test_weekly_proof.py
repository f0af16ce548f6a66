"""Once a week all is proved at night, by the real command beside the real database."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.keeping import proved
from ivr.loops.weekly_proof import WeeklyProof
from ivr.store.recording_files import plain
from ivr.store.tables import custody_days
from tests.desk.keeping.test_verify import close_days, with_words
from tests.fixtures.commands import roles


async def test_it_is_made_in_one_night_of_seven_and_tells_what_it_found(
    engine: AsyncEngine, database_url: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "ivr.loops.weekly_proof")
    for name, value in {**roles(database_url), "IVR_STATE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    _, names = await with_words(engine, tmp_path)
    zone = ZoneInfo("Pacific/Honolulu")  # a province whose night is the day of Tehran
    night = datetime.now(zone).replace(hour=2, minute=30)
    now = [night]
    proof = WeeklyProof(engine, lambda: now[0], zone)
    assert not await proof.once(), "nothing is closed yet"
    await close_days(engine, tmp_path)
    assert not await proof.once(), "it is young"
    async with engine.begin() as connection:
        closed_at = update(custody_days).values(closed_at=night - timedelta(days=7))
        await connection.execute(closed_at)
    now[0] = night.replace(hour=14)
    assert not await proof.once(), "calls have the day"
    now[0] = datetime.now(ZoneInfo("Asia/Tehran")).replace(hour=2, minute=30)
    assert not await proof.once(), "it is night somewhere else"
    now[0] = night
    assert await proof.once() and not await proof.once()
    assert "the weekly proof looked at" in caplog.text and "all is well" in caplog.text
    whole = await proved.last(engine, whole=True, well=True, listened=True)
    assert whole is not None

    now[0] = night + timedelta(days=5)
    assert not await proof.once()
    plain(tmp_path / "recordings", names[0]).write_bytes(b"other words")
    now[0] = night + timedelta(days=8)
    caplog.clear()
    assert await proof.once()
    assert "1 findings" in caplog.text and names[0] in caplog.text
    assert (await proved.told(engine)).wrong

    async with engine.connect() as connection:  # somebody else is at it
        await connection.execute(select(func.pg_advisory_lock(func.hashtext("weekly proof"))))
        now[0] = night + timedelta(days=16)
        assert not await proof.once()
