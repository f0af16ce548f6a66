"""A clock that jumps: the order is the journal's, and no file waits for a time that is long in coming."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.fallback import take_in
from ivr.desk.reading import as_json
from ivr.voice.actions import KeepWords
from tests.desk.facts import test_reconcile as strays
from tests.desk.facts.test_fallback import put
from tests.desk.office import WEDNESDAY, call, office, opening, words


async def test_a_call_through_two_jumps_of_the_clock_is_whole_and_ends_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        desk.intake.clock = lambda: WEDNESDAY - timedelta(hours=5)
        code = await desk.intake.open_case(facts, opening())
        desk.intake.clock = lambda: WEDNESDAY + timedelta(days=3)
        await desk.intake.keep_words(facts, KeepWords(code, words(), instead=True))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY - timedelta(hours=5), ())
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None and [r["superseded"] for r in case["recordings"]] == [True, False]
        assert [event["what"] for event in case["events"]] == ["opened", "referred", "words_replaced"]
        (row,) = await as_json.calls(engine)
        assert (row["outcome"], row["case"]) == ("completed", code)


async def test_a_recording_from_the_future_is_taken_in_now(engine: AsyncEngine, tmp_path: Path) -> None:
    path = put(tmp_path / "fallback", "1700000000_09141234567_123456789.wav")
    ahead = time.time() + 86_400
    os.utime(path, (ahead, ahead))
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings") == 1


AHEAD = 300 * 86_400.0


@pytest.mark.parametrize("ago", [None, 600.0])
async def test_what_nobody_of_ours_recorded_by_a_wrong_clock_gets_its_time_in_the_books(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: float | None
) -> None:
    """While that clock is wrong; set right since, it is known that nothing is yet to come."""
    said, clock = time.time() + AHEAD - (ago or 0.0), time.time
    put(tmp_path / "fallback", f"{int(said)}_09141234567_123456789.wav")
    strays.put(tmp_path, at=said)
    if ago:
        monkeypatch.setattr(time, "time", lambda: clock() + AHEAD)
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings") == 1
        await desk.pump.idle()
        assert (await strays.one_pass(desk, tmp_path)).cases == 1
        cases, calls = await as_json.cases(engine), await as_json.calls(engine)
    moments = [datetime.fromisoformat(case["opened_at"]) for case in cases]
    moments += [datetime.fromisoformat(call["started_at"]) for call in calls]
    ages = [(datetime.now(UTC) - moment).total_seconds() for moment in moments]
    least = (ago or 3.0) - 3.0  # she spoke for three seconds
    assert len(ages) == 4 and all(least - 1.0 <= age < least + 60.0 for age in ages), ages
