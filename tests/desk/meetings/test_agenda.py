"""Sessions and their slots: filled fairly, changed on record, nobody booked twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import same_citizen
from ivr.cases.hearing_order import Urgency
from ivr.cases.meetings import RequestState as S
from ivr.cases.spelling import letters_of
from ivr.desk.case import closing
from ivr.desk.case.callback_planning import MEETING, YET_TO_TELL
from ivr.desk.meetings import agenda, request_deciding, session_day, session_planning
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.meetings.session_planning import CalledOff
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import callbacks, cases, meeting_slots
from tests.desk.counter import outcomes
from tests.desk.meetings.hall import LATER, Hall, hall, id_of


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def three(at: Hall) -> list[str]:
    """The oldest first; the first and the last need abfa."""
    callers = ("09141234561", "09141234562", "09141234563")
    bodies = (["abfa"], ["edu"], ["abfa"])
    return [
        await at.accepted(30 - 10 * n, caller, bodies=its)
        for n, (caller, its) in enumerate(zip(callers, bodies, strict=True))
    ]


async def test_free_slots_go_to_those_who_wait_longest_and_each_body_sits_through_one_block(at: Hall) -> None:
    first, second, third = await three(at)
    await at.accepted(0, "09141234564")
    number = await at.session(slots=3)
    assert await at.fill(number) == [first, third, second] == await at.agenda(number)
    her = await at.seen(second)
    assert her.state is S.INVITED and her.next_on is not None
    assert await at.fill(number) == []
    assert len(await at.listed(states=[S.WAITING])) == 1


async def test_who_is_put_ahead_by_hand_is_on_record_with_who_and_why(at: Hall) -> None:
    *_, third = await three(at)
    number = await at.session()
    with pytest.raises(Refused, match="ahead of 2 others: that needs a reason"):
        await agenda.place(at.engine, at.page, at.by(third), number, 1)
    await agenda.place(at.engine, at.page, at.by(third, "بیمار است", "desk/sadr"), number, 1)
    seat = (await at.seats(number))[0]
    assert (seat.slot.by_hand, seat.slot.ahead_of, seat.slot.placed_by) == ("بیمار است", 2, "desk/sadr")
    event = (await at.case(third))["events"][-1]
    assert (event["what"], event["actor"]) == ("meeting_invite", "desk/sadr")
    assert event["details"]["ahead_of"] == 2 and event["details"]["reason"] == "بیمار است"


async def test_moving_her_leaves_her_old_slot_free(at: Hall) -> None:
    code = await at.accepted()
    number = await at.session()
    await at.fill(number)
    with pytest.raises(Refused, match="needs a reason"):
        await agenda.place(at.engine, at.page, at.by(code), number, 3)
    await agenda.place(at.engine, at.page, at.by(code, "از راه دور می‌آید"), number, 3)
    assert await at.agenda(number) == ["", "", code]


async def test_two_clerks_give_one_slot_to_two_citizens_and_one_citizen_two_slots(at: Hall) -> None:
    one, two = await at.accepted(2, "09141234561"), await at.accepted(2, "09141234562")
    number = await at.session(slots=2)
    done = await outcomes(
        agenda.place(at.engine, at.page, at.by(one, "الف"), number, 1),
        agenda.place(at.engine, at.page, at.by(two, "ب"), number, 1),
    )
    assert sorted(map(bool, done)) == [False, True] and "not free" in "".join(done)
    placed = next(code for code in await at.agenda(number) if code)
    case = await id_of(at.engine, placed)
    with pytest.raises(IntegrityError, match="uq_meeting_slots_booked"):
        async with at.engine.begin() as connection:  # whatever code comes: the database refuses it
            await connection.execute(
                update(meeting_slots).where(meeting_slots.c.slot == 2).values(case_id=case)
            )


async def known(at: Hall, code: str, name: str = "", identity: str = "") -> None:
    async with at.engine.begin() as connection:
        told = {"caller_name": name, "national_id": identity}
        await connection.execute(update(cases).where(cases.c.code == code).values(told))


async def test_one_citizen_s_second_request_gets_no_slot_by_itself_while_she_has_one_and_the_list_says_so(
    at: Hall,
) -> None:
    first, again = [await at.accepted(9 - n, "09141234561") for n in range(2)]
    identified, elsewhere = [await at.accepted(7 - n, caller) for n, caller in enumerate(("", "09141234562"))]
    sister, brother = [await at.accepted(5 - n, "09141234561") for n in range(2)]
    for code, who in ((first, ("علی کریمی",)), (again, ("علي كريمي",)), (sister, ("سارا کریمی",))):
        await known(at, code, *who)
    for code in (identified, elsewhere):
        await known(at, code, identity="0499370899")
    number = await at.session(slots=6)
    assert await at.fill(number) == [first, identified, sister, brother]
    assert await at.fill(number) == [], "nor at a second press"
    assert await at.fill(await at.session(starts_at=at.at + timedelta(days=10))) == []
    others = {wish.code: [(o.session, o.slot, o.sure) for o in wish.others] for wish in await at.listed()}
    assert others[again] == [(number, 1, True), (number, 4, False)]
    assert others[elsewhere] == [(number, 2, True)]
    await agenda.place(at.engine, at.page, at.by(again, "کار دیگری دارد"), number, 5)
    assert (await at.agenda(number))[4] == again, "by hand she is placed"
    theirs = await at.seats(number, Scope("abfa"))
    assert not any(seat.wish.others for seat in theirs if seat.wish)


async def test_who_waits_is_compared_with_nobody_but_who_shares_her_number_or_national_id(
    at: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred who wait beside two hundred slots held the loop for seconds, as each met each."""
    compared: list[str] = []

    def spelt(name: str) -> str:
        compared.append(name)
        return letters_of(name)

    monkeypatch.setattr(same_citizen, "letters_of", spelt)
    invited = [await at.accepted(9 - n, f"0914123457{n}") for n in range(3)]
    number = await at.session(slots=3)
    assert await at.fill(number) == invited and not compared
    for n in range(3):
        await at.accepted(5 - n, f"0914123458{n}")
    assert len(await at.listed()) == 3 and not compared
    assert await at.fill(await at.session(slots=3, starts_at=at.at + timedelta(days=10))) and not compared
    again = await at.accepted(1, "09141234570")
    assert (await at.seen(again)).others and compared


async def test_who_can_t_come_gets_the_slot_that_she_freed_by_no_second_request_of_hers(at: Hall) -> None:
    first, again = [await at.accepted(9 - n, "09141234561") for n in range(2)]
    for code in (first, again):
        await known(at, code, "علی کریمی")
    number = await at.session(slots=1)
    assert await at.fill(number) == [first]
    await agenda.release(at.engine, at.page, at.by(first, "نمی‌تواند"), LATER)
    assert await at.agenda(number) == [""]
    assert (await at.seen(again)).others == (), "what she hasn't any more is not told"


async def test_what_is_confidential_is_not_told_by_another_slot_of_hers_and_waits_for_none(at: Hall) -> None:
    first, secret = [await at.accepted(9 - n, "09141234561") for n in range(2)]
    for code in (first, secret):
        await known(at, code, "علی کریمی")
    async with at.engine.begin() as connection:
        sealed = update(cases).where(cases.c.code == secret).values(confidential="harm")
        await connection.execute(sealed)
    number = await at.session(slots=2)
    assert await at.fill(number) == [first, secret]
    assert not any(seat.wish.others for seat in await at.seats(number) if seat.wish)


async def test_an_agency_sees_the_slots_that_need_it_and_no_complaint_about_its_head(at: Hall) -> None:
    await three(at)
    private = await at.accepted(40, "09141234564", about="abfa")
    number = await at.session(slots=4)
    await at.fill(number)
    everything = await at.agenda(number)
    assert len(set(everything)) == 4 and private in everything
    theirs = await at.seats(number, Scope("abfa"))
    assert [seat.wish.bodies for seat in theirs if seat.wish] == [["abfa"], ["abfa"]]
    assert await at.agenda(number, Scope("tamin")) == []
    async with at.engine.connect() as connection:
        sittings = {
            b: await session_planning.sittings(connection, at.at, b) for b in ("abfa", "edu", "tamin")
        }
    assert [len(found) for found in sittings.values()] == [1, 1, 0]
    assert await at.listed(scope=Scope("abfa")) == []


async def test_a_cancelled_session_lets_everybody_wait_again_until_a_date(at: Hall) -> None:
    codes = await three(at)
    number = await at.session()
    await at.fill(number)
    with pytest.raises(Refused, match="with a reason"):
        await session_planning.cancel(at.engine, at.page, at.by(""), number, LATER)
    done = await session_planning.cancel(at.engine, at.page, at.by("", "سفر رئیس‌جمهور"), number, LATER)
    assert sorted(done.codes) == sorted(codes)
    assert {(wish.state, wish.next_on) for wish in await at.listed()} == {(S.WAITING, LATER)}
    with pytest.raises(Refused, match="is cancelled"):
        await at.fill(number)


async def sits(at: Hall) -> tuple[int, list[str]]:
    """One was heard, the second is in the room, the third is still to come in; nobody else knows of more."""
    await three(at)
    number = await at.session()
    codes = await at.fill(number)
    at.at += timedelta(days=6, minutes=5)
    await session_day.heard(at.engine, at.page, at.by(codes[0]), number, at.at, Hearing("آب ندارد"))
    await session_day.begin(at.engine, at.page, at.by(codes[1]), number, at.at)
    return number, codes


async def test_a_session_called_off_while_it_sits_ends_and_whoever_came_in_is_heard(at: Hall) -> None:
    number, [first, inside, waits] = await sits(at)
    off = await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert off == CalledOff([waits], ended=True)
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
    assert session.ends_at == at.at and session.reason == "مأموریت"
    assert await at.agenda(number) == [first, inside, ""] and await at.fill(number) == []
    await session_day.heard(at.engine, at.page, at.by(inside), number, at.at, Hearing("برق ندارد"))
    await session_day.amend(at.engine, at.page, at.by(first), number, Hearing("آب و برق ندارد"))
    states = [(await at.seen(code)).state for code in (first, inside, waits)]
    assert states == [S.MET, S.MET, S.WAITING] and (await at.seen(waits)).next_on == LATER
    with pytest.raises(Refused, match="is over"):
        await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)


async def test_whom_a_tablet_without_network_heard_before_the_session_was_ended_has_met_him(at: Hall) -> None:
    number, [*_, third] = await sits(at)
    late, at.at = at.at, at.at + timedelta(minutes=9)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    with pytest.raises(Refused, match="waits for no hearing"):  # who only sat in the hall
        await session_day.arrive(at.engine, at.page, at.by(third), number, late)
    for deed, more in ((session_day.begin, ()), (session_day.heard, (Hearing("کار ندارد"),))):
        await deed(at.engine, at.page, at.by(third), number, late, *more)
    assert (await at.seen(third)).state is S.MET and third in await at.agenda(number)
    async with at.engine.connect() as connection:
        assert len(await session_day.minutes_of(connection, number)) == 2
        hers = (callbacks.c.case_id == await id_of(at.engine, third), callbacks.c.purpose == MEETING)
        told = select(callbacks.c.notice).where(*hers, YET_TO_TELL)
        assert (await connection.execute(told)).all() == [], "nor is she rung that her slot is off"


async def test_a_session_that_was_called_off_while_a_tablet_without_network_heard_some_took_place_until_then(
    at: Hall,
) -> None:
    await three(at)
    number = await at.session()
    first, second, third = await at.fill(number)
    at.at += timedelta(days=6)
    begins, off = at.at, at.at + timedelta(minutes=25)
    at.at = off
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    at.at += timedelta(minutes=9)
    for code, came, why in (
        (third, off + timedelta(minutes=1), "is cancelled"),  # nobody came in once it was called off
        (third, begins - timedelta(days=1), "is cancelled"),  # nor on another day
    ):
        with pytest.raises(Refused, match=why):
            await session_day.begin(at.engine, at.page, at.by(code), number, came)
    for code in (first, second):
        await session_day.begin(at.engine, at.page, at.by(code), number, begins)
        await session_day.heard(at.engine, at.page, at.by(code), number, begins, Hearing("آب ندارد"))
    async with at.engine.connect() as connection:
        session = await session_planning.planned(connection, number)
    assert (session.starts_at, session.ends_at, session.reason) == (begins, off, "مأموریت")
    states = [(await at.seen(code)).state for code in (first, second, third)]
    assert states == [S.MET, S.MET, S.WAITING]


async def test_whom_a_tablet_heard_who_is_said_not_to_have_come_before_it_was_called_off_was_heard(
    at: Hall,
) -> None:
    """Whichever of those that it heard it tells of first."""
    await three(at)
    number = await at.session()
    first, second, _ = await at.fill(number)
    begins = at.at = at.at + timedelta(days=6)
    at.at += timedelta(minutes=25)
    await session_day.missed(at.engine, at.page, at.by(first), number, at.at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    off, at.at = at.at, at.at + timedelta(minutes=9)
    with pytest.raises(Refused, match="is cancelled"):
        await session_day.begin(at.engine, at.page, at.by(first), number, off + timedelta(minutes=1))
    for code in (first, second):
        await session_day.begin(at.engine, at.page, at.by(code), number, begins)
        await session_day.heard(at.engine, at.page, at.by(code), number, begins, Hearing("آب ندارد"))
    assert [(await at.seen(code)).state for code in (first, second)] == [S.MET, S.MET]
    async with at.engine.connect() as connection:
        assert (await session_planning.planned(connection, number)).ends_at == off


async def told(at: Hall, code: str) -> list[str]:
    """What she is to be called with."""
    hers = (callbacks.c.case_id == await id_of(at.engine, code), callbacks.c.purpose == MEETING)
    query = select(callbacks.c.notice["what"].as_string()).where(*hers, YET_TO_TELL)
    async with at.engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


async def test_who_was_said_to_be_in_the_room_by_a_slip_lost_her_slot_with_the_others(at: Hall) -> None:
    number, [first, inside, waits] = await sits(at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    await session_day.step_out(at.engine, at.page, at.by(inside), number, at.at)
    assert (await at.seen(inside)).state is S.WAITING and await told(at, inside) == await told(at, waits)
    assert (await at.seen(inside)).next_on == at.at.date() + timedelta(days=1), "the office owes her a day"
    await session_day.begin(at.engine, at.page, at.by(waits), number, at.at)
    await session_day.step_out(at.engine, at.page, at.by(waits), number, at.at)
    her = await at.seen(waits)
    assert (her.state, her.next_on) == (S.WAITING, LATER) and len(await told(at, waits)) == 1
    assert await at.agenda(number) == [first, "", "", ""]
    await session_day.heard(at.engine, at.page, at.by(inside), number, at.at, Hearing("برق ندارد"))
    assert (await at.seen(inside)).state is S.MET, "nor was it a slip"


@pytest.mark.parametrize("minutes", [1, 20])
async def test_who_was_missed_and_came_once_it_was_called_off_or_shortly_before_lost_her_slot_with_the_others(
    at: Hall, minutes: int
) -> None:
    """It is called off nine minutes after she was missed; that she is there is told later."""
    number, [first, inside, waits] = await sits(at)
    await session_day.missed(at.engine, at.page, at.by(waits), number, at.at)
    came = at.at + timedelta(minutes=minutes)
    at.at += timedelta(minutes=9)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    at.at += timedelta(minutes=12)
    await session_day.arrive(at.engine, at.page, at.by(waits), number, came)
    her = await at.seen(waits)
    assert (her.state, her.next_on) == (S.WAITING, at.at.date() + timedelta(days=1))
    assert len(await told(at, waits)) == 1 and await at.agenda(number) == [first, inside, ""]
    await session_day.heard(at.engine, at.page, at.by(waits), number, at.at, Hearing("کار ندارد"))
    assert (await at.seen(waits)).state is S.MET and await told(at, waits) == []


async def test_who_is_not_in_the_room_yet_waits_on_where_a_session_lasts_longer_than_it_was_to(
    at: Hall,
) -> None:
    number, [*_, waits] = await sits(at)
    at.at += timedelta(hours=1)
    await session_day.begin(at.engine, at.page, at.by(waits), number, at.at)
    await session_day.step_out(at.engine, at.page, at.by(waits), number, at.at)
    assert (await at.seen(waits)).state is S.INVITED and waits in await at.agenda(number)


async def test_who_did_not_come_and_was_said_to_be_in_the_room_by_a_slip_has_begun_no_session(
    at: Hall,
) -> None:
    first, *others = await three(at)
    number = await at.session()
    await at.fill(number)
    at.later(6)
    await session_day.begin(at.engine, at.page, at.by(first), number, at.at)
    await agenda.missed(at.engine, at.page, at.by(first))
    off = await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert (sorted(off.codes), off.ended) == (sorted(others), False)


async def test_who_was_invited_elsewhere_since_was_not_heard_where_it_was_ended(at: Hall) -> None:
    number, [*_, third] = await sits(at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    again = await at.session(slots=1)
    await agenda.place(at.engine, at.page, at.by(third), again, 1)
    with pytest.raises(Refused, match="waits for no hearing"):
        await session_day.heard(at.engine, at.page, at.by(third), number, at.at, Hearing())
    await agenda.release(at.engine, at.page, at.by(third, "نمی‌آید"), LATER)
    with pytest.raises(Refused, match="waits for no hearing"):
        await session_day.begin(at.engine, at.page, at.by(third), number, at.at)


async def test_who_was_heard_and_who_did_not_come(at: Hall) -> None:
    """A no-show is decided on anew and passed over for a month, but can be placed by hand."""
    came, missed, _ = await three(at)
    number = await at.session()
    await at.fill(number)
    with pytest.raises(Refused, match="has not come yet"):
        await agenda.met(at.engine, at.page, at.by(came))
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(came))
    await agenda.missed(at.engine, at.page, at.by(missed))
    assert (await at.seen(came)).state is S.MET and (await at.row(came)).paused_at is None
    assert [(wish.code, wish.state) for wish in await at.listed()] == [(missed, S.NO_SHOW)]
    await request_deciding.accept(at.engine, at.page, at.by(missed), LATER)
    again = await at.session(slots=1, starts_at=at.at + timedelta(days=7))
    assert await at.fill(again) == []
    await agenda.place(at.engine, at.page, at.by(missed), again, 1)
    assert await at.agenda(again) == [missed] and len(await at.agenda(number)) == 3


async def owed(at: Hall) -> list[tuple[str, str, int | None, bool]]:
    """What the office owes a step, as `ivr meeting requests` lists it."""
    return [(wish.code, str(wish.state), wish.unnoted_in, wish.late) for wish in await at.listed()]


async def test_whose_slot_has_gone_by_with_nothing_noted_is_owed_a_step_until_somebody_says_what_came_of_it(
    at: Hall,
) -> None:
    first, second, third = await three(at)
    number = await at.session(slots=3)
    codes = await at.fill(number)
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(first))
    at.at += timedelta(hours=12)  # some may still be in the room, as at a session that lasts longer
    assert await owed(at) == []
    at.at += timedelta(minutes=30)
    unsaid = [(code, "invited", number, True) for code in codes if code != first]
    assert sorted(await owed(at)) == sorted(unsaid)
    assert await at.listed(states=[S.WAITING]) == []  # no slot of another session is hers by itself
    assert await at.fill(await at.session(slots=2)) == []
    await agenda.missed(at.engine, at.page, at.by(second))
    await agenda.met(at.engine, at.page, at.by(third))
    assert [each[:3] for each in await owed(at)] == [(second, "no_show", None)]


async def test_no_slot_that_is_to_come_and_none_of_a_session_that_was_called_off_has_gone_by(
    at: Hall,
) -> None:
    [*codes] = await three(at)
    number = await at.session(slots=3)
    await at.fill(number)
    assert await owed(at) == []
    await session_planning.cancel(at.engine, at.page, at.by("", "سفر"), number, LATER)
    again = await at.session(slots=2, starts_at=at.at + timedelta(days=10))
    invited = await at.fill(again)
    at.later(7)
    assert {code for code, *_ in await owed(at)} == {*codes} - {*invited}


async def test_a_slot_whose_citizen_has_withdrawn_is_filled_again(at: Hall) -> None:
    first, *_ = await three(at)
    number = await at.session(slots=1)
    assert await at.fill(number) == [first]
    await closing.withdraw(at.engine, at.page, at.by(first, who="citizen"))
    assert (await at.seen(first)).state is S.WITHDRAWN
    [second] = await at.fill(number)
    assert second != first and await at.agenda(number) == [second]


async def test_the_desk_withdraws_no_request_whose_slot_is_to_come(at: Hall) -> None:
    """Nobody would tell her: she would come for nothing."""
    code = await at.accepted()
    number = await at.session(slots=1)
    assert await at.fill(number) == [code]
    with pytest.raises(Refused, match="is accepted for a meeting: decide on that first"):
        await closing.withdraw(at.engine, at.page, at.by(code, "خودش گفت"))
    assert await at.agenda(number) == [code]


async def test_who_can_t_come_frees_the_slot_and_waits_again(at: Hall) -> None:
    code = await at.accepted(urgency=Urgency.URGENT)
    number = await at.session(slots=1)
    await at.fill(number)
    await agenda.release(at.engine, at.page, at.by(code, "بیمارستان است"), LATER)
    assert await at.agenda(number) == [""]
    assert (await at.seen(code)).next_on == LATER


@pytest.mark.parametrize(
    ("days", "hours", "more", "why"),
    [
        (6, 0.4, {}, "sits in session"),
        (1, 0, {}, "day off"),  # a Thursday
        (-1, 0, {}, "later than now"),
        (640 * 365, 0, {}, "within 366 days"),  # 2026 for a year of the Jalali calendar
        (6, 3, {"slots": 0}, "1 to 60 slots"),
        (6, 3, {"minutes": 2}, "3 to 120 minutes"),
    ],
)
async def test_what_is_no_session_is_refused(
    at: Hall, days: int, hours: float, more: dict[str, int], why: str
) -> None:
    await at.session()
    with pytest.raises(Refused, match=why):
        await at.session(starts_at=at.at + timedelta(days=days, hours=hours), **more)


async def test_on_a_day_off_one_sits_if_one_says_so(at: Hall) -> None:
    assert await at.session(starts_at=at.at + timedelta(days=1), even_off=True) == 1
