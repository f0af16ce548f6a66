"""A server that died in mid-call: what she said to it and what she said to the dialplan after is one case."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call.intake import CallFacts
from ivr.desk.case.joining import joined
from ivr.desk.facts.adopting import adopt_left
from ivr.desk.facts.apply import apply
from ivr.desk.facts.fallback import take_in
from ivr.desk.reading import as_json
from ivr.store.direct import direct
from ivr.store.facts import CaseOpenedFact, Fact
from ivr.store.journal import Position
from ivr.voice.actions import KeepWords
from tests.desk.facts.test_fallback import put as put_fallback
from tests.desk.facts.test_reconcile import CHOSEN, one_pass, put, recorded
from tests.desk.keeping.test_verify import findings
from tests.desk.office import Office, call, office, opening, words
from tests.store.noted import AT, CALL


def fallback_of(folder: Path, facts: CallFacts, code: str = "", seconds: float = 3.0) -> None:
    name = f"1700000100_09141234567_123456789_{uuid.UUID(facts.id).hex}~fa~{code}~complaint~~.wav"
    put_fallback(folder / "fallback", name, seconds)


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
        (case,) = await as_json.cases(engine)
        assert (case["caller"], case["call_id"], len(case["recordings"])) == ("09141234567", facts.id, 2)
        (row,) = await as_json.calls(engine)
        assert told and (row["language"], row["case"]) == ("fa", case["code"]) == ("fa", told)
    assert await findings(engine, tmp_path) == [], "each recording is named by an event"


async def test_a_code_that_the_dialplan_spoke_opens_the_case_that_was_made_without_knowing_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A disk hung until her server was killed, so its journal has no more than that her call began."""
    facts = call()
    put(tmp_path, call=facts.id)
    async with office(engine, tmp_path) as desk:
        await desk.intake.call_started(facts)
        told = await desk.intake.reserve_code(facts)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert (await one_pass(desk, tmp_path)).cases == 1
        (case,) = await as_json.cases(engine)
        assert case["code"] != told
        for _ in range(2):
            fallback_of(tmp_path, facts, told)
            await take_fallback(desk, tmp_path)
            (case,) = await as_json.cases(engine)
            assert told and (case["code"], len(case["recordings"])) == (told, 2)
    assert await findings(engine, tmp_path) == []


@pytest.mark.parametrize("first", ["the dialplan's", "the server's"])
async def test_words_to_a_server_that_wrote_nothing_are_those_of_the_call_that_the_dialplan_went_on_with(
    engine: AsyncEngine, tmp_path: Path, first: str
) -> None:
    """A disk hung until her server was killed: not even that she called is in its journal."""
    facts = call()
    put(tmp_path, call=facts.id)
    async with office(engine, tmp_path) as desk:
        told = await desk.intake.reserve_code(facts)
        fallback_of(tmp_path, facts, told)
        if first == "the dialplan's":
            await take_fallback(desk, tmp_path)
        done = await one_pass(desk, tmp_path)
        assert done.cases + done.added == 1
        if first == "the server's":
            await take_fallback(desk, tmp_path)
        (case,) = await as_json.cases(engine)
        assert told and (case["code"], case["kind"], case["caller"]) == (told, "complaint", "09141234567")
        assert (case["call_id"], len(case["recordings"])) == (facts.id, 2)
        (row,) = await as_json.calls(engine)
        assert row["started_at"] <= row["ended_at"]
    assert await findings(engine, tmp_path) == []


async def test_what_the_dialplan_recorded_tells_whose_words_they_are_before_it_is_in_the_books(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    facts = call()
    name = put(tmp_path, call=facts.id)
    fallback_of(tmp_path, facts)
    async with office(engine, tmp_path, pumping=False) as desk:
        assert await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings") == 1
        done = await one_pass(desk, tmp_path)
        assert (done.cases, done.added, name in done.waiting) == (0, 0, True), "its case comes first"
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert (await one_pass(desk, tmp_path)).added == 1
        (case,) = await as_json.cases(engine)
        assert (case["call_id"], len(case["recordings"])) == (facts.id, 2)


async def test_who_says_nothing_more_to_the_dialplan_is_known_by_it_all_the_same(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    facts = call()
    put(tmp_path, call=facts.id)
    fallback_of(tmp_path, facts, seconds=0.1)
    async with office(engine, tmp_path) as desk:
        await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings")
        assert (await one_pass(desk, tmp_path)).cases == 1
        (case,) = await as_json.cases(engine)
        assert (case["kind"], case["caller"], case["call_id"]) == ("complaint", "09141234567", facts.id)


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
        (case,) = await as_json.cases(engine)
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
        found = await as_json.cases(engine)
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
        cases = await as_json.cases(engine)
        assert [len(case["recordings"]) for case in cases] == [2] * 8


class ComparedId(uuid.UUID):
    """Of which every comparison is counted."""

    times = 0

    def __eq__(self, other: object) -> bool:
        ComparedId.times += 1
        return super().__eq__(other)

    __hash__ = uuid.UUID.__hash__


async def test_an_opening_is_not_compared_with_all_that_came_before_it(engine: AsyncEngine) -> None:
    kind = ("complaint", "water.supply", "ahar", "fa", "", "", ())
    calls = [replace(CALL, id=ComparedId(int=number)) for number in range(200)]
    opened = [CaseOpenedFact(ComparedId(int=1000 + call.id.int), AT, "", call, *kind) for call in calls]
    async with direct(engine) as (connection, raw), raw.transaction():
        assert await joined(connection, raw, opened) == opened
    assert ComparedId.times <= 10 * len(opened)


async def test_two_cases_that_a_menu_opened_in_one_call_stay_two(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        codes = {await desk.intake.open_case(facts, opening()) for _ in range(2)}
        await desk.pump.idle()
        assert {case["code"] for case in await as_json.cases(engine)} == codes


async def test_an_addition_met_before_its_case_waits_for_it(engine: AsyncEngine, tmp_path: Path) -> None:
    first, added = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path / "1", pumping=False) as dead:
        facts = call()
        code = await dead.intake.open_case(facts, opening(recorded(tmp_path, first)))
        await dead.intake.recording_begun(facts, added, CHOSEN, code)
    async with office(engine, tmp_path) as desk:
        waits = await one_pass(desk, tmp_path)
        assert (sorted(waits.waiting), await as_json.cases(engine)) == (sorted([first, added]), [])
        await adopt_left(engine, desk.book, tmp_path)
        assert (await one_pass(desk, tmp_path)).added == 1
        (case,) = await as_json.cases(engine)
        assert (case["code"], case["topic"], len(case["recordings"])) == (code, "water.supply", 2)


SOURCES = ("the opening", "its addition", "the reconciler", "the dialplan")


@pytest.mark.parametrize("missing", [None, *SOURCES])
async def test_whatever_comes_first_or_never_a_call_is_one_case_under_the_code_that_was_spoken(
    engine: AsyncEngine, tmp_path: Path, missing: str | None
) -> None:
    """As after torn lines, journals of several slots, a database that was away: every order, each twice."""
    async with office(engine, tmp_path / "elsewhere", pumping=False) as told:
        page = await told.book.page()
        for number, order in enumerate(permutations([s for s in SOURCES if s != missing])):
            spool, facts = tmp_path / str(number), call(f"0914{number:07}")
            before = len(await journalled(told))
            code = await told.intake.open_case(facts, opening())
            await told.intake.keep_words(facts, KeepWords(code, words(), instead=False))
            opened, kept = (await journalled(told))[before:]
            name = put(spool)
            async with office(engine, spool, pumping=False) as dead:
                await dead.intake.recording_begun(facts, name, CHOSEN, code)
            fallback_of(spool, facts)
            async with office(engine, spool) as desk:
                for source in [*order, *order]:
                    if source == "the opening":
                        await apply(engine, page, [opened])
                    elif source == "its addition":
                        await apply(engine, page, [kept])
                    elif source == "the reconciler":
                        await one_pass(desk, spool)
                    else:
                        await take_in(desk.intake, spool / "fallback", spool / "recordings")
                        await desk.pump.idle()
            its = [case for case in await as_json.cases(engine, 100) if case["call_id"] == facts.id]
            seen = [(case["code"], len(case["recordings"])) for case in its]
            assert seen == [(code, 4 - (missing is not None))], order


async def test_two_promises_of_one_call_are_both_kept(engine: AsyncEngine, tmp_path: Path) -> None:
    facts = call()
    async with office(engine, tmp_path / "1", pumping=False) as dead:
        codes = {await dead.intake.open_case(facts, opening()) for _ in range(2)}
    fallback_of(tmp_path, facts)
    async with office(engine, tmp_path) as desk:
        await take_fallback(desk, tmp_path)
        await adopt_left(engine, desk.book, tmp_path)
        assert {case["code"] for case in await as_json.cases(engine)} == codes


async def test_an_addition_never_joins_a_stranger_s_case_by_its_code(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        theirs = await desk.intake.open_case(call("09140000000"), opening())
        await desk.pump.idle()
        facts = call()
        facts.cases[theirs] = str(uuid.uuid4())  # numbers that were given twice
        await desk.intake.keep_words(facts, KeepWords(theirs, words(), instead=False))
        await desk.pump.idle()
        cases = {case["caller"]: case for case in await as_json.cases(engine)}
        assert cases["09140000000"]["code"] == theirs != cases["09141234567"]["code"]
        assert [len(case["recordings"]) for case in cases.values()] == [1, 1]


async def test_words_found_under_a_stranger_s_code_keep_their_caller(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        theirs = await desk.intake.open_case(call("09140000000"), opening())
        facts = call()
        facts.cases[theirs] = str(uuid.uuid4())
        await desk.intake.recording_begun(facts, put(tmp_path), CHOSEN, theirs)
        await desk.pump.idle()
        desk.intake.live.clear()
        assert (await one_pass(desk, tmp_path)).added == 1
        found = {case["caller"]: case for case in await as_json.cases(engine)}
        assert found["09140000000"]["code"] == theirs != found["09141234567"]["code"]
        assert found["09141234567"]["topic"] == "water.supply"
