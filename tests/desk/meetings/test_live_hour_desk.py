"""An hour in which an official takes calls himself: announced, its line, whose turn it is, who was heard."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.live_hour import FRESH, HourOffered, HourOutcome
from ivr.cases.meetings import Official
from ivr.desk.case import answers, collecting, referring
from ivr.desk.letters import outgoing
from ivr.desk.letters.notices import load
from ivr.desk.meetings import (
    agenda,
    hour_hearing,
    hour_planning,
    hour_queue,
    order_giving,
    request_deciding,
    session_moving,
    session_planning,
)
from ivr.desk.meetings.hour_planning import WantedHour
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_day import Hearing, minutes_of
from ivr.desk.refusals import Refused, WrongField
from ivr.store.aside import Aside
from ivr.store.tables import audit, hour_calls
from ivr.voice.events import HourState, HourTold
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_invitation_answers import accepted, rung, says
from tests.fixtures.database import SEED, until_blocked

ALLOWED = ("201", "202")
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def announced(at: Hall, **more: Any) -> int:
    """The governor takes calls from now on, for an hour."""
    starts_at = more.pop("starts_at", at.at)
    wanted = WantedHour(Official.GOVERNOR, "ostandari", starts_at, starts_at + timedelta(hours=1), ("201",))
    wanted = replace(wanted, **more)
    return await hour_planning.announce(at.engine, at.page, at.by("").actor, wanted, ALLOWED, at.at)


async def joins(at: Hall, code: str = "") -> tuple[uuid.UUID, HourTold]:
    call = uuid.uuid4()
    at.at += timedelta(seconds=1)
    code = code or await at.wish(caller=f"0914{call.int % 10**7:07}")
    return call, await hour_queue.join(at.engine, call, code, "fa", True, at.at)


async def talks(at: Hall, number: int, code: str) -> uuid.UUID:
    """She stood in line, he took her call, and they talk."""
    call, _ = await joins(at, code)
    assert await hour_queue.take(at.engine, at.by(""), number) == code
    await hour_queue.answered(at.engine, call, at.at)
    return call


async def row_of(at: Hall, call: uuid.UUID) -> Any:
    async with at.engine.connect() as connection:
        return (await connection.execute(select(hour_calls).where(hour_calls.c.call_id == call))).one()


async def test_only_an_extension_of_the_list_rings_and_only_the_office_announces(at: Hall) -> None:
    for wrong in ((), ("201", "09141234567")):
        with pytest.raises(WrongField, match="list may ring"):
            await announced(at, extensions=wrong)
    with pytest.raises(WrongField, match="at most 366 days"):
        await announced(at, starts_at=at.at + timedelta(days=367))
    number = await announced(at)
    with pytest.raises(Refused, match="sits in session"):
        await announced(at, starts_at=at.at + 30 * A_MINUTE)
    with pytest.raises(Refused, match="only the office"):
        await hour_planning.close(at.engine, at.by("", who="abfa"), number)
    async with at.engine.connect() as connection:
        noted = await connection.execute(select(audit.c.action, audit.c.subject))
        assert ("hour_announced", f"meeting_session/{number}") in [tuple(row) for row in noted]


async def test_before_it_begins_and_once_it_is_closed_nobody_is_let_in(at: Hall) -> None:
    number = await announced(at, starts_at=at.at + 10 * A_MINUTE)
    assert (await joins(at))[1] == HourTold(HourState.CLOSED)
    at.at += 10 * A_MINUTE
    call, told = await joins(at)
    assert told == HourTold(HourState.WAITING, 1)
    await hour_planning.close(at.engine, at.by(""), number)
    assert (await hour_queue.look(at.engine, call, at.at)).state is HourState.CLOSED
    assert (await joins(at))[1].state is HourState.CLOSED
    with pytest.raises(Refused, match="not open"):
        await hour_queue.take(at.engine, at.by(""), number)


async def test_places_are_true_and_who_is_gone_makes_room(at: Hall) -> None:
    await announced(at, room=2)
    await joins(at)
    second, told = await joins(at)
    assert told.place == 2
    assert (await joins(at))[1] == HourTold(HourState.FULL)
    at.at += FRESH
    assert await hour_queue.look(at.engine, second, at.at) == HourTold(HourState.WAITING, 1), "first is gone"
    await hour_queue.over(at.engine, second, HourOutcome.LEFT, at.at)
    assert (await joins(at))[1].place == 1


async def test_who_was_offered_one_official_stands_in_no_other_one_s_line(at: Hall) -> None:
    await announced(at, room=1)
    deputy = await announced(at, official=Official.DEPUTY, extensions=("202",))
    call, code = uuid.uuid4(), await at.wish()
    await joins(at)
    his, hers = (HourOffered(who, "ostandari") for who in (Official.GOVERNOR, Official.DEPUTY))
    told = await hour_queue.join(at.engine, call, code, "fa", True, at.at, his)
    assert told == HourTold(HourState.FULL)
    told = await hour_queue.join(at.engine, call, code, "fa", True, at.at, hers)
    assert told == HourTold(HourState.WAITING, 1) and (await row_of(at, call)).session == deputy


async def test_the_next_is_taken_one_at_a_time_and_keeps_her_place_when_nobody_answers(at: Hall) -> None:
    number = await announced(at)
    first, _ = await joins(at)
    second, _ = await joins(at)
    with pytest.raises(Refused, match="only the office"):
        await hour_queue.take(at.engine, at.by("", who="abfa"), number)
    code = await hour_queue.take(at.engine, at.by(""), number)
    assert code == (await row_of(at, first)).code
    assert await hour_queue.extensions(at.engine, first) == ["201"]
    with pytest.raises(Refused, match=f"still with {code}"):
        await hour_queue.take(at.engine, at.by(""), number)
    assert (await hour_queue.look(at.engine, first, at.at)).state is HourState.TURN
    await hour_queue.unanswered(at.engine, first, at.at)
    assert await hour_queue.look(at.engine, first, at.at) == HourTold(HourState.WAITING, 1)
    assert await hour_queue.look(at.engine, second, at.at) == HourTold(HourState.WAITING, 2)
    assert await hour_queue.take(at.engine, at.by(""), number) == code, "and is rung again"
    assert (await row_of(at, first)).rings == 2


async def test_who_hangs_up_as_it_becomes_her_turn_is_passed_over(at: Hall) -> None:
    number = await announced(at)
    first, _ = await joins(at)
    second, _ = await joins(at)
    async with at.engine.begin() as leaving:  # as `over` does it, held between its two steps
        left = update(hour_calls).where(hour_calls.c.call_id == first)
        await leaving.execute(left.values(state="over", outcome="left", ended_at=at.at))
        taking = asyncio.create_task(hour_queue.take(at.engine, at.by(""), number))
        await until_blocked(at.engine)
    assert await taking == (await row_of(at, second)).code
    assert (await row_of(at, first)).state == "over"


async def test_whom_he_talked_with_has_met_him_and_orders_are_given(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    with pytest.raises(Refused, match="nobody has talked"):
        await hour_hearing.note(at.engine, at.page, at.by(code), number)
    await talks(at, number, code)
    for _ in range(2):  # noted again, as minutes are
        hearing = Hearing("آب ندارد", "تا یک ماه وصل شود")
        await hour_hearing.note(at.engine, at.page, at.by(code), number, hearing)
    assert (await at.seen(code)).state == "met"
    assert (await at.events(code)).count("hour_heard") == 1
    assert await at.agenda(number) == [code]
    async with at.engine.connect() as connection:
        [minutes] = (await minutes_of(connection, number)).values()
    assert minutes.said == "آب ندارد"
    order = MeetingOrder("abfa", "آب وصل شود", date(2026, 12, 5))
    assert await order_giving.give(at.engine, at.page, at.by(code), [order])


async def test_a_second_page_with_blank_fields_takes_no_minutes_away(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    await talks(at, number, code)

    async def note(said: str, seen: str) -> Any:
        hearing = Hearing(said)
        await hour_hearing.note(at.engine, at.page, at.by(code), number, hearing, seen)
        async with at.engine.connect() as connection:
            [minutes] = (await minutes_of(connection, number)).values()
        return minutes

    first = await note("آب ندارد", "")
    with pytest.raises(Refused, match="written since you looked"):
        await note("", "")
    assert (await note("آب ندارد و بیمار است", first.written_at.isoformat())).said == "آب ندارد و بیمار است"


async def test_minutes_that_are_sent_again_for_their_answer_was_lost_are_not_refused(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    await talks(at, number, code)
    for _ in range(2):
        hearing = Hearing("آب ندارد", "تا یک ماه وصل شود")
        await hour_hearing.note(at.engine, at.page, at.by(code), number, hearing, "")
    assert (await at.events(code)).count("meeting_minutes") == 1


async def test_what_he_did_not_note_is_noted_by_itself_once_even_when_her_call_died(at: Hall) -> None:
    number, code, other = await announced(at), await at.wish(), await at.wish(caller="09145556677")
    ended = await talks(at, number, code)
    await hour_queue.over(at.engine, ended, HourOutcome.HEARD, at.at)
    died = await talks(at, number, other)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1
    at.at += FRESH
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 0
    assert (await row_of(at, died)).outcome == "heard"
    assert {(await at.seen(each)).state for each in (code, other)} == {"met"}


async def test_whose_line_broke_and_who_talked_again_about_her_case_was_heard_twice_and_met_once(
    at: Hall,
) -> None:
    number, code = await announced(at), await at.wish()
    for _ in range(2):
        await hour_queue.over(at.engine, await talks(at, number, code), HourOutcome.HEARD, at.at)
        at.at += A_MINUTE
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 2
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 0
    assert (await at.events(code)).count("hour_heard") == 2
    assert (await at.seen(code)).state == "met" and await at.agenda(number) == [code]


async def test_of_three_whom_he_heard_one_that_the_books_refuse_keeps_no_other_from_being_noted(
    at: Hall,
) -> None:
    number = await announced(at)
    codes = [await at.wish(caller=f"0914555667{n}") for n in range(3)]
    for code in codes:
        await hour_queue.over(at.engine, await talks(at, number, code), HourOutcome.HEARD, at.at)
    last, aside = await at.put_behind(codes[0]), Aside()
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at, aside=aside) == 2
    assert [(await at.seen(each)).state for each in codes] == ["requested", "met", "met"]
    assert sum(aside.counts.values()) == 1
    await at.mend(codes[0], last)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.later(1), aside=aside) == 1
    assert aside.troubles == []


async def test_whom_he_heard_is_on_record_though_another_body_has_answered_her_case(at: Hall) -> None:
    code = await at.accepted()
    await at.fill(await at.session())
    await referring.refer(at.engine, at.page, at.by(code), "abfa")
    await answers.give(at.engine, at.page, at.by(code, who="abfa"), "به زودی وصل می‌شود")
    at.at += A_MINUTE
    async with at.engine.begin() as connection:
        await agenda.give_up(connection, at.page, at.by(code, who="citizen"))
    number = await announced(at)
    call = await talks(at, number, code)
    await hour_queue.over(at.engine, call, HourOutcome.HEARD, at.at)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1
    assert (await at.seen(code)).state == "met" and await at.agenda(number) == [code]
    assert (await row_of(at, call)).noted_at is not None


async def test_whom_he_heard_about_what_is_another_body_s_has_it_in_her_case_once_and_no_alarm_stays(
    at: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    number, code = await announced(at), await at.wish()
    await referring.rule(at.engine, at.page, at.by(code, "کار آبفاست"), "abfa")
    await hour_queue.over(at.engine, await talks(at, number, code), HourOutcome.HEARD, at.at)
    aside = Aside()
    for noted in (1, 0):
        assert await hour_hearing.keep_noting(at.engine, at.page, at.at, aside=aside) == noted
    assert f"case {code} was heard in hour {number} and has no slot there" in caplog.text
    assert aside.troubles == [] and (await at.events(code)).count("hour_heard") == 1
    assert await at.agenda(number) == []


async def test_his_minutes_of_what_is_another_body_s_are_refused_for_that_and_taken_once_it_is_mended(
    at: Hall,
) -> None:
    number, code = await announced(at), await at.wish()
    await referring.rule(at.engine, at.page, at.by(code, "کار آبفاست"), "abfa")
    call = await talks(at, number, code)

    async def written() -> None:
        await hour_hearing.note(at.engine, at.page, at.by(code), number, Hearing("آب ندارد"))

    for swept in (0, 1):
        with pytest.raises(Refused) as told:
            await written()
        assert "was not heard" not in str(told.value) and await at.agenda(number) == []
        await hour_queue.over(at.engine, call, HourOutcome.HEARD, at.at)
        assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1 - swept
    await referring.rule(at.engine, at.page, at.by(code, "کار استانداری است"), "ostandari")
    for _ in range(2):
        await written()
    assert (await at.seen(code)).state == "met" and await at.agenda(number) == [code]
    assert (await at.events(code)).count("hour_heard") == 1


async def is_collected(at: Hall, code: str) -> None:
    other = await at.wish(caller="09145556677")
    await collecting.collect(at.engine, at.page, at.by("").actor, [code, other], "آب", at.at)


async def is_settled(at: Hall, code: str) -> None:
    await request_deciding.settle(at.engine, at.page, at.by(code, "کار آبفاست"), "abfa")


@pytest.mark.parametrize(
    ("becomes", "why"),
    [
        (is_collected, "is no request to meet an official"),
        (is_settled, "is settled: meet is not possible"),
    ],
)
async def test_his_minutes_of_what_is_no_meeting_of_his_any_more_are_refused_for_that(
    at: Hall, becomes: Callable[[Hall, str], Awaitable[None]], why: str
) -> None:
    number, code = await announced(at), await at.wish()
    await talks(at, number, code)
    await becomes(at, code)
    with pytest.raises(Refused, match=why):
        await hour_hearing.note(at.engine, at.page, at.by(code), number, Hearing("آب ندارد"))


async def test_with_whom_he_talks_as_the_office_calls_off_his_hour_he_has_met_and_orders_for(
    at: Hall,
) -> None:
    number, code, waits = await announced(at), await at.wish(), await at.wish(caller="09145556677")
    her = await talks(at, number, code)
    waiting, _ = await joins(at, waits)
    off = await session_planning.cancel(at.engine, at.page, at.by("", "جلسهٔ فوری"), number, LATER)
    assert off.ended and off.codes == []
    assert (await hour_queue.look(at.engine, waiting, at.at)).state is HourState.CLOSED
    await hour_hearing.note(at.engine, at.page, at.by(code), number, Hearing("آب ندارد"))
    assert (await at.seen(code)).state == "met" and await at.agenda(number) == [code]
    order = MeetingOrder("abfa", "آب وصل شود", date(2026, 12, 5))
    assert await order_giving.give(at.engine, at.page, at.by(code), [order])
    await hour_queue.over(at.engine, her, HourOutcome.HEARD, at.at)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 0
    async with at.engine.connect() as connection:
        deeds = (await connection.execute(select(audit.c.action))).scalars().all()
    assert "hour_closed" in deeds and "meeting_cancelled" not in deeds


async def test_who_talked_while_the_books_were_away_was_heard_since_he_took_her_call(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    call, _ = await joins(at, code)
    await hour_queue.take(at.engine, at.by(""), number)
    taken_at = at.at
    at.at += 5 * A_MINUTE
    await hour_queue.over(at.engine, call, HourOutcome.HEARD, at.at)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1
    assert (await row_of(at, call)).talked_at == taken_at and (await at.seen(code)).state == "met"


async def test_who_talked_was_heard_however_her_call_is_said_to_have_ended(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    call = await talks(at, number, code)
    await hour_queue.over(at.engine, call, HourOutcome.LEFT, at.at)
    assert (await row_of(at, call)).outcome == "heard"


async def test_whom_an_older_release_heard_without_the_hour_of_it_is_noted_all_the_same(at: Hall) -> None:
    number, code = await announced(at), await at.wish()
    call = await talks(at, number, code)
    await hour_queue.over(at.engine, call, HourOutcome.HEARD, at.at)
    async with at.engine.begin() as connection:
        await connection.execute(update(hour_calls).values(talked_at=None))
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 1
    assert (await at.seen(code)).state == "met"


async def test_who_left_while_she_waited_was_not_heard(at: Hall) -> None:
    await announced(at)
    code = await at.wish()
    call, _ = await joins(at, code)
    at.at += FRESH
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 0
    assert (await row_of(at, call)).outcome == "left"
    assert (await at.seen(code)).state == "requested"


async def test_who_was_given_up_while_the_books_were_away_waits_on_at_her_place(at: Hall) -> None:
    number = await announced(at)
    first, _ = await joins(at)
    second, _ = await joins(at)
    at.at += FRESH
    await hour_hearing.keep_noting(at.engine, at.page, at.at)
    assert (await row_of(at, first)).state == "over"
    assert await hour_queue.look(at.engine, second, at.at) == HourTold(HourState.WAITING, 1)
    assert await hour_queue.look(at.engine, first, at.at) == HourTold(HourState.WAITING, 1)
    assert await hour_queue.look(at.engine, second, at.at) == HourTold(HourState.WAITING, 2)
    her = await row_of(at, first)
    assert (her.outcome, her.ended_at) == ("", None)
    assert await hour_queue.take(at.engine, at.by(""), number) == her.code
    await hour_queue.unanswered(at.engine, first, at.at)
    at.at += FRESH
    await hour_hearing.keep_noting(at.engine, at.page, at.at)
    await hour_planning.close(at.engine, at.by(""), number)
    assert await hour_queue.look(at.engine, first, at.at) == HourTold(HourState.CLOSED)
    assert (await row_of(at, first)).outcome == "left"


async def test_her_slot_elsewhere_is_free_and_what_is_no_request_is_a_deed_in_its_case(at: Hall) -> None:
    code = await at.accepted()
    elsewhere = await at.session()
    await at.fill(elsewhere)
    complaint = await at.open(caller="09146667788")
    number = await announced(at)
    for each in (code, complaint):
        call = await talks(at, number, each)
        await hour_queue.over(at.engine, call, HourOutcome.HEARD, at.at)
    assert await hour_hearing.keep_noting(at.engine, at.page, at.at) == 2
    assert code not in await at.agenda(elsewhere) and (await at.seen(code)).state == "met"
    assert "hour_heard" in await at.events(complaint) and await at.agenda(number) == [code]


async def test_who_was_heard_reads_that_her_slot_elsewhere_is_off_and_that_no_new_one_comes(at: Hall) -> None:
    """She knows of that slot, and would come for it."""
    code = await accepted(at, 9, "09141234561")
    await at.fill(await at.session(slots=1))
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    number = await announced(at)
    await talks(at, number, code)
    await hour_hearing.note(at.engine, at.page, at.by(code), number)
    off = [event for event in await outgoing.lease(at.engine, at.at) if event.kind == "meeting_off"]
    assert await outgoing.spread(at.engine, load(SEED), off, at.page.calendar, at.at) == 1
    [letter] = [each for each in await outgoing.lease(at.engine, at.at) if each.is_letter]
    assert "برگزار نمی‌شود" in letter.payload["text"] and "نوبت تازه" not in letter.payload["text"]


async def test_one_that_is_delayed_among_the_sessions_begins_so_much_later_and_begun_lasts_so_much_longer(
    at: Hall,
) -> None:
    number, late = await announced(at, starts_at=at.at + A_MINUTE), at.by("", "جلسهٔ فوری")
    assert await session_moving.delay(at.engine, at.page, late, number, 30) == []
    at.at += 10 * A_MINUTE
    assert (await joins(at))[1] == HourTold(HourState.CLOSED)
    at.at += 21 * A_MINUTE
    assert (await joins(at))[1] == HourTold(HourState.WAITING, 1)
    at.at += 59 * A_MINUTE
    assert (await joins(at))[1].state is HourState.WAITING, "he takes calls for as long as was announced"
    assert await session_moving.delay(at.engine, at.page, at.by("", "تماس‌های بسیار"), number, 30) == []
    at.at += 29 * A_MINUTE
    assert (await joins(at))[1].state is HourState.WAITING


async def test_one_that_has_not_begun_is_called_off(at: Hall) -> None:
    number = await announced(at, starts_at=at.at + 10 * A_MINUTE)
    await hour_planning.close(at.engine, at.by("", "مأموریت"), number)
    async with at.engine.connect() as connection:
        hour = await hour_planning.hour(connection, number)
    assert hour is not None and hour.state == "cancelled"
    with pytest.raises(Refused, match="is over"):
        await hour_planning.close(at.engine, at.by(""), number)
