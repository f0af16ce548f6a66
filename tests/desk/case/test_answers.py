"""An agency's answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.case import answers, closing, referring
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.reading import as_json
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.store.tables import callbacks, cases
from tests.desk.counter import counter
from tests.desk.office import call, office, opening
from tests.fixtures.province import answer, read_page


async def test_an_answer_is_told_and_kept_in_the_story(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    await asyncio.gather(*(answer(engine, code, "abfa", f"پاسخ {n}") for n in range(5)))
    case = await as_json.case_json(engine, code)
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
        await answer(engine, "1234567890", "abfa", "x")
    with pytest.raises(Refused, match="needs words"):
        await answer(engine, code, "abfa", "  ")
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(status="closed"))
    with pytest.raises(Refused, match="is closed"):
        await answer(engine, code, "abfa", "x")


async def test_what_no_voice_can_read_is_refused_before_it_is_an_answer(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, words = await opened(engine, tmp_path), "سیزین ایشینیزه باخیلدی"
    page = await read(engine)
    for officer, does in (("desk/karimi", answers.give), ("abfa", answers.propose)):
        for unread in (words, "—"):
            with pytest.raises(WrongField, match="words: no voice reads Azerbaijani in Arabic letters"):
                await does(engine, page, Instruction(code, actor_named(page, officer)), unread)
    with pytest.raises(WrongField, match="reason: no voice reads"):
        await closing.advise(engine, page, Instruction(code, actor_named(page, "desk/karimi"), words))
    for said in (words, ""):
        await answers.give(engine, page, Instruction(code, actor_named(page, "abfa")), said, VOICE)
        assert (await shown(engine, code))["answer_voice"] == VOICE.name


async def read(engine: AsyncEngine) -> Page:
    async with engine.connect() as connection:
        return await read_page(connection)


async def opened(engine: AsyncEngine, folder: Path) -> str:
    async with office(engine, folder) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    return code


async def shown(engine: AsyncEngine, code: str) -> dict[str, Any]:
    case = await as_json.case_json(engine, code)
    assert case is not None
    return case


async def state_of_call(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(callbacks.c.state))).scalars())


VOICE = answers.SpokenAnswer("answers/ab/abcd", "ab" * 32, 4.2)


async def test_a_voice_may_stand_for_words_and_a_later_answer_replaces_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await opened(engine, tmp_path)
    await answer(engine, code, "abfa", "", voice=VOICE)
    case = await shown(engine, code)
    assert (case["status"], case["answer"], case["answer_voice"]) == ("answered", "", VOICE.name)
    assert case["events"][-1]["details"]["voice"]["sha256"] == VOICE.sha256
    await answer(engine, code, "abfa", "در سخن")
    assert (await shown(engine, code))["answer_voice"] == ""


async def test_an_agencys_answer_waits_where_approval_is_needed(engine: AsyncEngine, tmp_path: Path) -> None:
    code, at = await opened(engine, tmp_path), await counter(engine)
    desk = Instruction(code, actor_named(at.page, "desk/karimi"))
    with pytest.raises(Refused, match=r"no answer to case .* waits"):
        await answers.approve(engine, at.page, desk)
    assert await answer(engine, code, "abfa/ahmadi", "آب وصل شد.", voice=VOICE, approval=True)
    case = await shown(engine, code)
    assert (case["status"], case["answer"]) == ("referred", "") and await state_of_call(engine) == []
    assert case["awaiting_approval"]["by"] == "abfa/ahmadi"
    with pytest.raises(Refused, match="can't be given the answer that waits by the agency"):
        await answers.approve(engine, at.page, Instruction(code, actor_named(at.page, "abfa")))
    await answers.approve(engine, at.page, desk)
    case = await shown(engine, code)
    assert (case["status"], case["answer"], case["answer_voice"]) == ("answered", "آب وصل شد.", VOICE.name)
    assert case["awaiting_approval"] is None and await state_of_call(engine) == ["waiting"]
    last = case["events"][-1]
    assert (last["what"], last["actor"], last["details"]["proposed_by"]) == (
        "answered", "desk/karimi", "abfa/ahmadi",
    )  # fmt: skip


async def test_an_answer_to_what_is_about_the_desk_waits_for_nobody_s_leave(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, at = await opened(engine, tmp_path), await counter(engine)
    ask, desk = at.ask(code, "desk", "از میز"), at.page.rules.desk
    await confide(engine, at.page, ask, Secrecy(desk, told="بدرفتاری"))
    await referring.refer(engine, at.page, at.ask(code), "edu")  # as whoever is no part of the desk may
    assert not await answers.propose(engine, at.page, at.ask(code, "edu/amini"), "رسیدگی شد.")
    case = await shown(engine, code)
    assert (case["status"], case["answer"], case["awaiting_approval"]) == ("answered", "رسیدگی شد.", None)
    assert await state_of_call(engine) == ["waiting"]


async def test_what_waits_as_its_case_becomes_one_about_the_desk_waits_no_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, at = await opened(engine, tmp_path), await counter(engine)
    assert await answers.propose(engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
    about = Secrecy(at.page.rules.desk, told="بدرفتاری")
    await confide(engine, at.page, at.ask(code, "desk", "از میز"), about)
    assert (await shown(engine, code))["awaiting_approval"] is None
    assert not await answers.propose(engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
    assert (await shown(engine, code))["status"] == "answered"


async def test_an_answer_that_was_turned_down_waits_no_more(engine: AsyncEngine, tmp_path: Path) -> None:
    code, at = await opened(engine, tmp_path), await counter(engine)
    await answer(engine, code, "abfa", "شاید", approval=True)
    desk = actor_named(at.page, "desk")
    with pytest.raises(Refused, match="without a reason"):
        await answers.turn_down(engine, at.page, Instruction(code, desk))
    await answers.turn_down(engine, at.page, Instruction(code, desk, "روشن نیست"))
    assert (await shown(engine, code))["awaiting_approval"] is None
    assert not await answer(engine, code, "desk", "پاسخ دفتر", approval=True)  # needs nobody's leave


async def test_what_one_agency_proposed_is_not_the_answer_of_another(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, at = await opened(engine, tmp_path), await counter(engine)
    await answer(engine, code, "abfa", "آب وصل شد.", approval=True)
    draft, ask = (await shown(engine, code))["awaiting_approval"], at.ask(code)
    await referring.refer(engine, at.page, ask, "edu")
    with pytest.raises(Refused, match=f"no answer to case {code} waits for approval"):
        await answers.approve(engine, at.page, ask)
    async with engine.begin() as connection:  # as older releases left it
        await connection.execute(update(cases).values(draft=draft))
    with pytest.raises(Refused, match="is of abfa, and the case is with edu now"):
        await answers.approve(engine, at.page, ask)
