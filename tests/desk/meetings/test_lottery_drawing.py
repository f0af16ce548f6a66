"""Closed cases are drawn at random; an official rings their citizens, and notes what came of it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.lottery import LotteryResult as R
from ivr.desk.call import callbacks
from ivr.desk.case import answers, closing
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.meetings import lottery_calling, lottery_drawing
from ivr.desk.meetings.lottery_calling import HeldLine
from ivr.desk.meetings.lottery_drawing import LotteryCase
from ivr.desk.people import signing_in, staffing
from ivr.desk.people.scope import Scope
from ivr.desk.people.signing_in import From, Keeping
from ivr.desk.refusals import Refused, WrongField
from ivr.store import tables
from ivr.store.tables import audit
from tests.desk.meetings.hall import Hall, hall
from tests.voice.conversation import TEHRAN

ALWAYS = Policy(days_off=True, per_number_per_day=3)
PHONES = ("seda111-desk",)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    its = await hall(engine)
    its.at = datetime(2026, 12, 5, 11, tzinfo=TEHRAN)
    await signed_in(its.engine, its.at, "desk", "desk/sadr")
    return its


async def signed_in(engine: AsyncEngine, now: datetime, *names: str) -> None:
    """Officials who press the button."""
    async with engine.begin() as connection:
        for name in names:
            id = uuid.uuid4()
            row = {"id": id, "name": name, "full_name": "مریم کریمی", "role": "governor"}
            row |= {"areas": [], "password_hash": "", "must_change": False}
            row |= {"made_at": now, "password_at": now}
            await connection.execute(tables.people.insert().values(row))
            await signing_in.begin(connection, id, now, From(), Keeping())


async def closed(at: Hall, count: int, first: int = 0) -> list[str]:
    """Cases that ended well, each of another caller."""
    codes = []
    for n in range(first, first + count):
        code = await at.open(caller=f"09141234{n:03}")
        await answers.give(at.engine, at.page, at.by(code, who="abfa"), "شد")
        await closing.close(at.engine, at.page, at.by(code, who="citizen"))
        codes.append(code)
    return codes


async def draw(at: Hall) -> int:
    return await lottery_drawing.draw(at.engine, at.page, at.by("", who="desk/sadr"), Scope())


async def drawn(at: Hall) -> list[LotteryCase]:
    async with at.engine.connect() as connection:
        return await lottery_drawing.read(connection, await lottery_drawing.current(connection))


async def held(at: Hall, code: str, phone: str = PHONES[0]) -> HeldLine | None:
    """He is given a code, and his telephone dials it."""
    dial = await lottery_calling.ring(at.engine, at.by(code, who="desk/sadr"), None)
    return await lottery_calling.redeem(at.engine, dial, "17.3", phone, PHONES, at.at)


async def rung(at: Hall, here: bool = True) -> callbacks.Placing | None:
    """`here`: his line is up at this Asterisk."""
    lines = await callbacks.held_lines(at.engine, at.at)
    return await callbacks.claim(at.engine, at.page, ALWAYS, at.at, {*lines} if here else set())


async def answers_with(at: Hall, code: str, outcome: Outcome) -> None:
    assert await held(at, code) is not None
    placing = await rung(at)
    assert placing is not None and placing.code == code
    async with at.engine.begin() as connection:
        await callbacks.ended(connection, placing.id, outcome, at.at)


async def note(at: Hall, code: str, result: R, says: str = "") -> None:
    await lottery_drawing.note(at.engine, at.page, at.by(code, says, "desk/sadr"), result)


async def test_five_are_drawn_on_record_and_nobody_draws_again_before_they_are_worked_through(
    at: Hall,
) -> None:
    codes = await closed(at, 7)
    hidden, without, refused = await closed(at, 3, 100)
    await confide(at.engine, at.page, at.by(hidden, "شاهد است"), Secrecy())
    async with at.engine.begin() as connection:
        its = tables.cases.c
        await connection.execute(
            update(tables.cases).where(its.code == without).values(caller_key="", caller="")
        )
        given = (
            update(tables.cases)
            .where(its.code == refused)
            .values(channel="desk")
            .returning(its.id, its.caller_key)
        )
        row = (await connection.execute(given)).one()
        said = {"id": row.id, "key": "said", "case_id": row.id, "purpose": "verify", "number": row.caller_key}
        said |= {"language": "fa", "state": "reached", "last_outcome": "refused", "created_at": at.at}
        await connection.execute(
            tables.callbacks.insert().values(said | {"next_at": at.at, "ended_at": at.at})
        )
    number = await draw(at)
    found = [each.case.code for each in await drawn(at)]
    assert [each.case.turn for each in await drawn(at)] == [1, 2, 3, 4, 5]
    assert len(set(found)) == 5 and set(found) <= set(codes)
    async with at.engine.connect() as connection:
        running = await lottery_drawing.current(connection)
        assert running is not None and running.drawn_by == "desk/sadr" and len(running.pool) == 7
        assert running.left_out == {"confidential": 1, "no_number": 1, "never_call": 1}
        assert await lottery_drawing.replayed(connection, number)
        noted = (
            await connection.execute(select(audit.c.subject).where(audit.c.action == "lottery_drawn"))
        ).scalar()
    assert noted == f"lottery/{number}" and "lottery_drawn" in await at.events(found[0])
    with pytest.raises(Refused, match="not worked through"):
        await draw(at)
    with pytest.raises(WrongField, match="reason"):
        await lottery_drawing.put_aside(at.engine, at.by(""), number)
    await lottery_drawing.put_aside(at.engine, at.by("", "سفر استاندار"), number)
    await draw(at)
    assert {each.case.code for each in await drawn(at)} == set(codes) - set(found), "nobody is drawn twice"


async def test_whose_language_is_spoken_no_more_is_not_drawn(at: Hall) -> None:
    """She would not be rung, and a place of the drawing would be spent."""
    codes = await closed(at, 3)
    async with at.engine.begin() as connection:
        one = update(tables.cases).where(tables.cases.c.code == codes[0])
        await connection.execute(one.values(language="ku"))
    await draw(at)
    assert {each.case.code for each in await drawn(at)} == {*codes[1:]}
    async with at.engine.connect() as connection:
        running = await lottery_drawing.current(connection)
        assert running is not None and running.left_out == {"confidential": 0, "no_number": 1}


async def test_two_who_draw_at_once_make_one_drawing(at: Hall) -> None:
    await closed(at, 2)
    done = await asyncio.gather(draw(at), draw(at), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Refused", "int"]


async def test_she_is_rung_once_while_he_holds_the_line_and_her_word_is_noted(at: Hall) -> None:
    one, two = await closed(at, 2)
    await draw(at)
    with pytest.raises(Refused, match="was not rung"):
        await note(at, one, R.NOT_REACHED)
    await answers_with(at, one, Outcome.NO_ANSWER)
    assert await rung(at) is None, "nobody rings her again without him"
    with pytest.raises(Refused, match="nobody has talked"):
        await note(at, one, R.SATISFIED)
    await note(at, one, R.NOT_REACHED)
    await answers_with(at, two, Outcome.TALKED)
    with pytest.raises(WrongField, match="missing"):
        await note(at, two, R.NOT_SATISFIED)
    await note(at, two, R.NOT_SATISFIED, "آب هنوز قطع است")
    row = await at.row(two)
    assert (row.status, row.level, (await at.row(one)).status) == ("reopened", "head", "closed")
    assert (await at.events(two))[-2:] == ["lottery_noted", "reopened"] and await drawn(at) == []
    async with at.engine.connect() as connection:
        [ended] = await lottery_drawing.last(connection)
    assert ended.results == {"not_reached": 1, "not_satisfied": 1}


async def test_a_code_is_good_once_for_a_minute_from_a_telephone_that_may(at: Hall) -> None:
    [code] = await closed(at, 1)
    with pytest.raises(Refused, match="waits for no result"):
        await lottery_calling.ring(at.engine, at.by(code), None)
    await draw(at)
    assert await held(at, code, "loopback") is None
    dial = await lottery_calling.ring(at.engine, at.by(code), None)
    at.at += timedelta(seconds=30)
    for good in (True, False):
        found = await lottery_calling.redeem(at.engine, dial, "17.3", PHONES[0], PHONES, at.at)
        assert (found is not None) is good
    dial = await lottery_calling.ring(at.engine, at.by(code), None)
    at.at += timedelta(seconds=61)
    assert await lottery_calling.redeem(at.engine, dial, "17.3", PHONES[0], PHONES, at.at) is None


async def test_a_code_of_an_official_who_is_not_signed_in_any_more_rings_nobody(at: Hall) -> None:
    [code] = await closed(at, 1)
    await draw(at)
    dial = await lottery_calling.ring(at.engine, at.by(code), None)
    await staffing.lock(at.engine, "desk", at.at)
    assert await lottery_calling.redeem(at.engine, dial, "17.3", PHONES[0], PHONES, at.at) is None
    soon = at.at + timedelta(seconds=20)
    async with at.engine.begin() as connection:  # unlocked, and signed in again
        his = await connection.execute(select(tables.people.c.id).where(tables.people.c.name == "desk"))
        await signing_in.begin(connection, his.scalar_one(), soon, From(), Keeping())
    assert await lottery_calling.redeem(at.engine, dial, "17.3", PHONES[0], PHONES, soon) is None
    assert await rung(at) is None


@pytest.mark.parametrize(("hour", "minutes", "may"), [(11, 0, True), (21, 0, False), (11, 2, False)])
async def test_quiet_hours_are_kept_and_who_has_put_down_rings_nobody(
    at: Hall, hour: int, minutes: int, may: bool
) -> None:
    [code] = await closed(at, 1)
    await draw(at)
    at.at = at.at.replace(hour=hour)
    found = await held(at, code)
    assert found is not None
    at.at += timedelta(minutes=minutes)
    assert (await rung(at) is not None) is may
    assert await lottery_calling.goes_on(at.engine, found.callback, at.at) is may
    if not may:
        with pytest.raises(Refused, match="was not rung"):
            await note(at, code, R.NOT_REACHED)


async def test_he_waits_a_minute_where_no_line_is_free_and_then_nobody_rings_her(at: Hall) -> None:
    [code] = await closed(at, 1)
    await draw(at)
    found = await held(at, code)
    assert found is not None
    at.at += timedelta(seconds=59)
    assert await lottery_calling.goes_on(at.engine, found.callback, at.at)
    at.at += timedelta(seconds=1)
    assert not await lottery_calling.goes_on(at.engine, found.callback, at.at)
    assert await callbacks.held_lines(at.engine, at.at) == {}, "it is over"
    assert await rung(at) is None


async def test_she_is_rung_only_where_his_line_is_held(at: Hall) -> None:
    """Another site's trunk would ring her, and nobody could put her through."""
    [code] = await closed(at, 1)
    await draw(at)
    found = await held(at, code)
    assert found is not None
    assert await rung(at, here=False) is None
    assert await lottery_calling.goes_on(at.engine, found.callback, at.at)
    assert await callbacks.held_lines(at.engine, at.at) == {found.callback: "17.3"}
    assert await rung(at) is not None


async def test_a_line_that_nobody_holds_any_more_is_told_to_be_over(at: Hall) -> None:
    """He has put down, or the server that held it was killed."""
    [code] = await closed(at, 1)
    await draw(at)
    assert await held(at, code) is not None
    at.at += timedelta(minutes=11)
    assert await rung(at, here=False) is None
    assert await callbacks.held_lines(at.engine, at.at) == {}


async def test_a_case_that_forgot_her_meanwhile_has_its_result_and_is_not_opened_again(at: Hall) -> None:
    [code] = await closed(at, 1)
    await draw(at)
    await answers_with(at, code, Outcome.TALKED)
    async with at.engine.begin() as connection:  # as retention does
        await connection.execute(update(tables.cases).values(caller="", caller_key="", anonymised_at=at.at))
    await note(at, code, R.NOT_SATISFIED, "آب هنوز قطع است")
    async with at.engine.connect() as connection:
        assert await lottery_drawing.current(connection) is None
    assert (await at.row(code)).status == "closed"
