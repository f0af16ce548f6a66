"""A server that died in mid-call: what she said to it and what she said to the dialplan after is one case."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk import reading
from ivr.desk.apply import apply
from ivr.desk.fallback import take_in
from ivr.desk.intake import CallFacts
from ivr.store.journal import Fact, Position
from tests.desk.office import Office, call, office, opening
from tests.desk.test_fallback import put as put_fallback
from tests.desk.test_reconcile import CHOSEN, one_pass, put
from tests.desk.test_verify import findings


def fallback_of(folder: Path, facts: CallFacts, code: str = "") -> None:
    name = f"1700000100_09141234567_123456789_{uuid.UUID(facts.id).hex}~fa~{code}~complaint~~.wav"
    put_fallback(folder / "fallback", name)


async def take_fallback(desk: Office, folder: Path) -> None:
    assert await take_in(desk.intake, folder / "fallback", folder / "recordings") == 1
    await desk.pump.idle()


async def journalled(desk: Office) -> list[Fact]:
    facts, _ = await asyncio.to_thread(desk.journal.read, Position())
    return facts


@pytest.mark.parametrize("first", ["the dialplan's", "the server's"])
async def test_the_file_of_a_killed_server_and_the_dialplan_s_make_one_case(
    engine: AsyncEngine, tmp_path: Path, first: str
) -> None:
    name, facts = put(tmp_path), call()
    async with office(engine, tmp_path) as desk:
        await desk.intake.call_started(facts)
        told = await desk.intake.reserve_code(facts)
        await desk.intake.recording_begun(facts, name, CHOSEN)
    fallback_of(tmp_path, facts, told)
    async with office(engine, tmp_path) as desk:
        if first == "the dialplan's":
            await take_fallback(desk, tmp_path)
        await desk.pump.idle()
        done = await one_pass(desk, tmp_path)
        assert done.cases + done.added == 1
        if first == "the server's":
            await take_fallback(desk, tmp_path)
        (case,) = await reading.cases(engine)
        assert (case["caller"], case["call_id"], len(case["recordings"])) == ("09141234567", facts.id, 2)
        (row,) = await reading.calls(engine)
        assert told and (row["language"], row["case"]) == ("fa", case["code"]) == ("fa", told)
    assert await findings(engine, tmp_path) == [], "each recording is named by an event"


@pytest.mark.parametrize("first", ["the dialplan's", "the server's"])
async def test_words_to_the_dialplan_join_the_case_that_the_server_had_just_journalled(
    engine: AsyncEngine, tmp_path: Path, first: str
) -> None:
    facts = call()
    async with office(engine, tmp_path, pumping=False) as desk:
        told = await desk.intake.reserve_code(facts)
        code = await desk.intake.open_case(facts, opening())
        assert told and code == told
        opened = await journalled(desk)
        fallback_of(tmp_path, facts, told)
        assert await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings") == 1
        dialplan = (await journalled(desk))[len(opened) :]
        page = await desk.book.page()
        in_turn = [dialplan, opened] if first == "the dialplan's" else [opened, dialplan]
        for facts_of_one in [*in_turn, *in_turn]:
            await apply(engine, page, facts_of_one)
        (case,) = await reading.cases(engine)
        assert (case["code"], len(case["recordings"])) == (code, 2)
        events = [event["what"] for event in case["events"]]
        assert events == ["opened", "referred", "words_added"]


async def test_a_code_that_is_another_case_s_already_moves_to_none(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    facts = call()
    async with office(engine, tmp_path) as desk:
        told = await desk.intake.reserve_code(facts)
        assert told == await desk.intake.reserve_code(facts), "one for a call, however often she chooses"
        codes = [await desk.intake.open_case(facts, opening()) for _ in range(2)]
        assert codes[0] == told != codes[1]
        assert await desk.intake.reserve_code(facts) == "", "she has her code"
        await desk.pump.idle()
        fallback_of(tmp_path, facts, told)
        await take_fallback(desk, tmp_path)
        found = await reading.cases(engine)
        assert {case["code"] for case in found} == set(codes)
        assert sum(len(case["recordings"]) for case in found) == 3


async def test_two_processes_that_bring_them_at_once_make_one_case(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        page, pairs = await desk.book.page(), []
        for _ in range(8):
            facts, before = call(), len(await journalled(desk))
            await desk.intake.open_case(facts, opening())
            between = len(await journalled(desk))
            fallback_of(tmp_path, facts)
            await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings")
            told = await journalled(desk)
            pairs += [told[before:between], told[between:]]
        await asyncio.gather(*(apply(engine, page, facts) for facts in pairs))
        cases = await reading.cases(engine)
        assert [len(case["recordings"]) for case in cases] == [2] * 8


async def test_two_cases_that_a_menu_opened_in_one_call_stay_two(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        codes = {await desk.intake.open_case(facts, opening()) for _ in range(2)}
        await desk.pump.idle()
        assert {case["code"] for case in await reading.cases(engine)} == codes
