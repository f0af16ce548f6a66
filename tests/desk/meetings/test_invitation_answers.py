"""She is called about her slot; what she presses counts, and the waiting list fills the gap."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.meetings import Official
from ivr.cases.meetings import RequestState as S
from ivr.desk.call import callback_list, callbacks
from ivr.desk.call.callbacks import Briefing, Placing
from ivr.desk.case import answers, closing, meeting_calls, referring
from ivr.desk.facts.apply import apply
from ivr.desk.meetings import agenda, request_deciding, request_list, session_moving, session_planning
from ivr.desk.meetings.invitation_answers import heard
from ivr.store import tables
from ivr.store.facts import CallEndedFact, FactAttempt
from ivr.voice.events import MeetingSeen
from ivr.voice.invitation import MeetingNews
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_tiers import BELOW, county_session, sent_below
from tests.fixtures.database import until_blocked
from tests.fixtures.province import book_of
from tests.store import noted

POLICY = Policy(per_number_per_day=9)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def accepted(at: Hall, days_ago: int, caller: str) -> str:
    """Whose request came by telephone, so that her number is hers."""
    code = await at.accepted(days_ago, caller)
    async with at.engine.begin() as connection:
        its = tables.cases.c
        await connection.execute(update(tables.cases).where(its.code == code).values(channel="phone"))
        await connection.execute(tables.callbacks.delete())
    return code


async def rung(at: Hall) -> tuple[Placing, MeetingNews | None]:
    """The next call, and what it tells."""
    placing = await callbacks.claim(at.engine, at.page, POLICY, at.at)
    assert placing is not None
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.code == placing.code
    return placing, told.meeting


async def says(at: Hall, placing: Placing, outcome: Outcome) -> None:
    """As the journal's fact of that call does, twice."""
    for _ in range(2):
        async with at.engine.begin() as connection:
            await callbacks.ended(connection, placing.id, outcome, at.at)
            await heard(connection, at.page, placing.id, at.at)


async def waiting(at: Hall) -> list[dict[str, Any]]:
    query = select(tables.callbacks.c.notice, tables.cases.c.code).join(tables.cases)
    async with at.engine.connect() as connection:
        about = (tables.callbacks.c.state == "waiting", tables.callbacks.c.purpose == "meeting")
        found = await connection.execute(query.where(*about))
        return [row.notice | {"code": row.code} for row in found]


async def test_our_call_and_who_asks_know_of_which_body_the_official_is(at: Hall) -> None:
    code = await sent_below(at, 2, "09141234561")
    await at.fill(await county_session(at))
    calls = [meeting_calls.news_of(notice) for notice in await waiting(at)]
    assert [call.what for call in calls] == ["invited", "reminder"]
    assert {(call.official, call.agency) for call in calls} == {(Official.COUNTY_GOVERNOR, BELOW)}
    seen = (await book_of(at.engine).look_up("", code, at.at)).meeting
    assert seen is not None and (seen.official, seen.agency) == (Official.COUNTY_GOVERNOR, BELOW)


async def invited(at: Hall) -> tuple[int, str, str]:
    """A session of one slot, whom it went to, and who waits behind her."""
    first, second = await accepted(at, 9, "09141234561"), await accepted(at, 2, "09141234562")
    number = await at.session(slots=1)
    assert await at.fill(number) == [first]
    return number, first, second


async def test_she_is_called_with_her_slot_and_confirms_it(at: Hall) -> None:
    number, first, _ = await invited(at)
    placing, news = await rung(at)
    assert (placing.code, placing.answer) == (first, "تالار")
    assert news is not None and news.starts_at == at.at + timedelta(days=6) and news.place == "تالار"
    await says(at, placing, Outcome.COMES)
    assert (await at.seen(first)).state is S.CONFIRMED and await at.agenda(number) == [first]
    assert await callbacks.claim(at.engine, at.page, POLICY, at.at) is None


@pytest.mark.parametrize(
    ("outcome", "state", "next_on"),
    [
        (Outcome.CANT_COME, S.UNDER_REVIEW, None),
        (Outcome.ANOTHER_DAY, S.WAITING, date(2026, 12, 25)),
    ],
)
async def test_who_can_t_come_makes_room_for_the_next_who_is_called(
    at: Hall, outcome: Outcome, state: S, next_on: date | None
) -> None:
    number, first, second = await invited(at)
    placing, news = await rung(at)
    assert news is not None and (next_on is None or news.again_on == next_on)  # what she was told
    await says(at, placing, outcome)
    her = await at.seen(first)
    assert (her.state, her.next_on) == (state, next_on)
    assert await at.agenda(number) == [second]
    [seat] = await at.seats(number)
    assert seat.slot.placed_by == "ivr"
    placing, news = await rung(at)
    assert placing.code == second and news is not None and news.what == "invited"
    assert "citizen" in {event["actor"] for event in (await at.case(first))["events"]}


async def test_what_she_says_counts_though_the_next_is_decided_on_at_that_moment(at: Hall) -> None:
    first, second, third = [await accepted(at, 9 - n, f"0914123456{n}") for n in range(3)]
    number = await at.session(slots=1)
    assert await at.fill(number) == [first]
    placing, _ = await rung(at)
    async with at.engine.begin() as settling:
        await request_deciding.settle(settling, at.page, at.by(second, "به آبفا سپرده شد"), "abfa")
        saying = asyncio.create_task(says(at, placing, Outcome.CANT_COME))
        await until_blocked(at.engine)
    await saying
    assert (await at.seen(first)).state is S.UNDER_REVIEW and (await at.seen(second)).state is S.SETTLED
    assert await at.agenda(number) == [third]


async def test_nobody_is_put_into_a_gap_without_time_to_be_asked(at: Hall) -> None:
    number, _, _ = await invited(at)
    placing, _ = await rung(at)
    at.at += timedelta(days=5, hours=12)
    await says(at, placing, Outcome.CANT_COME)
    assert await at.agenda(number) == [""]


async def test_a_word_about_a_slot_that_is_not_hers_any_more_changes_nothing(at: Hall) -> None:
    """Moved while she was on the line: she is called again with the new one."""
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    other = await at.session(slots=2, starts_at=at.at + timedelta(days=7))
    await agenda.place(at.engine, at.page, at.by(first, "سفر استاندار"), other, 2)
    await says(at, placing, Outcome.CANT_COME)
    assert (await at.seen(first)).state is S.INVITED and first in await at.agenda(other)
    told = [(row["code"], row["session"], row["what"]) for row in await waiting(at)]
    assert told == [(first, other, "invited"), (first, other, "reminder")]
    assert number != other


@pytest.mark.parametrize("told", ["invited", "reminder"])
async def test_a_journal_that_is_applied_again_neither_silences_a_move_nor_confirms_the_new_day(
    at: Hall, told: str
) -> None:
    """As after each restore: what she said of the old day comes once more, behind the session's move."""
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    if told == "reminder":
        await says(at, placing, Outcome.COMES)
        at.at += timedelta(days=5)
        placing, news = await rung(at)
        assert news is not None and news.what == told
    ended = end_of(at, placing, Outcome.COMES)
    await apply(at.engine, at.page, [ended])
    assert (await at.seen(first)).state is S.CONFIRMED
    at.at += timedelta(minutes=5)
    day = at.at + timedelta(days=9)
    await session_moving.move(at.engine, at.page, at.by("", "مأموریت"), number, day, even_off=True)
    before = await waiting(at)
    assert [row["what"] for row in before] == ["moved", "reminder"]
    await apply(at.engine, at.page, [ended])
    assert await waiting(at) == before and (await at.seen(first)).state is S.INVITED


@pytest.mark.parametrize("days", [1, 2])
async def test_who_says_on_the_morning_of_her_reminder_that_she_comes_is_not_rung_with_that_within_the_hour(
    at: Hall, days: int
) -> None:
    """As whose invitation reached nobody before, or whose number was put right or asked for so late."""
    _, first, _ = await invited(at)
    [_, reminder] = await waiting(at)
    hour = datetime.fromisoformat(reminder["starts_at"])
    at.at = datetime.combine(hour.date() - timedelta(days=days), time(9, 30), hour.tzinfo).astimezone(UTC)
    placing, news = await rung(at)
    assert placing.code == first and news is not None and news.what == "invited"
    await says(at, placing, Outcome.COMES)
    assert (await at.seen(first)).state is S.CONFIRMED
    assert [row["what"] for row in await waiting(at)] == ([] if days == 1 else ["reminder"])


def end_of(at: Hall, placing: Placing, outcome: Outcome) -> CallEndedFact:
    """What the journal holds of a call of ours."""
    attempt = FactAttempt(placing.id, outcome)
    mine = replace(noted.CALL, id=uuid.uuid5(placing.id, "call"), unique_id=str(placing.id))
    return CallEndedFact(mine, "completed", at.at, steps=(), scraps=(), attempt=attempt)


async def test_who_heard_of_a_slot_hears_that_it_is_off_and_who_did_not_that_she_waits(at: Hall) -> None:
    number, first, second = await invited(at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert [(row["code"], row["what"]) for row in await waiting(at)] == [(first, "waiting")]
    again = await at.session(slots=2)
    await at.fill(again)
    placing, _ = await rung(at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), again, LATER)
    told = {row["code"]: row["what"] for row in await waiting(at)}
    assert told == {first: "waiting", second: "waiting"} | {placing.code: "off"}
    assert all(row["again_on"] == LATER.isoformat() for row in await waiting(at))


async def known(at: Hall) -> tuple[int, str, datetime]:
    """A session of one slot, who has said that she comes to it, and its hour."""
    number, first, _ = await invited(at)
    placing, news = await rung(at)
    assert placing.code == first and news is not None and news.starts_at is not None
    await says(at, placing, Outcome.COMES)
    return number, first, news.starts_at


async def told_off(at: Hall, code: str) -> list[tuple[str, datetime]]:
    """Of which hour she is to be called that it is off."""
    hers = [row for row in await waiting(at) if row["code"] == code]
    return [(row["what"], datetime.fromisoformat(row["was_at"])) for row in hers]


@pytest.mark.parametrize("how", ["by hand", "called off"])
@pytest.mark.parametrize("goes", ["called off", "released"])
async def test_who_lost_a_second_slot_before_she_heard_of_it_hears_that_the_one_she_knows_is_off(
    at: Hall, how: str, goes: str
) -> None:
    number, first, hour = await known(at)
    other = await at.session(slots=1, starts_at=at.at + timedelta(days=7))
    if how == "by hand":
        await agenda.place(at.engine, at.page, at.by(first, "سفر استاندار"), other, 1)
    else:
        await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
        assert await at.fill(other) == [first]
    if goes == "called off":
        await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), other, LATER)
    else:
        await agenda.release(at.engine, at.page, at.by(first, "مأموریت"), LATER)
    assert await told_off(at, first) == [("off", hour)]
    await request_deciding.decline(at.engine, at.page, at.by(first, "این کار دادگاه است"))
    assert await told_off(at, first) == [("declined", hour)]


async def test_who_ended_her_case_before_she_heard_of_a_second_slot_hears_that_the_first_is_off(
    at: Hall,
) -> None:
    _, first, hour = await known(at)
    await answers.give(at.engine, at.page, at.by(first), "وصل شد.")
    other = await at.session(slots=1, starts_at=at.at + timedelta(days=7))
    await agenda.place(at.engine, at.page, at.by(first, "سفر استاندار"), other, 1)
    await closing.close(at.engine, at.page, at.by(first, who="citizen"))
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), other, LATER)
    assert await told_off(at, first) == [("declined", hour)]


async def test_who_heard_of_a_second_slot_is_told_of_the_first_one_no_more(at: Hall) -> None:
    _, first, hour = await known(at)
    at.at += timedelta(hours=1)
    other = await at.session(slots=1, starts_at=hour + timedelta(days=1))
    await agenda.place(at.engine, at.page, at.by(first, "سفر استاندار"), other, 1)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await agenda.release(at.engine, at.page, at.by(first, "مأموریت"), LATER)
    assert await told_off(at, first) == [("off", hour + timedelta(days=1))]


async def test_who_gave_her_slot_back_and_is_accepted_again_is_told_of_no_slot(at: Hall) -> None:
    _, first, _ = await invited(at)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.CANT_COME)
    await request_deciding.accept(at.engine, at.page, at.by(first), LATER)
    assert [row["what"] for row in await waiting(at) if row["code"] == first] == ["waiting"]


async def test_who_gave_her_slot_back_and_was_given_it_again_hears_that_it_is_off(at: Hall) -> None:
    number, first, second = await invited(at)
    placing, news = await rung(at)
    assert news is not None and news.starts_at is not None
    await says(at, placing, Outcome.CANT_COME)
    at.at += timedelta(minutes=1)
    await agenda.place(
        at.engine,
        at.page,
        at.by(second, "سفر"),
        await at.session(slots=1, starts_at=at.at + timedelta(days=7)),
        1,
    )
    await request_deciding.accept(at.engine, at.page, at.by(first), LATER)
    await agenda.place(at.engine, at.page, at.by(first, "می‌آید"), number, 1)
    while (await rung(at))[0].code != first:
        pass
    await agenda.release(at.engine, at.page, at.by(first, "مأموریت"), LATER)
    for decide, what in ((request_deciding.put_off, "off"), (request_deciding.decline, "declined")):
        more = (LATER,) if what == "off" else ()
        await decide(at.engine, at.page, at.by(first, "جلسه پر شد"), *more)
        assert await told_off(at, first) == [(what, news.starts_at)]


async def test_an_accepted_request_is_told_until_when_it_waits(at: Hall) -> None:
    code = await at.accepted()
    [told] = await waiting(at)
    assert told == {"what": "waiting", "again_on": "2026-12-05", "code": code}


async def test_no_call_about_a_slot_outlives_it_or_the_request(at: Hall) -> None:
    _, first, _ = await invited(at)
    at.later(7)
    assert await callbacks.claim(at.engine, at.page, POLICY, at.at) is None
    await closing.withdraw(at.engine, at.page, at.by(first, who="citizen"))
    assert await waiting(at) == []


async def test_an_answer_to_the_case_leaves_the_call_about_the_slot(at: Hall) -> None:
    _, first, _ = await invited(at)
    await answers.give(at.engine, at.page, at.by(first), "در نشست گفته می‌شود")
    placing, news = await rung(at)
    assert placing.code == first and news is not None


async def gives_back(at: Hall, outcome: Outcome, body: str = "desk") -> tuple[str, int]:
    """Who has her answer already, and says so when she is rung about her slot: her code, the session.

    `body`: who has had her case, and answered it.
    """
    number, first, second = await invited(at)
    if body != "desk":
        await referring.refer(at.engine, at.page, at.by(first), body)
    await answers.give(at.engine, at.page, at.by(first, who=body), "در نشست گفته می‌شود")
    at.at += timedelta(minutes=5)
    placing, news = await rung(at)
    assert placing.code == first and news is not None
    await says(at, placing, outcome)
    assert await at.agenda(number) == [second], "her slot is another's"
    return first, number


async def owed(at: Hall) -> list[str]:
    """Whom the office owes a step, on its list of requests."""
    async with at.engine.connect() as connection:
        return [wish.code for wish in await request_list.listed(connection, at.page, at.at)]


async def test_who_has_her_answer_already_and_asks_for_another_day_waits_for_it_as_she_was_told(
    at: Hall,
) -> None:
    code, _ = await gives_back(at, Outcome.ANOTHER_DAY)
    her = await at.seen(code)
    assert (her.state, her.next_on, her.late) == (S.WAITING, date(2026, 12, 25), False)
    assert await owed(at) == [code]
    seen = await at_111(at, code)
    assert (seen.state, seen.next_on) == (S.WAITING, date(2026, 12, 25)), "111 tells her the same"
    again = await at.session(slots=2, starts_at=at.at + timedelta(days=10))
    assert await at.fill(again) == [code] and (await at.seen(code)).state is S.INVITED
    assert {row["code"] for row in await waiting(at)} >= {code}, "she hears of it"


async def test_of_a_day_that_she_was_told_and_nobody_kept_the_office_sees_that_it_is_late(at: Hall) -> None:
    code, _ = await gives_back(at, Outcome.ANOTHER_DAY)
    at.later(31)
    assert (await at.seen(code)).late and code in await owed(at)


async def test_who_has_her_answer_already_and_can_t_come_is_decided_on_again_as_she_was_told(
    at: Hall,
) -> None:
    code, _ = await gives_back(at, Outcome.CANT_COME)
    assert (await at.seen(code)).state is S.UNDER_REVIEW and await owed(at) == [code]
    assert (await at_111(at, code)).state is S.UNDER_REVIEW
    await request_deciding.accept(at.engine, at.page, at.by(code), LATER)
    assert (await at.seen(code)).state is S.WAITING


async def test_a_new_answer_or_the_end_of_her_case_settles_it_all_the_same(at: Hall) -> None:
    code, _ = await gives_back(at, Outcome.ANOTHER_DAY)
    at.at += timedelta(minutes=5)
    await closing.close(at.engine, at.page, at.by(code, "گفته شد"))
    assert (await at.seen(code)).state is S.SETTLED and await owed(at) == []


async def test_our_call_about_her_answer_knows_what_she_was_told_since(at: Hall) -> None:
    code, _ = await gives_back(at, Outcome.ANOTHER_DAY)
    told: Briefing | None = None
    while told is None or told.code != code:
        at.at += timedelta(hours=1)
        if placing := await callbacks.claim(at.engine, at.page, POLICY, at.at):
            told = await callbacks.briefing(at.engine, str(placing.id))
    assert told.seen.may_confirm and told.seen.meeting == MeetingSeen(S.WAITING, date(2026, 12, 25))


async def never_reached(at: Hall, code: str) -> str:
    """Nobody picks up when we call about the answer; what has become of that call-back."""
    its = (tables.callbacks.c.purpose == "answer", tables.cases.c.code == code)
    query = select(tables.callbacks.c.state).join(tables.cases).where(*its)
    while True:
        async with at.engine.connect() as connection:
            state = str((await connection.execute(query)).scalar_one())
        if state not in ("waiting", "calling"):
            return state
        if placing := await callbacks.claim(at.engine, at.page, POLICY, at.at):
            await says(at, placing, Outcome.NO_ANSWER)
        at.at += timedelta(hours=3)


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.ANOTHER_DAY, S.WAITING), (Outcome.CANT_COME, S.UNDER_REVIEW)]
)
async def test_whom_the_call_about_her_answer_never_reaches_is_still_owed_what_she_was_told(
    at: Hall, outcome: Outcome, state: S
) -> None:
    """Her case is not ended by the machine: that she has not heard the answer is the desk's to see to."""
    code, _ = await gives_back(at, outcome)
    assert await never_reached(at, code) == "unreachable"
    her = await at.seen(code)
    assert (her.state, her.case.status, her.case.closed_at) == (state, "answered", None)
    assert code in await owed(at) and await callback_list.unreachable(at.engine) == 1


async def test_whose_answer_settled_her_request_is_closed_when_nobody_reaches_her(at: Hall) -> None:
    code = await accepted(at, 9, "09141234561")
    at.at += timedelta(minutes=5)
    await answers.give(at.engine, at.page, at.by(code), "کارتان انجام شد")
    assert await never_reached(at, code) == "unconfirmed"
    assert (await at.row(code)).closure == "unconfirmed"


async def test_where_another_body_has_answered_the_office_accepts_what_is_decided_on_again(at: Hall) -> None:
    code, _ = await gives_back(at, Outcome.CANT_COME, body="abfa")
    await request_deciding.accept(at.engine, at.page, at.by(code), LATER)
    her = await at.seen(code)
    assert (her.state, her.next_on) == (S.WAITING, LATER)
    assert (her.case.status, her.case.agency) == ("answered", "abfa"), "the answer stays that body's"
    again = await at.session(slots=1, starts_at=at.at + timedelta(days=10))
    assert await at.fill(again) == [code]


async def test_where_another_body_has_answered_the_office_declines_in_its_own_name(
    at: Hall, tmp_path: Path
) -> None:
    code, _ = await gives_back(at, Outcome.CANT_COME, body="abfa")
    await request_deciding.decline(at.engine, at.page, at.by(code, "این کار دادگاه است"))
    row = await at.row(code)
    assert (row.status, row.answer, row.agency) == ("answered", "این کار دادگاه است", "ostandari")
    assert (await at.seen(code)).state is S.DECLINED and await owed(at) == []
    assert [referral.agency for referral in await at.running(code)] == ["ostandari"]
    assert await findings(at.engine, tmp_path, code) == []


async def at_111(at: Hall, code: str) -> MeetingSeen:
    """How her request stands for whoever keys in her code."""
    seen = await book_of(at.engine).look_up("09141234561", code, at.at)
    assert seen.meeting is not None
    return seen.meeting


async def test_what_is_not_possible_any_more_costs_neither_her_call_nor_those_of_others(
    at: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    at.at += timedelta(days=40)  # the day that she was told of is over as it comes into the books
    mine, another = (replace(noted.CALL, id=uuid.uuid4(), unique_id=f"1700.{n}") for n in (1, 2))
    attempt = FactAttempt(placing.id, Outcome.ANOTHER_DAY)
    facts = [
        CallEndedFact(mine, "completed", at.at, steps=(), scraps=(), attempt=attempt),
        CallEndedFact(another, "completed", at.at, steps=(), scraps=()),
    ]
    for _ in range(2):
        await apply(at.engine, at.page, facts)
    assert f"what was said on our call {placing.id} changes nothing" in caplog.text
    assert await at.agenda(number) == [first] and (await at.seen(first)).state is S.INVITED, "half is nothing"
    async with at.engine.connect() as connection:
        ended = select(tables.calls.c.outcome).where(tables.calls.c.id.in_([mine.id, another.id]))
        assert (await connection.execute(ended)).scalars().all() == ["completed"] * 2
        spoken = select(tables.callbacks.c.last_outcome).where(tables.callbacks.c.last_outcome != "")
        assert (await connection.execute(spoken)).scalars().all() == ["another_day"]


async def test_an_attempt_that_nobody_knows_changes_nothing(at: Hall) -> None:
    async with at.engine.begin() as connection:
        await heard(connection, at.page, uuid.uuid4(), at.at)


@pytest.mark.parametrize("pressed", [Outcome.NO_KEY, Outcome.COMES])
async def test_who_is_on_the_line_while_her_session_is_moved_is_told_the_new_hour_alone(
    at: Hall, pressed: Outcome
) -> None:
    """Neither is she rung with the old one again, nor does her key about it count for the new one."""
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    later = at.at + timedelta(days=7)
    await session_moving.move(at.engine, at.page, at.by("", "مأموریت"), number, later)
    await says(at, placing, pressed)
    told = [(row["what"], datetime.fromisoformat(row["starts_at"])) for row in await waiting(at)]
    assert told == [("moved", later), ("reminder", later)]
    assert (await at.seen(first)).state is S.INVITED


async def test_what_was_planned_while_nobody_was_dialled_is_told_once_somebody_is_as_it_stands_then(
    at: Hall,
) -> None:
    await callbacks.dialled(at.engine, False, at.at)
    number, first, _ = await invited(at)
    later = at.at + timedelta(days=7)
    await session_moving.move(at.engine, at.page, at.by("", "مأموریت"), number, later)
    assert await waiting(at) == []
    await callbacks.dialled(at.engine, True, at.at)
    hers = [row for row in await waiting(at) if row["code"] == first]
    assert len(hers) == 2 and {datetime.fromisoformat(row["starts_at"]) for row in hers} == {later}
    placing, news = await rung(at)
    assert placing.code == first and news is not None and news.starts_at == later


async def test_that_her_slot_is_off_she_hears_though_nobody_was_dialled_meanwhile(at: Hall) -> None:
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await callbacks.dialled(at.engine, False, at.at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    far = LATER + timedelta(days=9)
    await request_deciding.put_off(at.engine, at.page, at.by(first, "هنوز نوبتی نیست"), far)
    await callbacks.dialled(at.engine, True, at.at)
    [told] = [row for row in await waiting(at) if row["code"] == first]
    assert told["what"] == "off"


async def test_until_when_she_waits_is_ahead_whenever_she_hears_of_a_far_slot(at: Hall) -> None:
    first = await accepted(at, 9, "09141234561")
    await at.fill(await at.session(slots=1, starts_at=at.at + timedelta(days=48)))
    at.at += timedelta(days=40)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.ANOTHER_DAY)
    her = await at.seen(first)
    assert her.state is S.WAITING and her.next_on is not None and her.next_on > at.at.date()


async def test_that_her_slot_is_off_she_hears_also_when_she_is_put_off_meanwhile(at: Hall) -> None:
    number, first, _ = await invited(at)
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    far = LATER + timedelta(days=9)
    await request_deciding.put_off(at.engine, at.page, at.by(first, "هنوز نوبتی نیست"), far)
    [told] = [row for row in await waiting(at) if row["code"] == first]
    assert (told["what"], told["again_on"]) == ("off", far.isoformat())


async def test_whose_telephone_is_dead_keeps_her_slot_and_the_case_stays_open(at: Hall) -> None:
    """The agenda shows that she has not confirmed; nobody else is put into her slot."""
    number, first, _ = await invited(at)
    tried, end = 0, at.at + timedelta(days=5)
    while at.at < end:
        placing = await callbacks.claim(at.engine, at.page, POLICY, at.at)
        if placing is not None:
            await says(at, placing, Outcome.NO_ANSWER)
            tried += 1
        at.at += timedelta(hours=3)
    assert tried >= POLICY.attempts and await at.agenda(number) == [first]
    her = await at.seen(first)
    assert her.state is S.INVITED and her.case.closed_at is None
