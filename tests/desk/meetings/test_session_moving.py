"""A session moved, one that begins late, the reminder of the day before: told once, and only what is so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.meetings import MeetingWay, Official
from ivr.cases.meetings import RequestState as S
from ivr.desk.call import callbacks
from ivr.desk.case import answers, closing, meeting_calls
from ivr.desk.letters import outgoing
from ivr.desk.letters.notices import Notice, Notices, load
from ivr.desk.meetings import agenda, session_day, session_moving, session_planning
from ivr.desk.meetings.session_planning import CalledOff, PlannedSession
from ivr.desk.refusals import Refused, WrongField
from ivr.store import tables
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_invitation_answers import POLICY, accepted, rung, says, waiting
from tests.fixtures.database import SEED
from tests.fixtures.province import book_of
from tests.voice.conversation import TEHRAN

FRIDAY = datetime(2026, 12, 4, 10, 0, tzinfo=TEHRAN)  # a day off; the session is on Saturday


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def invited(at: Hall, slots: int = 1) -> tuple[int, list[str]]:
    """A session on Saturday at half past ten, with so many who were told of it and said that they come."""
    codes = [await accepted(at, 9 - n, f"0914123456{n}") for n in range(slots)]
    number = await at.session(slots=slots, starts_at=FRIDAY + timedelta(days=1, minutes=30))
    assert await at.fill(number) == codes
    for _ in codes:
        placing, _ = await rung(at)
        await says(at, placing, Outcome.COMES)
    return number, codes


async def news(at: Hall) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in await waiting(at):
        found.setdefault(row["code"], []).append(row["what"])
    return found


async def texts(at: Hall, now: datetime) -> list[tuple[str, str]]:
    """What leaves as SMS then."""
    events = await outgoing.lease(at.engine, now)
    kinds = ("meeting_invited", "meeting_reminder", "meeting_off")
    every = [Notice(on=kind, to="citizen", by="sms", text=f"{kind} {{when}} {{place}}") for kind in kinds]
    await outgoing.spread(at.engine, Notices(notices=every), events, at.page.calendar, now)
    letters = await outgoing.lease(at.engine, now)
    for letter in letters:
        await outgoing.delivered(at.engine, letter, now)
    return sorted((letter.payload["case"], letter.payload["text"].strip()) for letter in letters)


async def test_the_day_before_she_is_reminded_on_a_day_off_too(at: Hall) -> None:
    _, [code] = await invited(at)
    assert await news(at) == {code: ["reminder"]}
    at.at = FRIDAY - timedelta(hours=2)
    with pytest.raises(AssertionError):  # nobody is rung yet
        await rung(at)
    at.at = FRIDAY
    placing, told = await rung(at)
    assert placing.code == code and told is not None and told.what == "reminder"
    assert told.starts_at == FRIDAY + timedelta(days=1, minutes=30) and told.place == "تالار"
    await says(at, placing, Outcome.CANT_COME)
    assert (await at.seen(code)).state is S.UNDER_REVIEW and await news(at) == {}


async def test_an_invitation_that_never_reached_her_gives_way_to_the_reminder(at: Hall) -> None:
    code = await accepted(at, 3, "09141234567")
    await at.fill(await at.session(slots=1, starts_at=FRIDAY + timedelta(days=1)))
    assert await news(at) == {code: ["invited", "reminder"]}
    async with at.engine.begin() as connection:
        its = tables.callbacks.c
        late = update(tables.callbacks).where(its.notice["what"].as_string() == "invited")
        await connection.execute(late.values(next_at=FRIDAY + timedelta(hours=5)))
    at.at = FRIDAY
    placing, _ = await rung(at)
    await says(at, placing, Outcome.COMES)
    assert (await at.seen(code)).state is S.CONFIRMED and await news(at) == {}


async def test_who_gave_her_slot_back_is_not_reminded_of_it(at: Hall) -> None:
    number, [code] = await invited(at)
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    assert await news(at) == {code: ["off"]} and number


async def test_a_slot_of_tomorrow_is_told_once_today(at: Hall) -> None:
    code = await accepted(at, 3, "09141234567")
    await at.fill(await at.session(slots=1, starts_at=at.at + timedelta(days=1), even_off=True))
    assert await news(at) == {code: ["invited"]}


async def test_moved_everybody_is_called_once_with_the_new_hour_and_asked_again(at: Hall) -> None:
    number, codes = await invited(at, 2)
    monday = FRIDAY + timedelta(days=3)
    done = await session_moving.move(at.engine, at.page, at.by("", "مأموریت"), number, monday, "سالن ۲")
    assert done == codes and await at.agenda(number) == codes
    assert await news(at) == {code: ["moved", "reminder"] for code in codes}
    assert [seat.slot.starts_at for seat in await at.seats(number)] == [
        monday,
        monday + timedelta(minutes=10),
    ]
    her = await at.seen(codes[0])
    assert (her.state, her.next_on) == (S.INVITED, monday.date())
    placing, told = await rung(at)
    assert told is not None and (told.what, told.place) == ("moved", "سالن ۲")
    await says(at, placing, Outcome.COMES)
    assert (await news(at))[placing.code] == ["reminder"]
    event = (await at.case(codes[0]))["events"][-2]
    assert event["what"] == "meeting_move" and event["details"]["reason"] == "مأموریت"


async def test_who_had_arrived_is_not_there_yet_on_the_new_day(at: Hall) -> None:
    number, [code] = await invited(at)
    at.at = FRIDAY + timedelta(days=1)
    await session_day.arrive(at.engine, at.page, at.by(code), number, at.at)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    [seat] = await at.seats(number)
    assert seat.slot.arrived_at == at.at, "late on the day she waits where she is"
    await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, at.at + timedelta(days=2))
    [seat] = await at.seats(number)
    assert seat.wish is not None and seat.wish.code == code and seat.slot.arrived_at is None


async def test_a_session_is_not_moved_while_somebody_is_in_the_room(at: Hall) -> None:
    """She would be rung there that it is on another day."""
    number, [code] = await invited(at)
    at.at = FRIDAY + timedelta(days=1)
    await session_day.begin(at.engine, at.page, at.by(code), number, at.at)
    move = (at.engine, at.page, at.by("", "سفر"), number, at.at + timedelta(days=2))
    with pytest.raises(Refused, match="has begun"):
        await session_moving.move(*move)
    await session_day.step_out(at.engine, at.page, at.by(code), number, at.at)
    assert await session_moving.move(*move) == [code]


async def test_moved_once_it_was_late_citizens_and_bodies_are_told_the_same_hour(at: Hall) -> None:
    number, codes = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 60)
    monday = FRIDAY + timedelta(days=3)
    assert await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, monday) == codes
    assert [seat.slot.starts_at for seat in await at.seats(number)] == [
        monday,
        monday + timedelta(minutes=10),
    ]
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
    assert (session.starts_at, session.ends_at) == (monday, monday + timedelta(minutes=20))


async def test_a_session_that_only_missed_its_first_one_begins_on_its_new_day_with_the_second(
    at: Hall,
) -> None:
    number, [first, second] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=31)
    await agenda.missed(at.engine, at.page, at.by(first))
    monday = FRIDAY + timedelta(days=3)
    assert await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, monday) == [second]
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == session.starts_at == monday


@pytest.mark.parametrize("how", ["late", "moved"])
async def test_who_was_missed_before_a_session_was_late_or_moved_and_comes_then_does_not_begin_it(
    at: Hall, how: str
) -> None:
    number, [first, second] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=31)
    await agenda.missed(at.engine, at.page, at.by(first))
    begins, day = FRIDAY + timedelta(days=1, minutes=70), timedelta(days=2)
    if how == "late":
        await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    else:
        begins = FRIDAY + timedelta(days=3)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, begins)
    at.at = begins - timedelta(minutes=5)
    await session_day.arrive(at.engine, at.page, at.by(first), number, at.at)
    assert (await at.seen(first)).next_on == begins.date()
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == begins
    again = begins + day
    assert await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, again) == [first, second]
    assert [seat.slot.starts_at for seat in await at.seats(number)] == [again, again]


async def test_a_session_to_which_nobody_came_is_moved(at: Hall) -> None:
    number, [code] = await invited(at)
    at.at = FRIDAY + timedelta(days=1, minutes=31)
    await agenda.missed(at.engine, at.page, at.by(code))
    monday = FRIDAY + timedelta(days=3)
    assert await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, monday) == []
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == session.starts_at == monday


async def test_late_on_the_day_those_who_still_wait_are_called_and_the_others_not(at: Hall) -> None:
    number, [first, second] = await invited(at, 2)
    with pytest.raises(Refused, match="on its day only"):
        await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    at.at = FRIDAY + timedelta(days=1, minutes=31)  # Saturday
    await agenda.met(at.engine, at.page, at.by(first))
    seen = FRIDAY + timedelta(days=1, minutes=50)  # its end
    late = at.by("", "جلسه")
    assert await session_moving.delay(at.engine, at.page, late, number, 45, seen=seen) == [second]
    with pytest.raises(Refused, match="has changed since you looked"):  # a second clerk tells of it too
        await session_moving.delay(at.engine, at.page, late, number, 45, seen=seen)
    assert await news(at) == {second: ["delayed"]}
    placing, told = await rung(at)
    assert told is not None and told.starts_at == FRIDAY + timedelta(days=1, minutes=85)
    await says(at, placing, Outcome.COMES)
    assert (await at.seen(second)).state is S.CONFIRMED
    assert "meeting_delayed" in await at.events(second)
    with pytest.raises(Refused, match="has begun"):
        await session_moving.move(at.engine, at.page, at.by("", "جلسه"), number, at.at + timedelta(days=3))


async def test_no_delay_lasts_into_the_next_session_of_that_official(at: Hall) -> None:
    number, [code] = await invited(at)
    at.at = FRIDAY + timedelta(days=1)
    other = await at.session(slots=1, starts_at=at.at + timedelta(hours=1))
    late = at.by("", "جلسه")
    with pytest.raises(Refused, match=f"sits in session {other} then"):
        await session_moving.delay(at.engine, at.page, late, number, 30)
    assert await session_moving.delay(at.engine, at.page, late, number, 20) == [code], "right up to it"
    assert await session_moving.delay(at.engine, at.page, late, other, 30) == []
    assert await session_moving.delay(at.engine, at.page, late, number, 30) == [code], "it is late itself"


@pytest.mark.parametrize("deed", [agenda.met, session_day.begin])
async def test_a_session_that_is_delayed_while_it_sits_has_begun_though_its_first_slot_is_still_to_come(
    at: Hall, deed: Callable[..., Awaitable[None]]
) -> None:
    """Somebody else is in the room by then, or was heard."""
    number, [_, second] = await invited(at, 2)
    begins = FRIDAY + timedelta(days=1, minutes=30)
    at.at = begins + timedelta(minutes=10)
    when = () if deed is agenda.met else (number, at.at)
    await deed(at.engine, at.page, at.by(second), *when)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 60)
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == begins
    with pytest.raises(Refused, match=f"sits in session {number} then"):
        await at.session(slots=1, starts_at=begins + timedelta(minutes=30))


async def test_a_session_that_is_late_before_anybody_came_in_begins_so_much_later_and_that_stands(
    at: Hall,
) -> None:
    number, [first, _] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=25)
    for minutes in (20, 10):
        await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, minutes)
    begins = at.at = FRIDAY + timedelta(days=1, minutes=60)
    await session_day.begin(at.engine, at.page, at.by(first), number, at.at)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 15)  # while it sits
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == session.starts_at == begins
    assert session.ends_at == begins + timedelta(minutes=20 + 15)


async def test_a_late_session_whose_first_was_missed_begins_at_the_hour_that_the_second_was_told(
    at: Hall,
) -> None:
    number, [first, second] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=42)
    await agenda.missed(at.engine, at.page, at.by(first))
    async with at.engine.connect() as connection:
        told = await session_moving.begins(connection, await session_planning.planned(connection, number))
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 20)
    begins = at.at = told + timedelta(minutes=20)
    await session_day.begin(at.engine, at.page, at.by(second), number, at.at)
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == session.starts_at == begins


async def test_a_late_session_that_begins_sooner_than_was_told_has_begun(at: Hall) -> None:
    """The official came before that, or a tablet without network had somebody in the room."""
    number, [first, _] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=30)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 60)
    at.at += timedelta(minutes=40)
    await session_day.begin(at.engine, at.page, at.by(first), number, at.at)
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
        assert await session_moving.begins(connection, session) == at.at
    await session_day.step_out(at.engine, at.page, at.by(first), number, at.at)  # by a slip
    async with at.engine.connect() as connection:
        assert await session_moving.begins(connection, session) == session.starts_at


async def test_who_is_in_the_room_is_not_rung_that_her_slot_is_later(at: Hall) -> None:
    number, [inside, waits] = await invited(at, 2)
    at.at = FRIDAY + timedelta(days=1, minutes=31)  # Saturday
    await session_day.begin(at.engine, at.page, at.by(inside), number, at.at)
    was = [seat.slot.starts_at for seat in await at.seats(number)]
    assert await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30) == [waits]
    assert [row["code"] for row in await waiting(at) if row["what"] == "delayed"] == [waits]
    becomes = [seat.slot.starts_at for seat in await at.seats(number)]
    assert becomes == [was[0], was[1] + timedelta(minutes=30)]


@pytest.mark.parametrize("minutes", [0, 361, 10**13])
async def test_what_is_no_delay_is_refused(at: Hall, minutes: int) -> None:
    number = await at.session(slots=1)
    with pytest.raises(WrongField, match="1 to 360"):
        await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, minutes)
    with pytest.raises(Refused, match="with a reason"):
        await session_moving.delay(at.engine, at.page, at.by(""), number, 30)


async def test_a_session_is_not_moved_onto_another_of_his_or_a_day_off(at: Hall) -> None:
    number, other = await at.session(slots=1), await at.session(slots=1, starts_at=at.at + timedelta(days=7))
    for starts_at, why in ((at.at + timedelta(days=7), f"session {other}"), (FRIDAY, "is a day off")):
        with pytest.raises(Refused, match=why):
            await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, starts_at)


async def test_a_session_is_not_moved_to_the_year_of_another_calendar(at: Hall) -> None:
    number, codes = await invited(at)
    with pytest.raises(WrongField, match="within 366 days"):
        far = at.at + timedelta(days=45 * 365)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, far, even_off=True)
    assert await at.agenda(number) == codes


async def test_a_session_with_somebody_whose_case_has_ended_is_cancelled_all_the_same(at: Hall) -> None:
    number, [first, second] = await invited(at, 2)
    await closing.withdraw(at.engine, at.page, at.by(first, who="citizen"))
    told = await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert told.codes == [second]


async def test_who_calls_off_from_a_page_of_before_it_was_moved_calls_off_nothing(at: Hall) -> None:
    number, codes = await invited(at)
    looked = FRIDAY + timedelta(days=1, minutes=40)  # its end
    moved = FRIDAY + timedelta(days=3)
    await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, moved, seen=looked)
    why = at.by("", "مأموریت")
    with pytest.raises(Refused, match="has changed since you looked"):
        await session_planning.cancel(at.engine, at.page, why, number, LATER, seen=looked)
    assert await at.agenda(number) == codes
    ends = moved + timedelta(minutes=10)
    assert await session_planning.cancel(at.engine, at.page, why, number, LATER, seen=ends) == CalledOff(
        codes, False
    )


async def test_whose_slot_was_given_up_with_her_case_is_decided_on_anew_once_it_is_open_again(
    at: Hall,
) -> None:
    number, [first, second] = await invited(at, 2)
    await answers.give(at.engine, at.page, at.by(first), "کار شما انجام شد")
    await closing.close(at.engine, at.page, at.by(first, who="citizen"))
    assert (await at.seen(first)).state is S.SETTLED
    other = await at.accepted(1, "09141234569")
    assert await at.fill(number) == [other] and await at.agenda(number) == [other, second]
    await closing.reopen(at.engine, at.page, at.by(first, who="citizen"))
    assert (await at.seen(first)).state is S.UNDER_REVIEW
    assert first in [wish.code for wish in await at.listed()]
    at.at, called = FRIDAY, []
    while (placing := await callbacks.claim(at.engine, at.page, POLICY, at.at)) is not None:
        told = await callbacks.briefing(at.engine, str(placing.id))
        assert told is not None and told.meeting is not None
        called.append((placing.code, told.meeting.what))
        await says(at, placing, Outcome.COMES)
    assert called == [(first, "declined"), (second, "reminder")], "the first one's slot is another's"


async def test_beside_the_calls_there_are_texts_and_none_of_a_slot_that_is_not_hers_any_more(
    at: Hall,
) -> None:
    number, [stays, goes] = await invited(at, 2)
    when = ["1405/09/14 10:30", "1405/09/14 10:40"]
    persian = [text.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")) for text in when]
    assert await texts(at, at.at) == sorted(
        [(stays, f"meeting_invited {persian[0]} تالار"), (goes, f"meeting_invited {persian[1]} تالار")]
    )
    await agenda.release(at.engine, at.page, at.by(goes, "نمی‌آید"), LATER)
    assert await texts(at, at.at) == [(goes, "meeting_off")]
    assert await texts(at, FRIDAY) == [(stays, f"meeting_reminder {persian[0]} تالار")] and number


@pytest.mark.parametrize(
    ("way", "said", "link"),
    [(MeetingWay.PHONE, "تلفنی", "041-35551234"), (MeetingWay.VIDEO, "تصویری", "https://didar.example/7")],
)
async def test_who_meets_by_telephone_or_video_is_written_so_with_its_number_or_address(
    at: Hall, way: MeetingWay, said: str, link: str
) -> None:
    """The day before again; on a call, which can't spell an address, she hears how alone."""
    code, starts_at = await accepted(at, 9, "09141234561"), FRIDAY + timedelta(days=1)
    wanted = PlannedSession(Official.GOVERNOR, "ostandari", starts_at, 1, way=way, link=link)
    number = await session_planning.plan(at.engine, at.page, at.by("").actor, wanted, at.at)
    assert await at.fill(number) == [code]
    _, told = await rung(at)
    assert told is not None and (told.way, told.place) == (way, "")
    its = tables.outbox.c
    older = (
        update(tables.outbox)
        .where(its.kind == "meeting_reminder")
        .values(payload=its.payload.op("-")("link"))
    )
    async with at.engine.begin() as connection:  # a release before this one planned it so
        await connection.execute(older)
    for now in (at.at, FRIDAY):
        [text] = await written(at, now)
        assert f"دیدار {said} شما" in text and text.endswith(link) and "{" not in text


async def written(at: Hall, now: datetime) -> list[str]:
    """What leaves of her meeting as SMS then, as the seed has it."""
    its = load(SEED)
    await outgoing.spread(at.engine, its, await outgoing.lease(at.engine, now), at.page.calendar, now)
    letters = await outgoing.lease(at.engine, now)
    for letter in letters:
        await outgoing.delivered(at.engine, letter, now)
    return [text for letter in letters if "دیدار" in (text := letter.payload["text"].strip())]


async def test_nobody_is_written_that_her_slot_is_off_who_has_another_by_then(at: Hall) -> None:
    """The letter may have waited, for a notice that was mistaken: she would stay at home."""
    number, [code] = await invited(at)
    assert len(await texts(at, at.at)) == 1
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    await agenda.place(at.engine, at.page, at.by(code, "می‌آید"), number, 1)
    [(_, told)] = await texts(at, at.at)
    assert told.startswith("meeting_invited")


async def test_111_tells_a_meetings_code_its_slot(at: Hall) -> None:
    _, [code] = await invited(at)
    seen = await book_of(at.engine).look_up("+989141234560", code, at.at)
    assert seen.meeting is not None and seen.meeting.state is S.CONFIRMED
    assert seen.meeting.starts_at == FRIDAY + timedelta(days=1, minutes=30) and seen.meeting.place == "تالار"


async def test_who_was_only_written_to_hears_that_it_is_off_too(at: Hall) -> None:
    code = await accepted(at, 9, "09141234560")
    number = await at.session(slots=1, starts_at=FRIDAY + timedelta(days=1, minutes=30))
    await at.fill(number)
    assert [each for each, _ in await texts(at, at.at)] == [code]
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert await news(at) == {code: ["off"]}


async def off(at: Hall, code: str) -> dict[str, Any]:
    """What she is to be called with, that her slot is off."""
    [told] = [row for row in await waiting(at) if row["code"] == code and row["what"] == "off"]
    return told


async def test_that_her_slot_is_off_presses_until_her_own_hour_and_not_only_until_the_session_begins(
    at: Hall,
) -> None:
    number, [_, released, cancelled] = await invited(at, 3)
    at.at = FRIDAY + timedelta(days=1, minutes=35)  # it has begun five minutes ago
    await agenda.release(at.engine, at.page, at.by(released, "بیمارستان"), LATER)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    for code, minutes in ((released, 40), (cancelled, 50)):
        told = await off(at, code)
        assert datetime.fromisoformat(told["was_at"]) == FRIDAY + timedelta(days=1, minutes=minutes)
        assert meeting_calls.is_pressing(told, at.at)


@pytest.mark.parametrize("how", ["off", "moved", "invited", "moved and off"])
async def test_who_knows_a_slot_behind_days_off_hears_before_it_comes_that_it_is_not_hers_any_more(
    at: Hall, how: str
) -> None:
    """Also where what she hears is a day in two weeks."""
    number, [code] = await invited(at)
    far = FRIDAY + timedelta(days=15)
    at.at = FRIDAY - timedelta(days=2) + timedelta(hours=10, minutes=30)  # Wednesday, when nobody is rung
    if "moved" in how:
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, far)
    if how != "moved":
        await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    if how == "invited":
        assert await at.fill(await at.session(slots=1, starts_at=far)) == [code]
    assert await callbacks.claim(at.engine, at.page, POLICY, at.at) is None
    at.at = FRIDAY
    placing, told = await rung(at)
    assert placing.code == code and told is not None and told.what == how.split()[-1]


async def test_no_text_leaves_about_a_slot_that_has_begun(at: Hall) -> None:
    await accepted(at, 9, "09141234560")
    await at.fill(await at.session(slots=1, starts_at=FRIDAY + timedelta(days=1)))
    assert await texts(at, FRIDAY + timedelta(days=1)) == []
