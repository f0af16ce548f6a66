"""Numbers that somebody gave: asked for before anything is told there, and for no stranger's sake."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import phone
from ivr.cases.callback import Outcome, Policy
from ivr.cases.transitions import Actor, Side
from ivr.desk.call import callback_list, callbacks
from ivr.desk.call.callbacks import Placing
from ivr.desk.call.intake import CallFacts
from ivr.desk.case import callback_planning, closing
from ivr.desk.case.callback_planning import Reach
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.contact import RightContact, put_right
from ivr.desk.case.registering import Wanted, register
from ivr.desk.facts.apply import apply
from ivr.desk.letters import held_events, outgoing
from ivr.desk.letters.notices import Contact, Notice, Notices
from ivr.desk.reading import as_json, queues
from ivr.desk.reading.inbox import Sight
from ivr.desk.reading.queues import Queue
from ivr.lab.pace import patience
from ivr.store.facts import CallEndedFact, FactAttempt, OurCallSettledFact
from ivr.store.tables import callbacks as rows
from ivr.store.tables import cases
from ivr.voice.actions import RefineCase
from tests.desk.call.test_callbacks import (
    CALL,
    NOON,
    NUMBER,
    SATURDAY,
    answered,
    claim,
    end,
    page,
    verdict_on,
    wished,
)
from tests.desk.office import WEDNESDAY, Office, call, office, opening
from tests.fixtures.database import until_blocked
from tests.fixtures.province import answer, calendar

HERS, FULL = "09120000001", "+989120000001"


async def walk_in(engine: AsyncEngine, caller: str = HERS, channel: str = "desk", **more: Any) -> str:
    """Somebody registers a case for her. Its code."""
    wanted = Wanted("complaint", "water.supply", "ahar", caller=caller, channel=channel, **more)
    return (await register(engine, await page(engine), wanted, NOON)).code


async def of(engine: AsyncEngine, code: str) -> dict[str, Row[Any]]:
    """Its call-backs by purpose; the latest of each."""
    query = select(rows).join(cases, cases.c.id == rows.c.case_id).where(cases.c.code == code)
    async with engine.connect() as connection:
        found = await connection.execute(query.order_by(rows.c.created_at))
        return {row.purpose: row for row in found}


async def reach(engine: AsyncEngine, code: str) -> Reach:
    async with engine.connect() as connection:
        case = (await connection.execute(select(cases).where(cases.c.code == code))).one()
        [found] = await callback_planning.reach(connection, [case._mapping], NOON, ("fa",))
        return found


async def asked(engine: AsyncEngine, placing: Placing | None) -> bool:
    """Whether that call asks for the number, and knows nothing of the case."""
    assert placing is not None and not placing.answer
    told = await callbacks.briefing(engine, str(placing.id))
    assert told is not None and told.verifies and not told.code and not told.seen.answer
    return placing.number == FULL


async def test_whose_number_an_older_release_kept_as_it_came_is_not_asked_whether_it_is_hers(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call("09951234567"), opening())
        await desk.pump.idle()
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(caller_key="09951234567"))
    assert await reach(engine, code) == "yes"


async def test_a_walk_in_is_asked_once_and_then_told_and_her_second_case_needs_no_asking(
    engine: AsyncEngine,
) -> None:
    first = await walk_in(engine)
    assert await reach(engine, first) == "to_verify"
    placing = await claim(engine)
    assert await asked(engine, placing)
    await answer(engine, first, "abfa", "آب وصل شد.", NOON)
    assert await claim(engine) is None  # nothing is told there yet
    await end(engine, placing, Outcome.CONFIRMED, NOON)
    assert await reach(engine, first) == "yes"
    told = await claim(engine)
    assert told is not None and (told.number, told.code, told.answer) == (FULL, first, "آب وصل شد.")
    await end(engine, told, Outcome.SOLVED, NOON)

    second = await walk_in(engine)
    await answer(engine, second, "abfa", "آب وصل شد.", SATURDAY)
    told = await claim(engine, SATURDAY)
    assert told is not None and (told.code, told.answer) == (second, "آب وصل شد.")
    assert (await of(engine, second))["verify"].state == "cancelled"


async def test_who_has_said_yes_and_hears_thanks_takes_a_line_and_is_rung_with_her_answer_once_it_is_over(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine), await page(engine)
    placing = await claim(engine)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    assert placing is not None and await asked(engine, placing)
    talk = replace(CALL, id=uuid.uuid4(), unique_id=str(placing.id), started_at=NOON)
    yes = FactAttempt(placing.id, Outcome.CONFIRMED)
    await apply(engine, book, [OurCallSettledFact(NOON, talk, yes)])
    assert (await of(engine, code))["verify"].state == "reached" and await reach(engine, code) == "yes"
    thanked = NOON + callbacks.THANKS
    assert (await claim(engine), await claim(engine, thanked)) == (None, None)
    assert await callbacks.in_progress(engine, thanked) == 1
    assert await callbacks.open_attempts(engine, thanked, SATURDAY) == {}, "no call lasts so long"
    assert await callbacks.open_attempts(engine, thanked, thanked) == {placing.id: True}
    later = thanked + callbacks.THANKS
    over = CallEndedFact(talk, "completed", later, steps=(), scraps=(), attempt=yes)
    await apply(engine, book, [over])
    assert await callbacks.in_progress(engine, later) == 0
    told = await claim(engine, later)
    assert told is not None and (told.number, told.code) == (FULL, code)


async def test_a_number_that_she_took_back_in_the_same_call_is_not_rung(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        hers = call(NUMBER)
        code = await desk.intake.open_case(hers, opening())
        for number in (HERS, NUMBER):
            about = RefineCase(code, "water.supply", "ahar", callback=number)
            await desk.intake.refine_case(hers, about)
        await desk.pump.idle()
    assert (await of(engine, code))["verify"].number == FULL
    assert await claim(engine) is None and await reach(engine, code) == "yes"


async def over(desk: Office, her: CallFacts) -> None:
    await desk.intake.call_ended(her, "hung_up", WEDNESDAY, ())
    await desk.journal.flush()  # nobody waits for the end of a call
    await desk.pump.idle()


@pytest.mark.parametrize("caller", ["", NUMBER])
async def test_the_number_that_a_caller_gives_is_asked_for_once_her_call_is_over(
    engine: AsyncEngine, tmp_path: Path, caller: str
) -> None:
    """Also of who withholds hers, for that may be the telephone in her hand: it is busy, and rang unheard."""
    async with office(engine, tmp_path) as desk:
        gives = call(caller)
        if caller:
            before = call(caller)
            code = await desk.intake.open_case(before, opening())
            await over(desk, before)
            gives.cases[code] = before.cases[code]  # she goes on with that
            await desk.intake.call_started(gives)
            await desk.intake.refine_case(gives, RefineCase(code, "water.supply", "ahar", callback=HERS))
        else:
            code = await desk.intake.open_case(gives, opening(callback=HERS))
        await desk.pump.idle()
        assert await reach(engine, code) == "to_verify"
        assert await claim(engine) is None and await claim(engine, NOON + callbacks.THANKS) is None
        asked_for = (await of(engine, code))["verify"]
        assert (asked_for.state, asked_for.attempts) == ("waiting", 0)
        await over(desk, gives)
    assert await asked(engine, await claim(engine, NOON + 2 * callbacks.THANKS))


async def test_a_call_whose_end_nobody_noted_keeps_no_number_from_being_asked_for(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(""), opening(callback=HERS))
        await desk.pump.idle()
    assert await asked(engine, await claim(engine, WEDNESDAY + callbacks.LONGEST_TALK))


async def test_who_says_that_it_is_solved_is_called_as_promised_though_her_number_is_yet_to_be_asked_for(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    await end(engine, await claim(engine), Outcome.NO_ANSWER, NOON)  # asked for, in vain
    assert await claim(engine) is None
    assert await wished(engine, code, FULL) and await wished(engine, code, FULL, "wish:2")
    told = await claim(engine)
    assert told is not None and (told.number, told.answer) == (FULL, "آب وصل شد.")
    seen = await callbacks.briefing(engine, str(told.id))
    assert seen is not None and seen.seen.may_confirm
    await apply(engine, await page(engine), [verdict_on(code, True)])
    await end(engine, told, Outcome.SOLVED, NOON)
    its = await of(engine, code)
    assert [its[purpose].state for purpose in ("answer", "status")] == ["reached", "reached"]


async def test_a_number_is_asked_for_again_after_its_case_was_over_for_a_while(engine: AsyncEngine) -> None:
    code, book, by = await walk_in(engine), await page(engine), Actor("desk", Side.DESK)
    await closing.withdraw(engine, book, Instruction(code, by, "پس گرفت", NOON))
    assert await claim(engine) is None and (await of(engine, code))["verify"].state == "cancelled"
    await closing.reopen(engine, book, Instruction(code, by, "باز هم", NOON))
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    assert await asked(engine, await claim(engine))


async def test_who_says_no_is_never_rung_again_and_the_answer_is_the_desks(engine: AsyncEngine) -> None:
    first = await walk_in(engine)
    placing = await claim(engine)
    await end(engine, placing, Outcome.REFUSED, NOON)
    second = await walk_in(engine)
    for code in (first, second):
        await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    for days in range(0, 300, 20):
        assert await claim(engine, SATURDAY + timedelta(days=days)) is None
    for code in (first, second):
        assert (await of(engine, code))["answer"].state == "unreachable"
        assert await reach(engine, code) == "refused"
        case = await as_json.case_json(engine, code)
        assert case is not None and (case["status"], case["by_phone"]) == ("answered", "refused")
    assert await callback_list.unreachable(engine) == 2


@pytest.mark.parametrize("caller", [NUMBER, ""])
async def test_a_keyed_number_is_asked_for_and_nobody_else_is_told(
    engine: AsyncEngine, tmp_path: Path, caller: str
) -> None:
    code = await answered(engine, tmp_path, caller, callback=HERS)
    placing = await claim(engine)
    assert await asked(engine, placing)
    await end(engine, placing, Outcome.NO_KEY, NOON)
    assert await claim(engine, SATURDAY - timedelta(days=1)) is None
    again = await claim(engine, SATURDAY)
    assert await asked(engine, again)
    await end(engine, again, Outcome.CONFIRMED, SATURDAY)
    told = await claim(engine, SATURDAY)
    assert told is not None and (told.number, told.code) == (FULL, code)


async def test_a_number_given_to_the_phone_that_it_calls_from_is_not_asked_for(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path, HERS, callback="0912 000 0001")
    assert set(await of(engine, code)) == {"answer"} and await reach(engine, code) == "yes"
    told = await claim(engine)
    assert told is not None and told.number == FULL


async def test_a_number_that_called_about_something_else_is_asked_for_too(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A mistyped digit makes it anybody's."""
    async with office(engine, tmp_path / "hers") as desk:
        her_own = call(HERS)
        await desk.intake.open_case(her_own, opening())
        await over(desk, her_own)
    await answered(engine, tmp_path, callback=HERS)
    assert await asked(engine, await claim(engine))


async def test_a_stranger_can_not_have_somebody_rung_again_and_again(engine: AsyncEngine) -> None:
    """However many cases name her number, from wherever: once in three days, three times in ninety."""
    for n in range(12):
        await walk_in(engine, channel=f"app{n}")
    rung, now = [], NOON
    while now < NOON + timedelta(days=60):
        if placing := await claim(engine, now):
            rung.append(now)
            await end(engine, placing, Outcome.NO_ANSWER, now)
        now += timedelta(hours=6)
    assert len(rung) == 3
    assert all(later - earlier >= timedelta(days=3) for earlier, later in pairwise(rung))
    code = await walk_in(engine)
    assert await claim(engine, now) is None and await reach(engine, code) == "no"


async def test_one_caller_has_few_strangers_rung_a_day_and_a_channel_its_own_allowance(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    for n in range(5):
        async with office(engine, tmp_path / str(n)) as desk:
            hers = call()
            await desk.intake.open_case(hers, opening(kind="meeting", callback=f"0913000000{n}"))
            await over(desk, hers)
    for n in range(3):
        await walk_in(engine, f"0935000000{n}", "city_app")
    policy = Policy(verify_per_caller_per_day=2, verify_per_channel_per_day=1)
    rung: list[str] = []
    while placing := await callbacks.claim(engine, await page(engine), policy, NOON):
        rung.append(placing.number)
        await end(engine, placing, Outcome.NO_ANSWER, NOON)
    assert sorted(number[:6] for number in rung) == ["+98913", "+98913", "+98935"]
    assert await callbacks.claim(engine, await page(engine), policy, SATURDAY) is not None


async def test_a_busy_line_is_asked_again_the_same_day(engine: AsyncEngine) -> None:
    await walk_in(engine)
    await end(engine, await claim(engine), Outcome.BUSY, NOON)
    assert await asked(engine, await claim(engine, NOON + timedelta(minutes=40)))


@pytest.mark.parametrize("caller", ["", "+442079460123"])
async def test_where_nobody_can_be_called_the_answer_is_the_desks_at_once(
    engine: AsyncEngine, caller: str
) -> None:
    code = await walk_in(engine, caller)
    assert await reach(engine, code) == "no" and not await of(engine, code)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    assert (await of(engine, code))["answer"].state == "unreachable"
    assert await callback_list.unreachable(engine) == 1
    await answer(engine, code, "abfa", "پاسخ دوم", NOON)
    assert await callback_list.unreachable(engine) == 1
    async with engine.connect() as connection:
        desk = Sight(body="bazresi")
        listed = await queues.page(connection, Queue.UNTOLD, desk, NOON)
        assert [row.code for row in listed.rows] == [code]
    await closing.close(
        engine, await page(engine), Instruction(code, Actor("desk", Side.DESK), "نامه شد", NOON)
    )
    async with engine.connect() as connection:
        assert (await queues.page(connection, Queue.UNTOLD, desk, NOON)).rows == []


async def test_where_nobody_is_dialled_nobody_is_promised_a_call_and_every_answer_is_the_desks(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    before = await answered(engine, tmp_path)
    await callbacks.dialled(engine, False, NOON)
    after, untouched = await answered(engine, tmp_path), await walk_in(engine)
    assert [await reach(engine, code) for code in (before, after, untouched)] == ["no"] * 3
    assert await callback_list.unreachable(engine) == 2
    async with engine.connect() as connection:
        listed = await queues.page(connection, Queue.UNTOLD, Sight(body="bazresi"), NOON)
    assert {row.code for row in listed.rows} == {before, after}
    assert len(await written(engine)) == 4, "texts reach who called all the same"

    await callbacks.dialled(engine, True, NOON)
    await callbacks.dialled(engine, True, NOON)
    placed = [await claim(engine), await claim(engine)]  # hers, and a walk-in's number that is asked for
    assert {before, after} & {each.code for each in placed if each}
    assert await callback_list.unreachable(engine) == 0 and await reach(engine, untouched) == "to_verify"


@pytest.mark.parametrize("told", ["told", "closed 20 days ago", "closed 40 days ago"])
async def test_a_number_is_asked_for_no_more_once_the_desk_has_ended_its_case_and_told_her(
    engine: AsyncEngine, told: str
) -> None:
    """As while nobody was dialled: whoever presses 1 would wait for a call that never comes."""
    book, by = await page(engine), Actor("desk", Side.DESK)
    await callbacks.dialled(engine, False, NOON)
    code = (await register(engine, book, Wanted("complaint", "other.other", caller=HERS), NOON)).code
    await closing.advise(engine, book, Instruction(code, by, "این کار دادگاه است.", NOON))
    if told == "closed 20 days ago":
        placing = await claim(engine, NOON + timedelta(days=20))
        assert await asked(engine, placing), "though nobody has said yet that anybody is dialled"
        return
    if told == "closed 40 days ago":
        await callbacks.dialled(engine, True, NOON + timedelta(days=40))
        assert await claim(engine, NOON + timedelta(days=40)) is None, "an answer so old is told to nobody"
        assert (await of(engine, code))["verify"].state == "cancelled"
        return
    await closing.told(engine, book, Instruction(code, by, "نامه شد", NOON))
    assert await claim(engine) is None and (await of(engine, code))["verify"].state == "cancelled"
    await walk_in(engine)
    placing = await claim(engine)
    assert await asked(engine, placing), "another case of hers is to be told there"
    await end(engine, placing, Outcome.NO_ANSWER, NOON)
    await closing.reopen(engine, book, Instruction(code, by, "باز هم", NOON))
    await answer(engine, code, "bazresi", "آب وصل شد.", NOON)
    assert (await of(engine, code))["verify"].state == "waiting"


async def test_a_case_from_before_numbers_were_asked_for_is_asked_for_when_it_has_its_answer(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine)
    async with engine.begin() as connection:
        await connection.execute(rows.delete())
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    placing = await claim(engine)
    assert await asked(engine, placing)
    await end(engine, placing, Outcome.CONFIRMED, NOON)
    told = await claim(engine)
    assert told is not None and told.answer


async def written(engine: AsyncEngine, now: datetime = NOON) -> list[tuple[str, str]]:
    """The texts that leave now: to whom, about what."""
    events = await outgoing.lease(engine, now)
    kinds = ("case_opened", "case_number_confirmed", "case_answered")
    every = [Notice(on=kind, to="citizen", by="sms", text=kind) for kind in kinds]
    await outgoing.spread(engine, Notices(notices=every), events, calendar(), now)
    letters = await outgoing.lease(engine, now)
    for letter in letters:
        await outgoing.delivered(engine, letter, now)
    return sorted((letter.payload["to"], letter.payload["text"]) for letter in letters)


async def test_nothing_is_written_to_a_number_that_anybody_typed_until_somebody_there_said_yes(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    typed = [await walk_in(engine), await walk_in(engine, channel="city_app")]
    keyed = await answered(engine, tmp_path, callback=HERS)
    await answer(engine, typed[0], "abfa", "آب وصل شد.", NOON)
    assert await written(engine) == [], "nor to the number from which she keyed another one"
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    told = await written(engine)
    assert told == [(FULL, "case_number_confirmed")] * len({*typed, keyed})
    await answer(engine, keyed, "abfa", "پاسخ دوم", NOON)
    assert await written(engine) == [(FULL, "case_answered")]


@pytest.mark.parametrize("held_for", ["citizen", "agency"])
async def test_whose_number_proves_hers_later_is_written_no_old_news_that_waited_for_others(
    engine: AsyncEngine, tmp_path: Path, held_for: str
) -> None:
    """What waits for a mistaken notice waits for those whom that notice could not be written to."""
    typed, called = await walk_in(engine), await answered(engine, tmp_path)
    opened = [
        Notice(on="case_opened", to="citizen", by="sms", text="{code}"),
        Notice(on="case_opened", to="agency", by="email", text="{code}"),
    ]
    desk = Contact(agency="abfa", email=["desk@abfa.example"])
    opened[held_for == "agency"].faults["text"] = "notices.yaml:3: {cdoe}"

    async def texts(now: datetime) -> set[tuple[str, str]]:
        events = await outgoing.lease(engine, now, lane=outgoing.INSIDE)
        await outgoing.spread(engine, Notices(contacts=[desk], notices=opened), events, calendar(), now)
        letters = [row for row in await outgoing.lease(engine, now) if row.is_letter]
        for letter in letters:
            await outgoing.delivered(engine, letter, now)
        return {(letter.payload["to"], letter.payload["text"]) for letter in letters}

    hers, its = {(phone.normalise(NUMBER), called)}, {(desk.email[0], code) for code in (typed, called)}
    assert await texts(NOON) == (its if held_for == "citizen" else hers)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await held_events.release(engine, NOON)
    assert await texts(NOON) == set(), "and it is still known for whom they wait"
    for notice in opened:
        notice.faults.clear()
    await held_events.release(engine, NOON)
    assert await texts(NOON) == (hers if held_for == "citizen" else its)


async def test_who_says_no_is_written_nothing_and_who_calls_is_written_to_at_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await walk_in(engine)
    await end(engine, await claim(engine), Outcome.REFUSED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    assert await written(engine) == []
    await answered(engine, tmp_path)
    assert await written(engine) == [("+989141234567", "case_answered"), ("+989141234567", "case_opened")]
    await answered(engine, tmp_path, "04133334444")
    assert await written(engine) == [], "a line that takes no texts"


async def test_a_new_answer_waits_for_nobody_who_says_yes_at_that_moment_and_neither_is_lost(
    engine: AsyncEngine,
) -> None:
    """Her word ends the call that rings, and then asks for what the new answer takes the place of."""
    code = await walk_in(engine)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    asking = await claim(engine)
    assert asking is not None and asking.verifies
    async with engine.connect() as connection:
        rings = update(rows).where(rows.c.purpose == "verify", rows.c.state == "calling")
        await connection.execute(rings.values(next_at=NOON))
        async with asyncio.timeout(patience(20)):
            await answer(engine, code, "abfa", "پاسخ دوم", NOON)
        await callbacks.ended(connection, asking.id, Outcome.CONFIRMED, NOON)
        await connection.commit()
    told = await claim(engine)
    assert told is not None and (told.code, told.answer) == (code, "پاسخ دوم")


async def test_whoever_says_yes_and_a_number_put_right_in_another_case_of_hers_don_t_block_each_other(
    engine: AsyncEngine,
) -> None:
    """One call asks for all cases that name the number: each has what waits for its outcome."""
    await walk_in(engine)
    asking = await claim(engine)
    assert asking is not None and asking.verifies
    while True:  # ids are drawn: the one that is locked first is not to be the one that her word ends first
        code = await walk_in(engine)
        await answer(engine, code, "abfa", "آب وصل شد.", NOON)
        its = await of(engine, code)
        if its["answer"].id < its["verify"].id:
            break
    ask = Instruction(code, actor_named(await page(engine), "desk/sadr"), now=NOON)
    wanted = RightContact(caller="09120000009")
    async with engine.connect() as connection:
        asks = select(rows.c.id).where(rows.c.id == its["verify"].id).with_for_update()
        await connection.execute(asks)
        talk = replace(CALL, id=uuid.uuid4(), unique_id=str(asking.id), started_at=NOON)
        yes = OurCallSettledFact(NOON, talk, FactAttempt(asking.id, Outcome.CONFIRMED))
        word = asyncio.create_task(apply(engine, await page(engine), [yes]))
        await until_blocked(engine)
        wish = asyncio.create_task(put_right(engine, await page(engine), ask, wanted))
        await until_blocked(engine, 2)
        await connection.rollback()
    await asyncio.gather(word, wish)
    its = await of(engine, code)
    assert (its["answer"].number, its["answer"].state) == ("+989120000009", "waiting")
