"""A kept place in the operators' queue: durable, in order, tried within bounds, and told when it ended."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.turns import PLACE_HOLDS, TURN_RINGS, whose_turn
from ivr.desk.call import callback_list, callbacks, live
from ivr.desk.case import turn_calls
from ivr.desk.case.transaction import locked
from ivr.desk.facts.apply import apply
from ivr.desk.letters import outgoing
from ivr.store import tables
from ivr.store.facts import CallEndedFact, CallStartedFact
from tests.desk.call.test_callbacks import CALL, NOON, end, page
from tests.desk.office import call, office, opening
from tests.fixtures.database import until_blocked

NUMBER = "09141234567"
MINUTE = timedelta(minutes=1)


async def keeps(
    engine: AsyncEngine,
    folder: Path,
    since: datetime,
    number: str = NUMBER,
    queue: str = "operators",
    language: str = "fa",
    hours: str = "",
) -> str:
    """She left her words and keeps her place; her code."""
    async with office(engine, folder / uuid.uuid4().hex) as desk:
        facts = replace(call(number), language=language)
        code = await desk.intake.open_case(facts, opening())
        await desk.intake.keep_place(facts, code, queue, since, hours)
        await desk.intake.call_ended(facts, "completed", since, ())
        await desk.pump.idle()
    await sent(engine, since)
    return code


async def sent(engine: AsyncEngine, now: datetime) -> None:
    """What the outbox holds of it has left."""
    for letter in await outgoing.lease(engine, now + MINUTE, 50):
        if letter.kind == "call_back_wished":
            assert await outgoing.call_back(engine, await page(engine), letter, now)


async def claimed(
    engine: AsyncEngine, now: datetime, serving: int = 1, line: tuple[datetime, ...] = ()
) -> Any:
    """As the dialler does: who is rung now."""
    places, odd = await turn_calls.kept_and_odd(engine)
    turns = whose_turn([turn_calls.place_of(row, now) for row in places], line, serving)
    book = await page(engine)
    kept = turn_calls.still_kept(places, book.calendar, now)
    return await callbacks.claim(engine, book, Policy(), now, turns | odd, kept)


async def messages(engine: AsyncEngine) -> list[dict[str, Any]]:
    query = select(tables.outbox.c.payload).where(tables.outbox.c.kind == callbacks.MISSED)
    async with engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


async def test_who_came_first_is_rung_first_and_nobody_before_her_turn(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    second = await keeps(engine, tmp_path, NOON + MINUTE, "09141234568")
    first = await keeps(engine, tmp_path, NOON)
    now = NOON + 2 * MINUTE
    assert await claimed(engine, now, line=(NOON - MINUTE,)) is None, "somebody on the line came before"
    assert await claimed(engine, now + MINUTE, serving=0) is None, "nobody serves"
    rung = await claimed(engine, now + 2 * MINUTE)
    assert (rung.code, rung.answer) == (first, "")
    told = await callbacks.briefing(engine, str(rung.id))
    assert told is not None and told.turn is not None and told.turn.queue == "operators"
    assert await claimed(engine, now + 3 * MINUTE) is None, "one operator, one call"
    await end(engine, rung, Outcome.TALKED, now + 3 * MINUTE)
    assert (await claimed(engine, now + 4 * MINUTE)).code == second


async def test_who_talks_in_her_turn_takes_no_line_of_others_who_are_called(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await keeps(engine, tmp_path, NOON)
    rung = await claimed(engine, NOON + MINUTE)
    assert await callbacks.in_progress(engine, NOON + MINUTE) == 1, "she is rung"
    book, now = await page(engine), NOON + 10 * MINUTE
    talk = replace(CALL, id=uuid.uuid4(), unique_id=str(rung.id))
    await apply(engine, book, [CallStartedFact(talk)])
    assert await callbacks.in_progress(engine, now) == 0
    assert await callbacks.open_attempts(engine, now, now) == {}
    assert [place.rung for place in await live.places(engine)] == [True], "she takes an operator"
    await apply(engine, book, [CallEndedFact(talk, "lost", now, steps=(), scraps=())])
    assert await callbacks.open_attempts(engine, now, now) == {rung.id: False}, "nobody says how it ended"


async def test_who_asks_again_keeps_her_place_and_the_board_shows_it_masked(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await keeps(engine, tmp_path, NOON)
    await keeps(engine, tmp_path, NOON + 5 * MINUTE)
    [place] = await live.places(engine)
    assert (place.code, place.since, place.attempts, place.rung) == (code, NOON, 0, False)
    assert NUMBER[-7:-4] not in place.number


async def test_who_missed_our_calls_and_asks_again_is_rung_at_once_and_as_often_as_anybody(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, now = await keeps(engine, tmp_path, NOON), NOON
    for _ in range(2):
        rung = None
        while rung is None:
            now += MINUTE
            rung = await claimed(engine, now)
        await end(engine, rung, Outcome.NO_ANSWER, now)
    assert await claimed(engine, now + MINUTE) is None
    now += PLACE_HOLDS - timedelta(hours=1)
    await keeps(engine, tmp_path, now)
    now += timedelta(hours=2)
    [place] = await live.places(engine)
    assert (place.code, place.since, place.attempts) == (code, NOON, 0), "where she stands is as before"
    await end(engine, await claimed(engine, now), Outcome.NO_ANSWER, now)
    assert not await messages(engine) and await claimed(engine, now + 6 * MINUTE) is not None


async def test_who_has_dialled_us_again_is_not_rung_in_her_turn_until_that_call_is_over(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """She waits there for an operator, or talks with one."""
    code, book, now = await keeps(engine, tmp_path, NOON), await page(engine), NOON + 5 * MINUTE
    again = replace(CALL, id=uuid.uuid4(), unique_id="1764.2", caller=NUMBER, started_at=NOON + MINUTE)
    await apply(engine, book, [CallStartedFact(again)])
    for look in range(3):
        assert await claimed(engine, now + look * MINUTE) is None
    [place] = await live.places(engine)
    assert (place.attempts, place.rung) == (0, False)
    await apply(engine, book, [CallEndedFact(again, "completed", now, steps=(), scraps=())])
    assert (await claimed(engine, now + 3 * MINUTE)).code == code


async def test_who_asks_again_in_another_language_is_rung_in_that_one(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await keeps(engine, tmp_path, NOON)
    await keeps(engine, tmp_path, NOON + MINUTE, "09141234568")
    await keeps(engine, tmp_path, NOON + 5 * MINUTE, language="az")
    now = NOON + 6 * MINUTE
    first, second = await claimed(engine, now, serving=2), await claimed(engine, now, serving=2)
    assert (first.code, first.language) == (code, "az")
    assert (second.number[-4:], second.language) == ("4568", "fa")


async def test_she_is_rung_within_the_hours_of_the_step_at_which_she_asked_last(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await keeps(engine, tmp_path, NOON)
    await keeps(engine, tmp_path, NOON + MINUTE, hours="2 12:05 13:00")
    assert await claimed(engine, NOON + 4 * MINUTE) is None
    assert await claimed(engine, NOON + 5 * MINUTE) is not None


async def test_a_place_in_one_queue_is_none_in_another(engine: AsyncEngine, tmp_path: Path) -> None:
    here = await keeps(engine, tmp_path, NOON)
    there = await keeps(engine, tmp_path, NOON + MINUTE, queue="water")
    assert [place.code for place in await live.places(engine)] == [here, there]


async def test_who_shares_the_line_of_one_who_talks_keeps_a_place_of_her_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    first = await keeps(engine, tmp_path, NOON)
    talks = await claimed(engine, NOON + MINUTE)
    second = await keeps(engine, tmp_path, NOON + 2 * MINUTE)
    await end(engine, talks, Outcome.TALKED, NOON + 3 * MINUTE)
    assert talks.code == first
    assert (await claimed(engine, NOON + 4 * MINUTE)).code == second


async def test_who_can_t_be_reached_is_tried_thrice_and_then_told_in_writing_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, now = await keeps(engine, tmp_path, NOON), NOON
    for _ in range(TURN_RINGS):
        rung = None
        while rung is None:
            now += MINUTE
            rung = await claimed(engine, now)
        await end(engine, rung, Outcome.NO_ANSWER, now)
    assert now - NOON < timedelta(hours=1)
    for _ in range(2):
        now += timedelta(hours=1)
        assert await claimed(engine, now) is None
    assert await messages(engine) == [{"case": code}] and not await turn_calls.kept(engine)
    async with engine.connect() as connection:
        case = (await connection.execute(select(tables.cases).where(tables.cases.c.code == code))).one()
    assert case.closed_at is None, "her words are with their body as before"


async def test_who_asks_again_as_her_place_is_being_given_up_keeps_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, now = await keeps(engine, tmp_path, NOON), NOON
    async with engine.begin() as connection:
        await locked(connection, code)  # somebody works on her case
        now += PLACE_HOLDS + MINUTE
        given_up = asyncio.create_task(claimed(engine, now, serving=0))
        await until_blocked(engine)
        await keeps(engine, tmp_path, now)
    assert await given_up is None
    assert not await messages(engine), "she has just heard that her place is kept"
    assert (await claimed(engine, now + MINUTE)).code == code


async def test_who_does_not_answer_holds_up_nobody_behind_her_until_she_is_rung_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    first = await keeps(engine, tmp_path, NOON)
    second = await keeps(engine, tmp_path, NOON + MINUTE, "09141234568")
    now = NOON + 2 * MINUTE
    await end(engine, await claimed(engine, now), Outcome.NO_ANSWER, now)
    assert await claimed(engine, now) is None, "she is rung again in five minutes"
    rung = await claimed(engine, now)
    assert rung.code == second, "an operator is there for the next one"
    await end(engine, rung, Outcome.TALKED, now + MINUTE)
    assert await claimed(engine, now + 4 * MINUTE) is None
    assert (await claimed(engine, now + 5 * MINUTE)).code == first


async def test_a_place_whose_turn_never_comes_ends_and_she_is_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await keeps(engine, tmp_path, NOON)
    assert await claimed(engine, NOON + PLACE_HOLDS, serving=0) is None and not await messages(engine)
    assert await claimed(engine, NOON + PLACE_HOLDS + MINUTE, serving=0) is None
    assert await messages(engine) == [{"case": code}]


@pytest.mark.parametrize("days", [3, 4])
async def test_who_keeps_her_place_late_on_wednesday_is_rung_on_the_day_on_which_the_operators_are_back(
    engine: AsyncEngine, tmp_path: Path, days: int
) -> None:
    wednesday = NOON.replace(hour=18, minute=45)
    code = await keeps(engine, tmp_path, wednesday, hours="01256 07:00 19:00")
    other = await keeps(engine, tmp_path, wednesday + MINUTE, "09141234568", hours="01256 07:00 19:00")
    if days == 4:  # Saturday is closed, too
        closed = {"county": "", "day": date(2026, 11, 28), "is_working": False}
        async with engine.begin() as connection:
            await connection.execute(insert(tables.calendar_days).values(**closed))
    back = wednesday + timedelta(days=days)
    for hours in range(24 * days, 9, -3):
        assert await claimed(engine, back - timedelta(hours=hours), serving=0) is None
    assert not await messages(engine), "she was promised a call, and nobody was there to make one"
    assert (await claimed(engine, back - timedelta(hours=9))).code == code
    assert await claimed(engine, back + 3 * MINUTE, serving=0) is None
    assert await messages(engine) == [{"case": other}], "a day of their hours has gone by"


async def test_a_place_of_who_speaks_a_language_that_was_taken_out_ends_and_she_is_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await keeps(engine, tmp_path, NOON)
    async with engine.begin() as connection:
        for table in (tables.callbacks, tables.cases):
            await connection.execute(update(table).values(language="ku"))
    assert await claimed(engine, NOON + MINUTE) is None
    assert await messages(engine) == [{"case": code}]


async def test_where_nobody_is_called_any_more_who_keeps_her_place_is_told_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    codes = [await keeps(engine, tmp_path, NOON)]
    await callbacks.dialled(engine, False, NOON + MINUTE)
    codes.append(await keeps(engine, tmp_path, NOON))  # promised before her call could know
    for _ in range(2):
        await callbacks.dialled(engine, False, NOON + 2 * MINUTE)
    assert [told["case"] for told in await messages(engine)] == codes
    assert not await turn_calls.kept(engine)


async def test_whose_telephone_rings_in_her_turn_as_the_dialling_ends_is_told_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await keeps(engine, tmp_path, NOON)
    rung = await claimed(engine, NOON + MINUTE)
    await callbacks.dialled(engine, False, NOON + 2 * MINUTE)
    assert [told["case"] for told in await messages(engine)] == [code] == [rung.code]


@pytest.mark.parametrize(
    "notice",
    [
        {"queue": "operators"},
        {"since": NOON.isoformat()},
        {"queue": "operators", "since": "noon"},
        {"queue": "operators", "since": "2026-11-25T12:00:00"},
        {"queue": ["operators"], "since": NOON.isoformat()},
        {"queue": "operators\r\nAction: Logoff", "since": NOON.isoformat()},
        {"queue": "operators", "since": NOON.isoformat(), "hours": ["01256"]},
        {"queue": "operators", "since": NOON.isoformat(), "hours": "always"},
        ["operators"],
        None,
    ],
)
async def test_a_place_that_nobody_can_read_is_put_aside_and_told_and_the_next_one_has_her_turn(
    engine: AsyncEngine, tmp_path: Path, notice: Any
) -> None:
    odd = await keeps(engine, tmp_path, NOON)
    next_one = await keeps(engine, tmp_path, NOON + MINUTE, "09141234568")
    of_odd = (tables.callbacks.c.case_id == tables.cases.c.id, tables.cases.c.code == odd)
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).where(*of_odd).values(notice=notice))
    assert [place.code for place in await live.places(engine)] == [next_one], "the board shows the others"
    assert (await claimed(engine, NOON + 2 * MINUTE)).code == next_one
    assert await claimed(engine, NOON + 3 * MINUTE) is None
    assert await messages(engine) == [{"case": odd}], "she learns that nobody will ring her"
    [told] = await callback_list.listed(engine, "unreachable")
    assert told["case"] == odd and told["put_aside"]
    await callbacks.try_anew(engine)
    [over] = await callback_list.listed(engine, "cancelled")
    assert over["case"] == odd and await callback_list.put_aside(engine) == 0, "nobody is alarmed for ever"
