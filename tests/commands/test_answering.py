"""`ivr case answer|approve|wordings` as a supervisor types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.reading import as_json
from ivr.store.tables import cases as cases_table
from ivr.voice import script
from tests.desk.office import call, office, opening
from tests.fixtures.commands import Said, typed
from tests.fixtures.hotline import write_tone
from tests.fixtures.province import CONVENTIONS


async def test_answers_in_words_in_ready_wordings_and_in_a_voice(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async with office(engine, tmp_path / "office") as desk:
        one, two, three, four = [await desk.intake.open_case(call(), opening()) for _ in range(4)]
        await desk.pump.idle()

    async def ivr(*arguments: str, **more: str) -> Said:
        return await typed(database_url, tmp_path, "case", *arguments, **more)

    write_tone(tmp_path / "answer.wav", 500, 2.0)
    write_tone(tmp_path / "short.wav", 500, 0.2)
    async with engine.begin() as connection:
        await connection.execute(update(cases_table).where(cases_table.c.code == four).values(language="az"))
    latin = await ivr("answer", four, "Su gəldi.")
    assert latin[0] == 1 and "read no Azerbaijani in Latin letters" in latin[2]
    for answer in (("آب آمد.", "--spoken", "Su gəldi."), ("--wording", "repaired")):
        given = await ivr("answer", four, *answer, "--by", "abfa")
        assert given[0] == 0, given
        case = await as_json.case_json(engine, four)
        assert case is not None and script.language_of(case["answer"]) == script.FA
        assert script.language_of(case["answer_spoken"]) == script.AZ
    said = await ivr("answer", one, "--wording", "repaired", "--by", "abfa")
    listed = await ivr("wordings", two, "--json")
    spoken = await ivr("answer", two, "--voice", str(tmp_path / "answer.wav"))
    short = await ivr("answer", two, "--voice", str(tmp_path / "short.wav"))
    waits = await ivr("answer", three, "پاسخ", "--by", "abfa", IVR_ANSWERS__APPROVAL="true")
    assert said[:2] == (0, f"case {one}: answered\n"), said
    assert {each["name"] for each in json.loads(listed[1])} == {"done", "planned", "repaired"}
    assert spoken[0] == 0, spoken
    assert short[0] == 1 and "s long without the silence" in short[2] and "Traceback" not in short[2]
    assert waits[:2] == (0, f"case {three}: the answer waits for approval\n"), waits
    approved = await ivr("approve", three, "--by", "desk/karimi")
    assert approved[0] == 0 and "answered" in approved[1]
    cases = [await as_json.case_json(engine, code) for code in (one, two, three)]
    assert [case and case["status"] for case in cases] == ["answered"] * 3
    assert cases[1] and (tmp_path / "recordings" / f"{cases[1]['answer_voice']}.wav").is_file()


async def test_where_thursday_is_worked_an_answer_that_did_not_hold_leaves_the_deadline_where_it_was(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    friday = {"IVR_PROVINCE__WEEKEND": "[4]"}
    async with office(engine, tmp_path / "office") as desk:
        desk.book.conventions = replace(CONVENTIONS, weekend=frozenset({4}))
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    before = await as_json.case_json(engine, code)
    assert before and before["due_at"].startswith("2026-11-28"), "Thursday the 26th counts"
    assert (await typed(database_url, tmp_path, "case", "answer", code, "آب وصل شد.", **friday))[0] == 0
    answered = await as_json.case_json(engine, code)
    assert answered and answered["due_at"] == before["due_at"]
