"""The office decides about requests to meet, and the case goes along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.hearing_order import Urgency
from ivr.cases.meetings import RequestState as S
from ivr.desk.call.callbacks import briefing, claim, dialled
from ivr.desk.case import answers, closing, collecting, meeting_calls, pausing, referring, splitting
from ivr.desk.case.callback_planning import wish
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import prove
from ivr.desk.meetings import agenda, session_planning
from ivr.desk.meetings import request_deciding as office
from ivr.desk.reading.casefile import CaseNames
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import callbacks, cases, meeting_requests
from ivr.web.panel.locale import digits, words
from ivr.web.panel.refusals import in_persian
from tests.desk.counter import outcomes
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import LATER, SOON, Hall, hall
from tests.desk.meetings.test_invitation_answers import POLICY, accepted, rung, says, waiting


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def test_waiting_for_a_slot_is_no_delay_until_the_date_that_she_was_told(
    at: Hall, tmp_path: Path
) -> None:
    """Long after its deadline the case has not climbed; two weeks after the forgotten date it has."""
    code = await at.wish(days_ago=10)
    await office.accept(at.engine, at.page, at.by(code), LATER)
    at.later(20)
    assert await sweep(at.engine, at.page, at.at) == 0 and await prove(at.engine, at.page, at.at) == []
    her = await at.seen(code)
    assert (her.state, her.next_on, her.late) == (S.WAITING, LATER, False)
    at.later(20)
    assert (await at.seen(code)).late
    assert await sweep(at.engine, at.page, at.at) == 1 and await prove(at.engine, at.page, at.at) == []
    assert (await at.row(code)).level == "governor"
    assert await findings(at.engine, tmp_path, code) == []


async def test_a_date_that_is_put_off_needs_a_reason_and_moves_the_wait(at: Hall) -> None:
    code = await at.accepted()
    with pytest.raises(Refused, match="needs a reason"):
        await office.put_off(at.engine, at.page, at.by(code), LATER)
    await office.put_off(at.engine, at.page, at.by(code, "جلسه پر شد"), LATER)
    her = await at.seen(code)
    assert her.next_on == LATER and her.case.decided_because == "جلسه پر شد"
    assert her.case.due_at.date() > LATER


@pytest.mark.parametrize("decides", [office.send_below, office.settle])
async def test_a_pause_of_whoever_sees_to_a_request_ends_where_it_says_not_ours(
    at: Hall, decides: Callable[..., Awaitable[None]]
) -> None:
    """Also where it waited for a slot of the office's before."""
    back, onward = await at.wish(), await at.accepted()
    for code in (back, onward):
        await decides(at.engine, at.page, at.by(code, "نخست آنجا"), "abfa")
        due_at = (await at.row(code)).due_at
        await pausing.pause(at.engine, at.page, at.by(code, "قطعه می‌رسد", "abfa"), 5)
        assert (await at.row(code)).due_at > due_at
        if code == back:
            await referring.give_back(at.engine, at.page, at.by(code, "کار ما نیست", "abfa"))
        else:
            await referring.refer(at.engine, at.page, at.by(code, "کار مدرسه است", "abfa"), "edu")
        row = await at.row(code)
        assert (row.paused_at, row.due_at) == (None, due_at)


async def test_who_is_declined_is_called_with_the_reason_and_who_objects_is_decided_on_again(
    at: Hall,
) -> None:
    code = await at.wish()
    with pytest.raises(Refused, match="needs a reason"):
        await office.decline(at.engine, at.page, at.by(code))
    await office.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    row = await at.row(code)
    assert (row.status, row.answer) == ("answered", "این کار دادگاه است")
    async with at.engine.connect() as connection:
        query = select(callbacks).where(callbacks.c.case_id == row.id, callbacks.c.purpose == "answer")
        [call] = (await connection.execute(query)).all()
    assert (call.number, call.state) == ("+989141234567", "waiting")
    assert (await at.seen(code)).state is S.DECLINED and await at.listed() == []
    await closing.reopen(at.engine, at.page, at.by(code, who="citizen"))
    assert [wish.state for wish in await at.listed()] == [S.REQUESTED]


async def test_what_is_settled_or_sent_below_is_the_other_body_s_with_its_clock(at: Hall) -> None:
    settled, below = await at.accepted(), await at.wish(caller="09141234568")
    await office.settle(at.engine, at.page, at.by(settled, "آبفا باید وصل کند"), "abfa")
    await office.send_below(at.engine, at.page, at.by(below, "نخست فرمانداری"), "farmandari_ahar")
    rows = [await at.row(code) for code in (settled, below)]
    assert [(row.agency, row.status, row.paused_at) for row in rows] == [
        ("abfa", "referred", None),
        ("farmandari_ahar", "referred", None),
    ]
    assert await at.listed() == []
    await referring.give_back(at.engine, at.page, at.by(below, "حل نشد", who="farmandari_ahar"))
    [again] = await at.listed()
    assert (again.code, again.state, again.case.below) == (below, S.REQUESTED, "farmandari_ahar")


async def released(at: Hall) -> str:
    """Who has said that she comes, and whose slot is off since."""
    code = await accepted(at, 9, "09141234561")
    await at.fill(await at.session(slots=1))
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await agenda.release(at.engine, at.page, at.by(code, "پرسش حقوقی است"), LATER)
    return code


async def test_who_may_have_been_told_a_day_hears_that_her_request_went_elsewhere(at: Hall) -> None:
    settled, below, new = [await at.accepted(), await at.accepted(), await at.wish()]
    await office.settle(at.engine, at.page, at.by(settled, "آبفا باید وصل کند"), "abfa")
    for code in (below, new):
        await office.send_below(at.engine, at.page, at.by(code, "نخست فرمانداری"), "farmandari_ahar")
    told = {row["code"]: row["what"] for row in await waiting(at)}
    assert told == dict.fromkeys((settled, below), meeting_calls.ELSEWHERE), "who was told nothing yet is not"


async def test_who_is_yet_to_hear_that_her_slot_is_off_is_told_that_nothing_holds_in_time(at: Hall) -> None:
    code = await released(at)
    await office.settle(at.engine, at.page, at.by(code, "آبفا باید وصل کند"), "abfa")
    [row] = await waiting(at)
    assert row["what"] == meeting_calls.ELSEWHERE and "was_at" in row
    _, news = await rung(at)
    assert news is not None and news.what == meeting_calls.ELSEWHERE


async def test_who_is_accepted_again_before_she_heard_that_her_slot_is_off_hears_that_first(at: Hall) -> None:
    """Of her waiting alone she would come at the hour that she was told."""
    code = await released(at)
    await office.send_below(at.engine, at.page, at.by(code, "نخست فرمانداری"), "farmandari_ahar")
    await office.accept(at.engine, at.page, at.by(code), LATER)
    [row] = await waiting(at)
    assert (row["what"], row["again_on"]) == (meeting_calls.OFF, LATER.isoformat()) and "was_at" in row


async def test_a_request_is_called_home_from_the_tier_below(at: Hall) -> None:
    code = await at.wish()
    await office.send_below(at.engine, at.page, at.by(code, "نخست فرمانداری"), "farmandari_ahar")
    await office.accept(at.engine, at.page, at.by(code), SOON)
    her = await at.seen(code)
    assert (her.state, her.case.agency) == (S.WAITING, "ostandari")


async def test_a_complaint_about_a_head_never_comes_to_his_body(at: Hall) -> None:
    """Not by a referral, a ruling, a part, or as who is to attend; and not after it has had the case."""
    code = await at.accepted(about="abfa")
    for refused in (
        referring.refer(at.engine, at.page, at.by(code), "abfa"),
        referring.rule(at.engine, at.page, at.by(code, "حکم"), "abfa"),
        splitting.split(at.engine, at.page, at.by(code), [Part("abfa", "یکی"), Part("edu", "دو")]),
        office.settle(at.engine, at.page, at.by(code, "بشود"), "abfa"),
    ):
        with pytest.raises(Refused, match="about the head of abfa"):
            await refused
    with pytest.raises(WrongField, match="kept from"):
        await office.review(at.engine, at.page, at.by(code), about="abfa", bodies=["abfa"])
    had = await at.wish(caller="09141234568")
    await referring.refer(at.engine, at.page, at.by(had), "edu")
    with pytest.raises(WrongField, match="has had this case"):
        await office.review(at.engine, at.page, at.by(had), about="edu")


async def test_a_body_that_has_a_complaint_about_a_head_sends_it_onward_to_none_and_learns_not_to_whom(
    at: Hall,
) -> None:
    code = await at.accepted(about="abfa")
    await office.settle(at.engine, at.page, at.by(code, "بشود"), "edu")
    for body in ("abfa", "tamin"):
        with pytest.raises(Refused, match="is not sent onward: return it to the desk"):
            await referring.refer(at.engine, at.page, at.by(code, "از ما نیست", "edu"), body)


async def test_of_two_clerks_at_once_one_decides(at: Hall) -> None:
    """And who decides on what she no longer sees is told so."""
    code = await at.wish()
    seen = (await at.row(code)).last_seq
    done = await outcomes(
        office.accept(at.engine, at.page, at.ask(code, seen=seen), SOON),
        office.decline(at.engine, at.page, at.ask(code, reason="نه", seen=seen)),
    )
    assert sorted(map(bool, done)) == [False, True] and "changed since you looked" in "".join(done)


async def test_nobody_but_the_office_decides_and_only_on_requests_to_meet(at: Hall) -> None:
    code, other = await at.wish(), await at.open()
    with pytest.raises(Refused, match="only the office"):
        await office.accept(at.engine, at.page, at.by(code, who="abfa"), SOON)
    with pytest.raises(Refused, match="no request to meet"):
        await office.accept(at.engine, at.page, at.by(other), SOON)
    with pytest.raises(Refused, match="after today"):
        await office.accept(at.engine, at.page, at.by(code), at.at.date())


async def test_the_list_is_in_the_fair_order_and_a_first_meeting_counts(at: Hall) -> None:
    new = await at.wish(caller="09141234561")
    old = await at.wish(days_ago=12, caller="09141234562")
    urgent = await at.wish(caller="09141234563")
    await office.review(at.engine, at.page, at.by(urgent), Urgency.PRESSING)
    found = await at.listed()
    assert [wish.code for wish in found] == [urgent, old, new]
    assert [wish.place.points for wish in found] == [50, 22, 10]
    assert [wish.late for wish in found] == [False] * 3
    at.at += timedelta(days=30)
    assert all(wish.late for wish in await at.listed())


async def test_whose_number_is_noughts_has_not_met_him_because_another_such_caller_has(at: Hall) -> None:
    one, other = await at.wish(), await at.wish()
    await office.review(at.engine, at.page, at.by(one))  # now there is a row of its own
    first = {wish.code: wish.place.points for wish in await at.listed()}
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(caller_key="0000000000"))
        its = update(meeting_requests).where(meeting_requests.c.case_id == cases.c.id, cases.c.code == one)
        await connection.execute(its.values(met_at=at.at))
    assert {wish.code: wish.place.points for wish in await at.listed()}[other] == first[other]


async def test_what_a_body_was_shown_as_one_that_is_to_attend_can_t_be_kept_from_it(at: Hall) -> None:
    """Once it saw her slot; a body that was only noted saw nothing."""
    code, other = await at.accepted(bodies=["abfa"]), await at.wish(caller="09141234568")
    await office.review(at.engine, at.page, at.by(other), bodies=["abfa"])
    await office.review(at.engine, at.page, at.by(other), about="abfa")
    await at.fill(await at.session(slots=1))
    await office.review(at.engine, at.page, at.by(code))
    with pytest.raises(WrongField, match="has had this case"):
        await office.review(at.engine, at.page, at.by(code), about="abfa")


async def test_a_review_without_a_reason_leaves_the_decision_s(at: Hall) -> None:
    code = await at.wish()
    await office.send_below(at.engine, at.page, at.by(code, "نخست فرمانداری"), "farmandari_ahar")
    await office.review(at.engine, at.page, at.by(code), Urgency.URGENT)
    assert (await at.seen(code)).case.decided_because == "نخست فرمانداری"


async def test_who_was_told_a_day_is_neither_collected_nor_merged_away(at: Hall) -> None:
    code, twin = await at.accepted(), await at.wish()
    for refused in (
        collecting.collect(at.engine, at.page, at.by("").actor, [code], "یک خواسته", at.at),
        closing.merge(at.engine, at.page, at.by(code, "تکراری"), twin),
    ):
        with pytest.raises(Refused, match="accepted for a meeting"):
            await refused
    await closing.merge(at.engine, at.page, at.by(twin, "تکراری"), code)


async def test_the_desk_ends_the_case_of_nobody_who_was_told_a_slot_until_it_has_told_her_that_it_is_off(
    at: Hall,
) -> None:
    told, heard = await at.accepted(2), await at.accepted(1, caller="09141234568")
    number = await at.session(slots=2)
    assert await at.fill(number) == [told, heard]
    await answers.give(at.engine, at.page, at.by(heard), "وصل شد")
    for refused in (
        closing.advise(at.engine, at.page, at.by(told, "به دادگاه بروید")),
        closing.close(at.engine, at.page, at.by(heard, "گفته شد")),
    ):
        with pytest.raises(Refused, match="accepted for a meeting"):
            await refused
    assert await at.agenda(number) == [told, heard]
    await agenda.release(at.engine, at.page, at.by(told, "پرسش حقوقی است"), LATER)
    await closing.advise(at.engine, at.page, at.by(told, "به دادگاه بروید"))
    at.later(7)  # that session is over
    await closing.close(at.engine, at.page, at.by(heard, "گفته شد"))


async def advised(at: Hall, code: str) -> None:
    await closing.advise(at.engine, at.page, at.by(code, "به دادگاه بروید"))


async def test_the_desk_ends_her_case_once_she_has_heard_that_her_slot_is_off(at: Hall) -> None:
    code = await released(at)
    with pytest.raises(Refused, match="our call that her slot is off"):
        await advised(at, code)
    placing, news = await rung(at)
    assert news is not None and news.what == meeting_calls.OFF
    with pytest.raises(Refused, match="our call that her slot is off"):
        await advised(at, code)
    await says(at, placing, Outcome.HEARD)
    await advised(at, code)


async def test_the_desk_ends_her_case_once_nobody_can_be_told_that_her_slot_is_off(at: Hall) -> None:
    code, end = await released(at), at.at + timedelta(days=5)
    while at.at < end:  # the slot would be a day later
        if placing := await claim(at.engine, at.page, POLICY, at.at):
            await says(at, placing, Outcome.NO_ANSWER)
        at.at += timedelta(hours=3)
    await advised(at, code)


async def test_where_nobody_is_called_the_desk_waits_for_no_call(at: Hall) -> None:
    code = await released(at)
    await dialled(at.engine, False, at.at)
    await advised(at, code)


async def test_whose_slot_is_off_and_who_has_not_heard_it_is_not_merged_away(at: Hall) -> None:
    code, twin = await released(at), await at.wish(caller="09141234561")
    await office.settle(at.engine, at.page, at.by(code, "آبفا باید وصل کند"), "abfa")
    with pytest.raises(Refused, match="our call that her slot is off"):
        await closing.merge(at.engine, at.page, at.by(code, "تکراری"), twin)


async def test_who_is_declined_before_she_heard_that_her_slot_is_off_hears_that_and_then_the_answer(
    at: Hall,
) -> None:
    code = await released(at)
    await office.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    placing, news = await rung(at)
    assert placing.code == code and news is not None and news.what == meeting_calls.DECLINED
    await says(at, placing, Outcome.NO_ANSWER)
    at.at += timedelta(minutes=30)
    assert await claim(at.engine, at.page, POLICY, at.at) is None, "the answer waits for it"
    told = list[str]()
    while len(told) < 2:
        at.at += timedelta(hours=1)
        if again := await claim(at.engine, at.page, POLICY, at.at):
            brief = await briefing(at.engine, str(again.id))
            assert brief is not None
            told.append(brief.meeting.what if brief.meeting else brief.seen.answer)
            await says(at, again, Outcome.HEARD)
    assert told == [meeting_calls.DECLINED, "این کار دادگاه است"]


async def test_who_ends_her_case_on_hearing_by_111_that_she_is_declined_is_told_that_her_slot_is_off(
    at: Hall,
) -> None:
    code = await released(at)
    await office.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    placing, news = await rung(at)
    assert placing.code == code and news is not None and news.what == meeting_calls.DECLINED
    await says(at, placing, Outcome.HEARD)
    assert await waiting(at) == []


async def answered(at: Hall) -> str:
    """Who comes to her slot, though the body has answered meanwhile."""
    code = await accepted(at, 9, "09141234561")
    await at.fill(await at.session(slots=1))
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await answers.give(at.engine, at.page, at.by(code), "وصل شد.")
    return code


async def test_whose_slot_is_called_off_as_she_hears_her_answer_and_ends_her_case_is_told_that_alone(
    at: Hall,
) -> None:
    """Of no other day, which nobody gives to whose case is over."""
    code = await answered(at)
    placing, news = await rung(at)
    assert news is None
    await agenda.release(at.engine, at.page, at.by(code, "جلسه لغو شد"), LATER)
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    await says(at, placing, Outcome.SOLVED)
    placing, news = await rung(at)
    assert placing.code == code and news is not None and news.what == meeting_calls.DECLINED


@pytest.mark.parametrize("goes", ["off", "to another"])
async def test_who_has_ended_her_case_when_her_slot_goes_is_told_so(at: Hall, goes: str) -> None:
    code = await answered(at)
    [reminder] = await waiting(at)
    placing, _ = await rung(at)
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    await says(at, placing, Outcome.SOLVED)
    if goes == "off":
        why = at.by("", "مأموریت")
        await session_planning.cancel(at.engine, at.page, why, reminder["session"], LATER)
    else:
        other = await at.accepted(1, "09141234562")
        assert await at.fill(reminder["session"]) == [other]
    told = [row["what"] for row in await waiting(at) if row["code"] == code]
    assert told == [meeting_calls.DECLINED]


async def test_who_ends_her_case_before_she_hears_of_a_second_slot_is_told_that_she_is_not_awaited(
    at: Hall,
) -> None:
    """At the hour that she knows; her answer, with which she ends it, waits for that."""
    code = await answered(at)
    other = await at.session(slots=1, starts_at=at.at + timedelta(days=14))
    await agenda.place(at.engine, at.page, at.by(code, "سفر استاندار"), other, 1)
    placing, news = await rung(at)
    assert news is not None and news.what == meeting_calls.INVITED
    await says(at, placing, Outcome.NO_ANSWER)
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    at.at += timedelta(days=3)
    placing, news = await rung(at)
    assert news is not None and (news.what, news.starts_at) == (meeting_calls.DECLINED, None)
    await says(at, placing, Outcome.HEARD)
    assert [row["what"] for row in await waiting(at)] == ["reminder"]
    at.at += timedelta(days=10)
    assert await claim(at.engine, at.page, POLICY, at.at) is None, "nor is she reminded of a slot"
    assert await at.fill(other) == [] and await waiting(at) == [], "nor told again as it is given up"


async def test_who_withdrew_before_she_heard_of_a_second_slot_is_not_called_about_it(at: Hall) -> None:
    code = await accepted(at, 9, "09141234561")
    await at.fill(await at.session(slots=1))
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    other = await at.session(slots=1, starts_at=at.at + timedelta(days=14))
    await agenda.place(at.engine, at.page, at.by(code, "سفر استاندار"), other, 1)
    await closing.withdraw(at.engine, at.page, at.by(code, who="citizen"))
    assert await claim(at.engine, at.page, POLICY, at.at) is None


async def test_who_withdrew_is_not_called_about_the_slot_that_she_gave_up(at: Hall) -> None:
    code = await accepted(at, 9, "09141234561")
    number = await at.session(slots=1)
    await at.fill(number)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await closing.withdraw(at.engine, at.page, at.by(code, who="citizen"))
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert {row["what"] for row in await waiting(at)} <= {"reminder"}


async def test_who_wishes_to_be_called_hears_at_once_that_her_slot_is_off_and_then_how_her_case_stands(
    at: Hall,
) -> None:
    """Not reached with it before, she would be called again hours later, and wait for her answer so long.

    Both in the language in which she wished it.
    """
    code = await answered(at)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.HEARD)
    await agenda.release(at.engine, at.page, at.by(code, "جلسه لغو شد"), LATER)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.NO_ANSWER)
    at.at += timedelta(minutes=5)
    told = []
    for number in ("+989141234569", "+989141234561"):  # the first is another's, and waits for no call to hers
        async with at.engine.begin() as connection:
            assert await wish(connection, code, number, "az", f"wish:{number}", at.at)
        for _ in range(3):
            while again := await claim(at.engine, at.page, POLICY, at.at):
                brief = await briefing(at.engine, str(again.id))
                assert brief is not None and (brief.language, again.language) == ("az", "az")
                told.append((again.number, brief.meeting.what if brief.meeting else "status"))
                await says(at, again, Outcome.HEARD)
            at.at += timedelta(minutes=5)
    off = ("+989141234561", meeting_calls.OFF)
    assert told == [("+989141234569", "status"), off, ("+989141234561", "status")]


async def test_who_wished_to_hear_how_her_case_stands_waits_for_one_call_about_her_slot_and_for_no_other(
    at: Hall,
) -> None:
    code = await answered(at)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.HEARD)
    async with at.engine.begin() as connection:
        assert await wish(connection, code, "+989141234561", "fa", "wish:1", at.at)
    await agenda.release(at.engine, at.page, at.by(code, "جلسه لغو شد"), LATER)
    placing, news = await rung(at)
    assert news is not None and news.what == meeting_calls.OFF
    await says(at, placing, Outcome.NO_ANSWER)
    at.at += timedelta(minutes=30)
    placing, news = await rung(at)
    assert news is None, "the next call about her slot may be tomorrow's"


async def test_who_ends_her_case_while_nobody_is_called_is_told_that_her_slot_is_off_once_somebody_is(
    at: Hall,
) -> None:
    code = await released(at)
    await dialled(at.engine, False, at.at)
    await office.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    await dialled(at.engine, True, at.at)
    placing, news = await rung(at)
    assert placing.code == code and news is not None and news.what == meeting_calls.DECLINED


async def test_whose_slot_would_have_been_over_hears_the_answer_alone(at: Hall) -> None:
    code = await released(at)
    await office.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    [row] = await waiting(at)
    at.at = datetime.fromisoformat(row["was_at"]) + timedelta(minutes=1)
    placing, news = await rung(at)
    assert (placing.code, news) == (code, None)
    await says(at, placing, Outcome.HEARD)
    assert await claim(at.engine, at.page, POLICY, at.at) is None


async def test_of_many_who_are_collected_the_refusal_names_the_one_who_waits_for_our_call(at: Hall) -> None:
    code, twin = await released(at), await at.wish(caller="09141234561")
    await office.settle(at.engine, at.page, at.by(code, "آبفا باید وصل کند"), "abfa")
    with pytest.raises(Refused) as refused:
        await collecting.collect(at.engine, at.page, at.by("").actor, [twin, code], "یک خواسته", at.at)
    assert digits(code) in in_persian(refused.value, words(), CaseNames({}, {}, {}))


async def test_a_complaint_about_a_head_goes_on_in_no_request_that_lies_with_his_body(at: Hall) -> None:
    code, other = await at.wish(), await at.wish()
    await office.review(at.engine, at.page, at.by(code), about="abfa")
    await referring.refer(at.engine, at.page, at.by(other), "abfa")
    with pytest.raises(Refused, match="about the head of abfa"):
        await closing.merge(at.engine, at.page, at.by(code, "تکراری"), other)


async def test_what_a_complaint_about_a_head_went_on_in_never_comes_to_his_body(at: Hall) -> None:
    first, code, other = [await at.wish() for _ in range(3)]
    await office.review(at.engine, at.page, at.by(first), about="abfa")
    await closing.merge(at.engine, at.page, at.by(first, "تکراری"), code)
    await closing.merge(at.engine, at.page, at.by(code, "تکراری"), other)
    with pytest.raises(Refused, match="about the head of abfa"):
        await referring.refer(at.engine, at.page, at.by(other), "abfa")
    await referring.refer(at.engine, at.page, at.by(other), "edu")


async def test_a_complaint_about_a_head_waits_in_no_collective_case_of_his_body(at: Hall) -> None:
    code, desk, page = await at.wish(), at.by("").actor, at.page
    await office.review(at.engine, page, at.by(code), about="abfa")
    others = [await at.open(caller=f"0914333444{n}") for n in range(2)]
    at_abfa = await collecting.collect(at.engine, page, desk, others, "قطع آب", at.at)
    assert (await at.row(at_abfa.code)).agency == "abfa"
    with pytest.raises(Refused, match="about the head of abfa"):
        await collecting.collect(at.engine, page, desk, [code], "", at.at, at_abfa.code)
    done = await collecting.collect(at.engine, page, desk, [code], "یک خواسته", at.at)
    for refused in (
        referring.refer(at.engine, page, at.by(done.code), "abfa"),
        referring.rule(at.engine, page, at.by(done.code, "حکم"), "abfa"),
    ):
        with pytest.raises(Refused, match="about the head of abfa"):
            await refused
    await referring.refer(at.engine, page, at.by(done.code), "edu")
