"""The day an order falls due she is called, and what she says counts."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date, datetime

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.lottery import LotteryResult
from ivr.cases.meeting_orders import OrderState as O
from ivr.desk.call import callbacks, verdicts
from ivr.desk.case import answers, closing, referring
from ivr.desk.case.contact import RightContact, put_right
from ivr.desk.facts.apply import apply
from ivr.desk.meetings import order_giving, order_ruling
from ivr.desk.meetings.order_answers import heard
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_planning import alone
from ivr.store import tables
from ivr.store.facts import FactCall, VerdictFact
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_invitation_answers import end_of
from tests.desk.meetings.test_lottery_drawing import answers_with, draw, note, signed_in
from tests.desk.meetings.test_order_giving import FAR, NEAR, listed
from tests.desk.meetings.test_order_giving import heard as heard_at
from tests.fixtures.database import until_blocked
from tests.voice.conversation import TEHRAN

POLICY = Policy(per_number_per_day=9)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def ordered(at: Hall, *bodies: str) -> tuple[str, list[str]]:
    """Her code, whose number is her own, and the orders' codes."""
    code = await heard_at(at)
    async with at.engine.begin() as connection:
        await connection.execute(update(tables.cases).values(channel="phone"))
        await connection.execute(tables.callbacks.delete())
    orders = [MeetingOrder(body, "وصل شود", NEAR) for body in bodies]
    return code, await order_giving.give(at.engine, at.page, at.by(code), orders)


async def called(at: Hall, on: date, hour: int = 13) -> callbacks.Placing | None:
    at.at = datetime(on.year, on.month, on.day, hour, tzinfo=TEHRAN)
    return await callbacks.claim(at.engine, at.page, POLICY, at.at)


async def says(at: Hall, placing: callbacks.Placing, outcome: Outcome) -> None:
    for _ in range(2):  # as a fact that is applied twice
        async with at.engine.begin() as connection:
            await callbacks.ended(connection, placing.id, outcome, at.at)
            await heard(connection, at.page, placing.id, at.at)


async def test_she_is_called_on_the_day_and_not_before_and_asked_about_that_order(at: Hall) -> None:
    code, [part] = await ordered(at, "abfa")
    assert await called(at, date(2026, 12, 7)) is None and await called(at, NEAR, 10) is None
    placing = await called(at, NEAR)
    assert placing is not None and (placing.code, placing.answer) == (code, "وصل شود")
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.order is not None and told.order.agency == "abfa"
    await says(at, placing, Outcome.ORDER_DONE)
    [seen] = await listed(at)
    assert (seen.part.said, seen.state) == ("order_done", O.GIVEN)
    assert (await at.events(part)).count("order_said") == 1


async def test_she_is_not_asked_whether_something_is_done_that_no_voice_can_read_to_her(at: Hall) -> None:
    await ordered(at, "abfa")
    words = func.jsonb_build_object("words", "سیزین ایشینیزه باخیلدی")
    its = tables.callbacks.c
    async with at.engine.begin() as connection:  # as older releases took them
        await connection.execute(update(tables.callbacks).values(notice=its.notice.concat(words)))
    assert await called(at, NEAR) is None
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(its.state))).scalars().all() == ["unreachable"]


async def test_the_body_that_has_the_order_by_then_is_named_and_the_day_on_which_it_was_due(at: Hall) -> None:
    _, [part] = await ordered(at, "abfa")
    await referring.give_back(at.engine, at.page, at.by(part, "شهرداری", "abfa"))
    await referring.refer(at.engine, at.page, at.by(part), "shahrdari_ahar")
    placing = await called(at, NEAR)
    assert placing is not None
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.order is not None
    assert (told.order.agency, told.order.due_on) == ("shahrdari_ahar", NEAR)


async def test_the_body_that_calls_the_order_unlawful_is_named_and_not_the_desk_with_which_it_lies(
    at: Hall,
) -> None:
    """Until the office rules, also where that comes with a longer day."""
    _, [part] = await ordered(at, "abfa")
    await order_ruling.object_here(at.engine, at.page, at.by(part, "بودجه نیست"))
    await order_giving.extend(at.engine, at.page, at.by(part, "بررسی می‌شود"), FAR)
    placing = await called(at, FAR)
    assert placing is not None
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.order is not None and told.order.agency == "abfa"


@pytest.mark.parametrize("outcome", [Outcome.ORDER_NOT_DONE, Outcome.ORDER_PARTLY])
async def test_what_was_reported_and_she_contradicts_is_open_again_one_level_up(
    at: Hall, outcome: Outcome
) -> None:
    _, [part, other] = await ordered(at, "abfa", "edu")
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    states = []
    for _ in range(2):
        placing = await called(at, NEAR)
        assert placing is not None
        await says(at, placing, outcome)
        states = [seen.state for seen in await listed(at)]
    assert states == [O.CONTRADICTED, O.CONTRADICTED]
    rows = {code: await at.row(code) for code in (part, other)}
    assert (rows[part].status, rows[part].level) == ("reopened", "head")
    assert rows[other].status == "referred"  # nothing was reported: it climbs by its own day
    await answers.give(at.engine, at.page, at.by(other, who="edu"), "شد")
    assert [seen.state for seen in await listed(at, "edu")] == [O.REPORTED]


async def test_she_contradicts_while_the_last_order_is_reported_and_her_word_stands_in_the_story(
    at: Hall,
) -> None:
    """All have reported then, so the whole has its answer: she is called about that, and says it there."""
    code, [part] = await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    await says(at, placing, Outcome.ORDER_NOT_DONE)
    [seen] = await listed(at)
    assert seen.part.said == "order_not_done" and (await at.events(part)).count("order_said") == 1
    assert [(await at.row(each)).status for each in (code, part)] == ["answered", "answered"]
    news = await called(at, NEAR)
    assert news is not None and news.code == code


async def says_of_the_answer(at: Hall, code: str, *, solved: bool) -> None:
    call = FactCall(uuid.uuid4(), "1", "09141234567", "", at.at, at.at, "fa", "", "")
    fact = VerdictFact(uuid.uuid4(), at.at, code, call, solved)
    for _ in range(2):
        async with at.engine.begin() as connection:
            await verdicts.settle(connection, at.page, fact)


async def states(at: Hall) -> list[O]:
    """Of those that head the next agenda."""
    async with at.engine.connect() as connection:
        heading = await order_giving.heading(connection, at.page, at.at)
    return [seen.state for seen in heading.get("abfa", [])]


async def test_what_she_says_is_not_solved_stays_contradicted_until_a_body_reports_anew(at: Hall) -> None:
    code, [part] = await ordered(at, "abfa")
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    at.later(1)
    await says_of_the_answer(at, code, solved=False)
    assert await states(at) == [O.CONTRADICTED]
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    assert await states(at) == [O.CONTRADICTED], "taken up is not done"
    await referring.give_back(at.engine, at.page, at.by(part, "بودجه نیست", "abfa"))
    await referring.refer(at.engine, at.page, at.by(part), "abfa")
    assert await states(at) == [O.CONTRADICTED]
    at.later(1)
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "این بار وصل شد")
    assert await states(at) == [] and [seen.state for seen in await listed(at)] == [O.REPORTED]
    at.later(1)
    await says_of_the_answer(at, code, solved=True)
    async with at.engine.connect() as connection:
        [kept] = await order_giving.listed(connection, at.page, at.at, of_case=(await at.row(code)).id)
    assert kept.state is O.KEPT


async def test_so_it_does_where_she_says_it_to_the_office_that_drew_her_case(at: Hall) -> None:
    code, [part] = await ordered(at, "abfa")
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    at.later(1)
    await says_of_the_answer(at, code, solved=True)
    await signed_in(at.engine, at.at, "desk/sadr")
    await draw(at)
    await answers_with(at, code, Outcome.TALKED)
    await note(at, code, LotteryResult.NOT_SATISFIED, "آب هنوز قطع است")
    assert await states(at) == [O.CONTRADICTED]
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    assert await states(at) == [O.CONTRADICTED]


async def test_an_order_that_is_in_force_again_with_a_case_that_was_withdrawn_is_not_contradicted(
    at: Hall,
) -> None:
    code, [part] = await ordered(at, "abfa")
    await closing.withdraw(at.engine, at.page, at.by(code, who="citizen"))
    await says_of_the_answer(at, code, solved=False)
    assert (await at.row(part)).status == "reopened"
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    assert [seen.state for seen in await listed(at)] == [O.ACCEPTED]


async def test_extended_it_is_asked_about_on_its_new_day(at: Hall) -> None:
    _, [part] = await ordered(at, "abfa")
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    assert await called(at, NEAR) is None
    assert await called(at, FAR) is not None


async def test_what_she_says_counts_though_the_office_extends_the_order_while_she_is_on_the_line(
    at: Hall,
) -> None:
    _, [part] = await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    await says(at, placing, Outcome.ORDER_NOT_DONE)
    [seen] = await listed(at)
    assert (seen.part.said, seen.state) == ("order_not_done", O.CONTRADICTED)
    assert (await at.events(part)).count("order_said") == 1
    assert await called(at, FAR) is not None, "she is asked again on the new day"


async def test_an_order_that_was_given_while_nobody_was_dialled_is_asked_about_on_its_newest_day(
    at: Hall,
) -> None:
    await callbacks.dialled(at.engine, False, at.at)
    code, [part] = await ordered(at, "abfa")
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    await callbacks.dialled(at.engine, True, at.at)
    assert await called(at, NEAR) is None
    placing = await called(at, FAR)
    assert placing is not None and placing.code == code
    await says(at, placing, Outcome.ORDER_DONE)
    assert await called(at, FAR, 18) is None, "once"


async def test_a_journal_that_is_applied_again_opens_no_order_of_which_she_said_since_that_it_is_done(
    at: Hall,
) -> None:
    """As after each restore: what she said on the earlier call comes once more, behind the later one."""
    _, [part, _] = await ordered(at, "abfa", "edu")
    first = end_of(at, await called_about(at, part, NEAR), Outcome.ORDER_NOT_DONE)
    await apply(at.engine, at.page, [first])
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    second = end_of(at, await called_about(at, part, FAR), Outcome.ORDER_DONE)
    await apply(at.engine, at.page, [second])
    before = await at.row(part), await at.events(part)
    await apply(at.engine, at.page, [first, second])
    assert (await at.row(part), await at.events(part)) == before
    assert [seen.part.said for seen in await listed(at, "abfa")] == ["order_done"]


async def called_about(at: Hall, part: str, on: date) -> callbacks.Placing:
    """What else she is asked of that day is done."""
    its = tables.callbacks.c.notice["order"].as_string()
    about = select(its).join(tables.callback_attempts)
    while True:
        placing = await called(at, on)
        assert placing is not None
        async with at.engine.connect() as connection:
            this = about.where(tables.callback_attempts.c.id == placing.id)
            if (await connection.execute(this)).scalar_one() == part:
                return placing
        await says(at, placing, Outcome.ORDER_DONE)


async def test_once_all_have_reported_she_is_called_with_their_answers_alone(at: Hall) -> None:
    code, [part] = await ordered(at, "abfa")
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    placing = await called(at, NEAR)
    assert placing is not None
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.order is None and told.seen.may_confirm and told.code == code
    assert await called(at, NEAR) is None


async def test_what_she_says_on_our_call_and_a_number_put_right_meanwhile_don_t_block_each_other(
    at: Hall,
) -> None:
    """Her word ends the call-back and then asks for her case, which whoever puts it right holds."""
    code, [part] = await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    async with at.engine.connect() as connection:
        await alone(connection)  # as whatever is said on a call of ours comes into the books
        await callbacks.ended(connection, placing.id, Outcome.ORDER_DONE, at.at)
        wish = asyncio.create_task(
            put_right(at.engine, at.page, at.by(code), RightContact(callback="09120000009"))
        )
        await until_blocked(at.engine)
        await heard(connection, at.page, placing.id, at.at)
        await connection.commit()
    await wish
    assert (await at.events(part)).count("order_said") == 1
