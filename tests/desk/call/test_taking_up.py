"""What a number's earlier call left, and going on with one that broke off, as shared lines demand."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call.intake import CallFacts
from ivr.desk.case import closing
from ivr.lab.pace import patience
from ivr.store.facts import FactStep
from ivr.store.journal import writing
from ivr.store.tables import cases, outbox
from ivr.voice.actions import Confirm, KeepWords, RefineCase
from ivr.voice.events import BROKEN_OFF, OPEN, Ended, Recorded, TakenUp
from tests.desk.call.test_repeats import applied, case, limited
from tests.desk.counter import Counter, counter
from tests.desk.office import WEDNESDAY, Office, call, office, opening, words
from tests.fixtures.province import answer

OTHER = "other.other"


def cut(ended: Ended = Ended.HANGUP) -> Recorded:
    return Recorded(f"2026/11/25/{uuid.uuid4()}", 9.0, 8.0, ended, "ab" * 32, 1000)


async def left(desk: Office, number: str = "09141234567") -> str:
    return (await desk.intake.recall(number)).earlier


async def over(desk: Office, her: CallFacts, outcome: str = "hung_up") -> None:
    """And the next call comes a minute later."""
    at = desk.intake.clock()
    await desk.intake.call_ended(her, outcome, at, ())
    await desk.journal.flush()  # nobody waits for the end of a call
    await applied(desk)
    desk.intake.clock = lambda: at + timedelta(minutes=1)


async def test_a_call_that_broke_off_is_offered_for_an_hour_and_a_finished_one_is_not(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        sorted_ = call()
        await desk.intake.open_case(sorted_, opening())
        await applied(desk)
        assert await left(desk) == "", "she is still on the line"
        await over(desk, sorted_)
        assert await left(desk) == "", "all was said: the second call is as the first"
        unsaid = call()
        await desk.intake.open_case(unsaid, opening(topic=OTHER, county=""))
        await over(desk, unsaid)
        assert await left(desk) == BROKEN_OFF
        assert await left(desk, "09141112222") == await left(desk, "") == "", "nobody else hears of it"
        ended = call()
        await desk.intake.open_case(ended, opening(topic=OTHER, county=""))
        await over(desk, ended, "completed")
        assert await left(desk) == "", "who heard it to its end has said what she wished"
        mid_word = call()
        await desk.intake.open_case(mid_word, opening(cut(), topic="water.bill"))
        await over(desk, mid_word)
        assert await left(desk) == BROKEN_OFF
        desk.intake.clock = lambda: WEDNESDAY + timedelta(hours=2)
        assert await left(desk) == "", "four open cases are those of an office"


@pytest.mark.parametrize("in_mid_word", [True, False])
async def test_whose_call_broke_off_and_who_calls_again_at_once_waits_for_no_other_call_to_be_offered_it(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_mid_word: bool
) -> None:
    """In mid-word, or behind her words, when her matter was to be said and her case was in the books."""
    monkeypatch.setattr(writing, "NOTE_SECONDS", 3_600.0)
    async with office(engine, tmp_path) as desk, asyncio.timeout(patience(20)):
        desk.pump.patience = 3_600.0
        hers = call()
        ended = Ended.HANGUP if in_mid_word else Ended.HASH
        await desk.intake.open_case(hers, opening(cut(ended), topic="water.bill" if in_mid_word else OTHER))
        if not in_mid_word:
            await desk.pump.idle()
        said = FactStep(WEDNESDAY, "record", "", f"recorded:{ended}")
        await desk.intake.call_ended(hers, "hung_up", WEDNESDAY, [said], unsaid=not in_mid_word)
        while await left(desk) != BROKEN_OFF:
            await asyncio.sleep(0.02)


async def test_an_open_case_is_asked_about_after_an_hour_unless_many_share_the_number(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        hers = call()
        code = await desk.intake.open_case(hers, opening())
        await over(desk, hers, "completed")
        desk.intake.clock = lambda: WEDNESDAY + timedelta(hours=2)
        assert await left(desk) == OPEN
        assert (await desk.intake.recall("09141234567")).county == "ahar"
        confidential = update(cases).where(cases.c.code == code).values(confidential="caller")
        async with engine.begin() as connection:
            await connection.execute(confidential)
        assert await left(desk) == "", "nobody who shares her telephone hears of a confidential case"
        assert (await desk.intake.recall("09141234567")).county == "", "nor where it is about"


async def test_what_she_says_then_goes_to_the_case_of_her_call_before(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        before = call()
        code = await desk.intake.open_case(before, opening(cut(), topic=OTHER, county=""))
        await over(desk, before)
        stranger = call("09141112222")
        assert await desk.intake.take_up(stranger) == TakenUp() and not stranger.cases
        assert await desk.intake.take_up(call("")) == TakenUp()
        again, more = call("+98 914 123 4567"), words()
        assert await desk.intake.take_up(again) == TakenUp(code)
        await desk.intake.keep_words(again, KeepWords(code, more, False))
        await desk.intake.refine_case(again, RefineCase(code, "water.supply", "ahar"))
        await over(desk, again)
        found = await case(engine, code)
        assert [found[name] for name in ("topic", "county", "agency")] == ["water.supply", "ahar", "abfa"]
        assert [r["path"] for r in found["recordings"]][1:] == [f"{more.name}.wav"]
        assert not any(r["superseded"] for r in found["recordings"])
        assert await left(desk) == "", "it is whole now"
        async with engine.connect() as connection:
            assert (await connection.execute(select(func.count()).select_from(cases))).scalar() == 1


async def test_a_strangers_fact_refines_no_case_of_another_number(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        before = call()
        code = await desk.intake.open_case(before, opening(topic=OTHER, county=""))
        await over(desk, before)
        for number in ("09141112222", ""):
            stranger = call(number)
            stranger.cases[code] = before.cases[code]
            await desk.intake.refine_case(stranger, RefineCase(code, "water.supply", "ahar"))
            await over(desk, stranger)
        assert (await case(engine, code))["topic"] == OTHER


async def adds(desk: Office, her: CallFacts, code: str) -> None:
    """One recording more to that case, and the call is over."""
    await desk.intake.keep_words(her, KeepWords(code, words(), False))
    await over(desk, her)


async def broke_off(desk: Office) -> str:
    """The code of a case whose call broke off in mid-word."""
    her = call()
    code = await desk.intake.open_case(her, opening(cut()))
    await over(desk, her)
    return code


async def repeated(engine: AsyncEngine) -> list[dict[str, str]]:
    """What is told of words that came to a case again."""
    async with engine.connect() as connection:
        told = await connection.execute(select(outbox.c.payload).where(outbox.c.kind == "case_repeated"))
        return list(told.scalars())


async def end(at: Counter, code: str, how: str) -> None:
    if how == "answered":
        await answer(at.engine, code, "abfa", "وصل شد.", at.at)
    elif how == "advised":
        await closing.advise(at.engine, at.page, at.ask(code, reason="به دادگاه بروید."))
    else:
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), await at.open())


async def test_a_call_whose_case_has_its_answer_is_gone_on_with_by_nobody(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        code = await broke_off(desk)
        assert await left(desk) == BROKEN_OFF
        await answer(engine, code, "abfa", "وصل شد.", WEDNESDAY)
        assert await left(desk) == "" and await desk.intake.take_up(call()) == TakenUp()


@pytest.mark.parametrize(
    ("how", "status"), [("answered", "reopened"), ("advised", "reopened"), ("merged", "merged")]
)
async def test_what_she_adds_as_her_case_is_answered_or_ends_opens_it_again_and_its_body_is_told(
    engine: AsyncEngine, tmp_path: Path, how: str, status: str
) -> None:
    at = await counter(engine)
    async with limited(engine, tmp_path) as desk:
        code, again = await broke_off(desk), call()
        assert await desk.intake.take_up(again) == TakenUp(code, "water.supply", "ahar")
        await end(at, code, how)
        await adds(desk, again, code)
        assert (await case(engine, code))["status"] == status
        assert await repeated(engine) == [{"case": code, "status": how}]


@pytest.mark.parametrize(("how", "status"), [("answered", "reopened"), ("merged", "merged")])
async def test_what_follows_her_word_of_an_answer_is_no_call_that_she_goes_on_with(
    engine: AsyncEngine, tmp_path: Path, how: str, status: str
) -> None:
    """Her word alone opens the case again, where it can be opened."""
    at = await counter(engine)
    async with limited(engine, tmp_path) as desk:
        code, judging = await broke_off(desk), call()
        await end(at, code, how)
        await desk.intake.confirm(judging, Confirm(code, solved=False))
        await adds(desk, judging, code)
        assert (await case(engine, code))["status"] == status
        assert await repeated(engine) == []
