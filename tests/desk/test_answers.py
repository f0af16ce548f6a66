"""An agency's answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk import answers, reading
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import cases
from tests.desk.office import call, office, opening


async def test_an_answer_is_told_and_kept_in_the_story(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    await asyncio.gather(*(answers.answer(engine, code, "abfa", f"پاسخ {n}") for n in range(5)))
    case = await reading.case_json(engine, code)
    assert case is not None
    assert case["status"] == "answered" and case["answer"] == case["events"][-1]["details"]["text"]
    assert [event["seq"] for event in case["events"]] == [1, 2, 3, 4, 5, 6, 7]
    assert case["events"][-1]["actor"] == "abfa"


async def test_unknown_codes_empty_words_and_closed_cases_are_refused(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    with pytest.raises(NoSuchCase, match="no case 1234567890"):
        await answers.answer(engine, "1234567890", "abfa", "x")
    with pytest.raises(Refused, match="needs words"):
        await answers.answer(engine, code, "abfa", "  ")
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(status="closed"))
    with pytest.raises(Refused, match="is closed"):
        await answers.answer(engine, code, "abfa", "x")
