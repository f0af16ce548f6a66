"""A clock that jumps: the order is the journal's, and no file waits for a time that is long in coming."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts.fallback import take_in
from ivr.desk.reading import as_json
from ivr.voice.actions import KeepWords
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
