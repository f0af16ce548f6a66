"""The day of a session: arrivals, hearings, walk-ins; what a browser sends twice is done once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meetings import RequestState as S
from ivr.cases.presence import Presence
from ivr.desk.case.callback_planning import MEETING
from ivr.desk.case.registering import Wanted
from ivr.desk.meetings import agenda, request_deciding, session_day
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.people.scope import Scope
from ivr.desk.reading.briefs import Brief, briefs
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import callbacks
from tests.desk.meetings.hall import LATER, Hall, hall, id_of

P = Presence


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def opened(at: Hall, count: int = 2) -> tuple[int, list[str]]:
    """The morning of a session with so many citizens."""
    for n in range(count):
        await at.accepted(9 - n, f"0914123456{n}", bodies=["abfa"])
    number = await at.session(slots=count)
    codes = await at.fill(number)
    at.at += timedelta(days=6)
    return number, codes


async def do(at: Hall, deed: Any, number: int, code: str, *more: Any, who: str = "desk/sadr") -> None:
    await deed(at.engine, at.page, at.by(code, who=who), number, at.at, *more)


async def seen(at: Hall, number: int) -> list[Brief]:
    async with at.engine.connect() as connection:
        seats = await at.seats(number)
        return await briefs(connection, at.page, Scope(), number, seats, at.at)


async def test_she_comes_waits_goes_in_and_is_heard_and_what_was_decided_stands_in_her_case(at: Hall) -> None:
    number, (one, two) = await opened(at)
    await do(at, session_day.arrive, number, one)
    began = at.at = at.at + timedelta(minutes=9)
    await do(at, session_day.begin, number, one)
    assert [brief.presence for brief in await seen(at, number)] == [P.INSIDE, P.EXPECTED]
    await do(at, session_day.step_out, number, one)
    await do(at, session_day.begin, number, one)
    at.at += timedelta(minutes=6)
    await do(at, session_day.heard, number, one, Hearing("آب ندارد", "تا یک ماه وصل شود", 2))
    await do(at, session_day.missed, number, two)
    her, other = await seen(at, number)
    assert (her.presence, other.presence) == (P.HEARD, P.MISSED)
    assert her.slot.began_at == began and her.slot.ended_at == at.at
    assert her.minutes is not None and (her.minutes.said, her.minutes.people) == ("آب ندارد", 2)
    assert (await at.seen(one)).state is S.MET and (await at.seen(two)).state is S.NO_SHOW
    story = (await at.case(one))["events"]
    assert {"text": "تا یک ماه وصل شود", "session": number} in [event["details"] for event in story]
    await session_day.amend(at.engine, at.page, at.by(one), number, Hearing("آب ندارد", "تا دو ماه وصل شود"))
    again = (await seen(at, number))[0].minutes
    assert again is not None and again.decided == "تا دو ماه وصل شود"


async def test_minutes_that_somebody_else_wrote_since_are_not_written_over_from_a_page_of_before(
    at: Hall,
) -> None:
    number, (one, _) = await opened(at)

    async def amend(who: str, said: str, seen: str) -> str:
        """When they stand written then."""
        at.at += timedelta(minutes=1)
        await session_day.amend(at.engine, at.page, at.by(one, who=who), number, Hearing(said), seen)
        return await written()

    async def written() -> str:
        minutes = (await seen(at, number))[0].minutes
        assert minutes is not None
        return str(minutes.written_at.isoformat())

    await do(at, session_day.heard, number, one, Hearing("آب ندارد"))
    first = await written()
    second = await amend("desk/rad", "آب ندارد و بیمار است", first)
    for old in (first, ""):
        with pytest.raises(Refused, match="written since you looked"):
            await amend("desk/sadr", "آب و برق ندارد", old)
    minutes = (await seen(at, number))[0].minutes
    assert minutes is not None and minutes.said == "آب ندارد و بیمار است"
    await amend("desk/rad", "آب ندارد، بیمار است", first)  # as a tablet sends one after the other
    with pytest.raises(Refused, match="written since you looked"):
        await amend("desk/sadr", "آب و برق ندارد", second)
    await amend("desk/sadr", "آب و برق ندارد، بیمار است", await written())


async def test_before_the_day_after_the_hearing_and_by_others_nothing_is_noted(at: Hall) -> None:
    number, (one, two) = await opened(at)
    at.at -= timedelta(days=2)
    with pytest.raises(Refused, match="has not come yet"):
        await do(at, session_day.arrive, number, one)
    at.at += timedelta(days=2)
    with pytest.raises(Refused, match="only the office"):
        await do(at, session_day.arrive, number, one, who="abfa/karimi")
    await do(at, session_day.heard, number, one, Hearing())
    for deed in (session_day.arrive, session_day.begin, session_day.missed):
        with pytest.raises(Refused, match="waits for no hearing"):
            await do(at, deed, number, one)
    with pytest.raises(WrongField):
        await do(at, session_day.heard, number, two, Hearing(people=0))
    with pytest.raises(Refused, match="was not heard"):
        await session_day.amend(at.engine, at.page, at.by(two), number, Hearing())


async def test_what_a_tablet_kept_from_before_she_came_changes_nothing(at: Hall) -> None:
    number, (one, _) = await opened(at)
    before, after = at.by(one), timedelta(minutes=9)
    pressed = at.at
    at.at += after
    await do(at, session_day.arrive, number, one)
    with pytest.raises(Refused, match="came later than that"):
        await session_day.missed(at.engine, at.page, before, number, pressed)
    at.at += after
    await do(at, session_day.begin, number, one)
    with pytest.raises(Refused, match="came later than that"):
        await session_day.step_out(at.engine, at.page, before, number, pressed)
    await do(at, session_day.heard, number, one, Hearing())
    assert (await at.seen(one)).state is S.MET


@pytest.mark.parametrize("late", [session_day.arrive, session_day.begin])
async def test_of_whom_it_was_said_that_she_did_not_come_that_is_taken_back_once_she_is_seen(
    at: Hall, late: Any
) -> None:
    """A finger slipped, or another tablet had no network while she was heard."""
    number, (one, _) = await opened(at)
    await do(at, session_day.missed, number, one)
    await do(at, late, number, one)
    her = await at.seen(one)
    assert (her.state, her.next_on, her.case.missed_at) == (S.INVITED, at.at.date(), None)
    await do(at, session_day.missed, number, one)
    await do(at, session_day.heard, number, one, Hearing("آب ندارد"))
    [her_own, _] = await seen(at, number)
    assert her_own.presence is P.HEARD and her_own.minutes is not None
    assert (await at.seen(one)).state is S.MET
    assert (await at.events(one)).count("meeting_appear") == 2


async def test_who_went_before_she_was_called_in_did_not_come_though_a_tablet_tells_late_that_she_was_there(
    at: Hall,
) -> None:
    """Unless she was in the room after all."""
    number, (one, _) = await opened(at)
    came = at.at
    at.at += timedelta(minutes=30)
    await do(at, session_day.missed, number, one)
    at.at += timedelta(minutes=10)
    with pytest.raises(Refused, match="waits for no hearing"):
        await session_day.arrive(at.engine, at.page, at.by(one), number, came)
    assert (await at.seen(one)).state is S.NO_SHOW
    await session_day.begin(at.engine, at.page, at.by(one), number, came)
    assert (await at.seen(one)).state is S.INVITED


async def test_that_she_did_not_come_is_taken_back_also_where_two_tablets_tell_both_late(at: Hall) -> None:
    number, (one, _) = await opened(at)
    said, came = at.at, at.at + timedelta(minutes=9)
    at.at += timedelta(minutes=30)
    for deed, when in ((session_day.missed, said), (session_day.arrive, came)):
        await deed(at.engine, at.page, at.by(one), number, when)
    assert (await at.seen(one)).state is S.INVITED


async def test_an_earlier_slot_that_she_did_miss_still_counts_where_the_later_one_is_taken_back(
    at: Hall,
) -> None:
    number, (one, _) = await opened(at)
    await do(at, session_day.missed, number, one)
    truly = (await at.seats(number))[0].slot.starts_at
    again = await at.session(slots=1)
    await request_deciding.accept(at.engine, at.page, at.by(one), LATER)
    await agenda.place(at.engine, at.page, at.by(one, "بیمار بود"), again, 1)
    at.at += timedelta(days=6)
    await do(at, session_day.missed, again, one)
    with pytest.raises(Refused, match="waits for no hearing"):
        await do(at, session_day.arrive, number, one)
    await do(at, session_day.arrive, again, one)
    assert (await at.seen(one)).case.missed_at == truly


async def test_who_was_decided_on_since_did_not_come(at: Hall) -> None:
    number, (one, _) = await opened(at)
    await do(at, session_day.missed, number, one)
    await request_deciding.accept(at.engine, at.page, at.by(one), LATER)
    with pytest.raises(Refused, match="is waiting: appear is not possible"):
        await do(at, session_day.begin, number, one)
    assert [brief.presence for brief in await seen(at, number)] == [P.MISSED, P.EXPECTED]


async def test_what_comes_twice_with_one_key_is_done_once(at: Hall) -> None:
    number, (one, _) = await opened(at)
    ask, key = replace(at.by(one), cause=uuid.uuid4()), uuid.uuid4()

    async def sent() -> bool:
        async with at.engine.begin() as connection:
            if not await session_day.first_time(connection, key, ask, number, "heard", at.at):
                return False
            await session_day.heard(connection, at.page, ask, number, at.at, Hearing("", "وصل شود"))
            return True

    assert [await sent(), await sent()] == [True, False]
    assert (await at.events(one)).count("meeting_minutes") == 1


async def test_whoever_comes_without_a_slot_gets_a_number_and_is_heard_and_is_not_called(at: Hall) -> None:
    number, _ = await opened(at)
    wanted = Wanted("meeting", words="بیکار شده‌ام", caller="09141234569", caller_name="زهرا")
    code, slot = await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at, wanted)
    assert slot == 3 and (await at.seen(code)).state is S.INVITED
    assert [brief.presence for brief in await seen(at, number)] == [P.EXPECTED, P.EXPECTED, P.ARRIVED]
    async with at.engine.connect() as connection:
        its = select(callbacks.c.id).where(callbacks.c.case_id == await id_of(at.engine, code))
        assert (await connection.execute(its.where(callbacks.c.purpose == MEETING))).all() == []
    await do(at, session_day.heard, number, code, Hearing("", "به کمیته معرفی شود"))
    assert (await at.seen(code)).state is S.MET
    with pytest.raises(WrongField):
        bad = replace(wanted, national_id="1234567890")
        await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at, bad)
    assert len(await seen(at, number)) == 3


async def test_the_hour_of_who_comes_without_a_slot_is_told_by_the_province_s_clock(at: Hall) -> None:
    number, _ = await opened(at)
    wanted = Wanted("meeting", words="x", caller="09141234569")
    code, _ = await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at.astimezone(UTC), wanted)
    [invited] = [event for event in (await at.case(code))["events"] if event["what"] == "meeting_invite"]
    assert invited["details"]["at"].endswith("+03:30")


async def test_at_the_door_she_is_found_by_code_or_national_id_among_those_of_the_session(at: Hall) -> None:
    number, (one, _) = await opened(at)
    wanted = Wanted("meeting", words="x", caller_name="زهرا", national_id="0499370899")
    code, _ = await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at, wanted)
    stranger = await at.wish()
    seats = await at.seats(number)
    found = {typed: session_day.find(seats, typed) for typed in (one, "0499370899", stranger, "")}
    assert [seat.wish.code if seat and seat.wish else "" for seat in found.values()] == [one, code, "", ""]


async def test_of_two_requests_of_hers_her_national_id_finds_the_one_that_is_still_to_be_heard(
    at: Hall,
) -> None:
    number, _ = await opened(at)
    wanted = Wanted("meeting", words="x", caller_name="زهرا", national_id="0499370899")
    codes = []
    for words in ("آب", "مدرسه"):
        her_wish = replace(wanted, words=words)
        code, _ = await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at, her_wish)
        codes.append(code)

    async def found(first: P | None = None) -> str:
        seat = session_day.find(await at.seats(number), "0499370899", first)
        return seat.wish.code if seat and seat.wish else ""

    one, two = codes
    assert await found() == one
    await do(at, session_day.begin, number, two)
    assert (await found(P.INSIDE), await found()) == (two, one), "she came in for the other one"
    await do(at, session_day.step_out, number, two)
    await do(at, session_day.heard, number, one, Hearing("آب ندارد"))
    assert await found() == two
    assert await found(P.HEARD) == one, "to write her minutes again"
    await do(at, session_day.missed, number, two)
    assert await found() == two, "she may have come late"


async def test_who_comes_for_somebody_else_is_let_in_by_that_code_alone(at: Hall) -> None:
    """Her own national ID is nobody's here; what is said and decided is the other's case, in one slot."""
    number, (one, _) = await opened(at)
    seats = await at.seats(number)
    assert session_day.find(seats, "0499370899") is None
    found = session_day.find(seats, one)
    assert found is not None and found.wish is not None
    await do(at, session_day.heard, number, one, Hearing("پسرش به جای او آمد", "وصل شود"))
    [her, _] = await seen(at, number)
    assert her.wish.code == one and her.minutes is not None and "پسرش" in her.minutes.said
    with pytest.raises(Refused, match="waits for no hearing"):  # nor is she heard again herself
        await do(at, session_day.begin, number, one)
