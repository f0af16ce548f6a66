"""Agencies are invited, owe their views, are reminded; who promised to come and who came is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.attendance import Came, InvitationState
from ivr.desk.case import answers, closing, confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.letters.notices import Contact, Notices, load
from ivr.desk.letters.outgoing import lease, spread
from ivr.desk.meetings import (
    agenda,
    inviting,
    order_giving,
    request_deciding,
    session_moving,
    session_planning,
)
from ivr.desk.meetings.inviting import Attendance
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.refusals import Refused, WrongField
from ivr.store.aside import Aside
from ivr.store.tables import outbox
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_giving import NEAR, ordered
from tests.fixtures.database import SEED

I = InvitationState  # noqa: E741


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def planned(at: Hall) -> tuple[int, dict[str, str]]:
    """A session with three citizens: one needs abfa, one abfa and edu, one complains of abfa's head."""
    codes = {
        "water": await at.accepted(3, "09141234561", bodies=["abfa"]),
        "school": await at.accepted(2, "09141234562", bodies=["abfa", "edu"]),
        "private": await at.accepted(1, "09141234563", about="abfa", bodies=["edu"]),
    }
    number = await at.session()
    assert len(await at.fill(number)) == 3
    return number, codes


async def invite(at: Hall, number: int) -> list[str]:
    return await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)


async def asked(at: Hall, kind: str = inviting.ASKED) -> set[tuple[str, str]]:
    """Case and body of each message."""
    async with at.engine.connect() as connection:
        rows = await connection.execute(select(outbox.c.payload).where(outbox.c.kind == kind))
        return {(row.payload["case"], row.payload["body"]) for row in rows}


async def attendances(at: Hall, number: int) -> dict[str, Attendance]:
    async with at.engine.connect() as connection:
        found = await inviting.attendances(connection, number)
    return {each.invitation.agency: each for each in found}


async def view(
    at: Hall, number: int, code: str, by: str = "abfa/karimi", words: str = "لوله فرسوده است"
) -> None:
    await inviting.give_view(at.engine, at.page, at.by(code, who=by), number, words)


async def test_whom_the_slots_need_is_invited_once_and_asked_about_each_but_never_about_its_head(
    at: Hall,
) -> None:
    number, codes = await planned(at)
    assert await invite(at, number) == ["abfa", "edu"] and await invite(at, number) == []
    both = {(codes["school"], "abfa"), (codes["school"], "edu")}
    assert await asked(at) == both | {(codes["water"], "abfa"), (codes["private"], "edu")}
    told = [e for e in (await at.case(codes["school"]))["events"] if e["what"] == "meeting_view_asked"]
    assert {e["details"]["agency"] for e in told} == {"abfa", "edu"}
    with pytest.raises(Refused, match="only the office"):
        await inviting.invite(at.engine, at.page, at.by("", who="abfa/karimi").actor, number, at.at)


async def test_the_message_goes_to_that_body_and_tells_its_own_deadline(at: Hall) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    file = load(SEED)
    contacts = [Contact(agency=each, email=[f"{each}@x.example"]) for each in ("abfa", "edu", "ostandari")]
    notices = Notices(contacts=contacts, notices=file.notices)
    events = [each for each in await lease(at.engine, at.at, 99) if each.kind == inviting.ASKED]
    assert await spread(at.engine, notices, events, at.page.calendar, at.at) == 4
    async with at.engine.connect() as connection:
        rows = (await connection.execute(select(outbox.c.payload).where(outbox.c.kind == "email"))).scalars()
        letters: list[Any] = [each for each in rows if each["case"] == codes["water"]]
    [letter] = [each for each in letters if "نظر کتبی" in each["subject"]]
    assert letter["to"] == "abfa@x.example" and "۱۴۰۵/۰۹/" in letter["text"]


async def test_a_body_writes_its_view_until_she_is_heard_and_of_nothing_that_is_not_asked(at: Hall) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    await view(at, number, codes["water"])
    await view(at, number, codes["water"], words="لوله عوض می‌شود")
    async with at.engine.connect() as connection:
        id = (await at.row(codes["water"])).id
        row = (await inviting.views_of(connection, {id}))[id, "abfa"]
    assert (row.words, row.given_by) == ("لوله عوض می‌شود", "abfa/karimi")
    said = [e["details"]["text"] for e in (await at.case(codes["water"]))["events"] if "given" in e["what"]]
    assert said == ["لوله فرسوده است", "لوله عوض می‌شود"], "the story keeps both"
    mine = (await attendances(at, number))["abfa"]
    assert (mine.owed, mine.given) == (2, 1)
    water, private = codes["water"], codes["private"]
    for code, by in ((private, "abfa/karimi"), (water, "edu/sadr"), (water, "desk")):
        with pytest.raises(Refused, match="no view of case"):
            await view(at, number, code, by)
    with pytest.raises(WrongField):
        await view(at, number, codes["water"], words=" ")
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(codes["water"]))
    with pytest.raises(Refused, match="heard already"):
        await view(at, number, codes["water"])


async def test_near_sessions_invite_by_themselves_and_who_owes_a_view_is_reminded_once(at: Hall) -> None:
    number, codes = await planned(at)

    async def keep() -> int:
        return await inviting.keep_asking(at.engine, at.page, at.at)

    assert await keep() == 0, "it is six days away"
    at.later(2)
    assert await keep() == 2 and await keep() == 0
    await view(at, number, codes["water"])
    at.later(3)
    assert await keep() == 3 and await keep() == 0
    assert await asked(at, inviting.REMINDED) == await asked(at) - {(codes["water"], "abfa")}
    at.later(30)
    assert await keep() == 0


async def test_who_is_asked_for_a_view_in_the_last_hour_owes_it_until_the_session_begins(at: Hall) -> None:
    code = await at.accepted(3, "09141234561", bodies=["abfa"])
    begins = at.at + timedelta(minutes=40)
    await at.fill(await at.session(starts_at=begins))
    assert await inviting.keep_asking(at.engine, at.page, at.at) == 1
    async with at.engine.connect() as connection:
        [owed] = (await inviting.views_of(connection, {(await at.row(code)).id})).values()
    assert owed.due_at == begins and await asked(at, inviting.REMINDED) == set()


async def test_who_still_owes_a_view_as_the_session_is_moved_is_reminded_before_the_new_day(
    at: Hall,
) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    for many in (4, 8):
        at.later(5)
        assert await inviting.keep_asking(at.engine, at.page, at.at) == 4
        async with at.engine.connect() as connection:
            reminders = select(func.count()).where(outbox.c.kind == inviting.REMINDED)
            assert (await connection.execute(reminders)).scalar_one() == many
        moved = at.at + timedelta(days=6)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, moved, even_off=True)


async def test_who_owes_a_view_for_the_day_that_it_was_due_before_is_reminded_of_it_again(at: Hall) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    day = at.at + timedelta(days=6)
    at.later(5)
    for many in (4, 8):
        assert await inviting.keep_asking(at.engine, at.page, at.at) == 4
        async with at.engine.connect() as connection:
            reminders = select(func.count()).where(outbox.c.kind == inviting.REMINDED)
            assert (await connection.execute(reminders)).scalar_one() == many
        for to in (day + timedelta(days=1), day):
            await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, to)


async def test_a_view_that_is_owed_to_a_session_again_is_asked_for_again(at: Hall) -> None:
    code = await at.accepted(3, "09141234561", bodies=["abfa"])
    number, other = await at.session(), await at.session(starts_at=at.at + timedelta(days=7))
    for session in (number, other, number):
        await agenda.place(at.engine, at.page, at.by(code, "سفر"), session, 1)
        await invite(at, session)
    async with at.engine.connect() as connection:
        letters = (await connection.execute(select(outbox).where(outbox.c.kind == inviting.ASKED))).all()
    assert sorted(letter.payload["session"] for letter in letters) == [number, number, other]
    assert (await at.events(code)).count(inviting.ASKED) == 3


async def test_one_view_that_can_not_be_asked_for_keeps_neither_another_nor_the_next_session(
    at: Hall,
) -> None:
    number, codes = await planned(at)
    other = await at.accepted(1, "09141234569", bodies=["gas"])
    following = await at.session(starts_at=at.at + timedelta(days=7))
    assert await at.fill(following) == [other]
    last, aside = await at.put_behind(codes["water"]), Aside()
    at.later(3)
    assert await inviting.keep_asking(at.engine, at.page, at.at, aside=aside) == 3
    assert await asked(at) == {
        (codes["school"], "abfa"), (codes["school"], "edu"), (codes["private"], "edu"), (other, "gas"),
    }  # fmt: skip
    assert {*await attendances(at, number)} == {"abfa", "edu"} and [*await attendances(at, following)] == [
        "gas"
    ]
    assert aside.counts[inviting.ASKED] == 1
    await at.mend(codes["water"], last)
    at.at += timedelta(hours=2)
    await inviting.keep_asking(at.engine, at.page, at.at, aside=aside)
    assert (codes["water"], "abfa") in await asked(at) and aside.troubles == []


async def test_a_view_that_can_not_be_asked_for_is_told_no_more_once_its_session_is_over(at: Hall) -> None:
    _, codes = await planned(at)
    await at.put_behind(codes["water"])
    aside = Aside()
    await inviting.keep_asking(at.engine, at.page, at.later(3), aside=aside)
    assert aside.counts[inviting.ASKED] == 1
    await inviting.keep_asking(at.engine, at.page, at.later(30), aside=aside)
    assert aside.troubles == []


async def test_what_was_given_before_another_session_need_not_be_written_again(at: Hall) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    await view(at, number, codes["water"])
    later = await at.session(starts_at=at.at + timedelta(days=7))
    for name, slot in (("water", 1), ("school", 2)):
        await agenda.place(at.engine, at.page, at.by(codes[name], "سفر"), later, slot)
    assert await invite(at, later) == ["abfa", "edu"]
    found = await attendances(at, later)
    assert (found["abfa"].owed, found["abfa"].given) == (2, 1) and found["edu"].owed == 1


async def test_what_was_promised_and_who_came_stand_side_by_side(at: Hall) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    abfa, edu = at.by("", who="abfa/karimi"), at.by("", "مأموریت", "edu/sadr")
    with pytest.raises(Refused, match="has a name"):
        await inviting.answer(at.engine, abfa, number, I.SUBSTITUTE)
    await inviting.answer(at.engine, abfa, number, I.SUBSTITUTE, "آقای رضایی")
    await inviting.answer(at.engine, edu, number, I.REFUSES)
    with pytest.raises(Refused, match="is not invited"):
        await inviting.answer(at.engine, at.by("", who="tamin/x"), number, I.ACCEPTS)
    with pytest.raises(Refused, match="has not begun"):
        await inviting.note_came(at.engine, at.by(""), number, "edu", Came.NOBODY)
    at.later(6)
    await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.HEAD)
    found = {body: each.invitation for body, each in (await attendances(at, number)).items()}
    its = found["abfa"]
    assert (its.state, its.who, its.came) == ("substitute", "آقای رضایی", "head")
    assert (found["edu"].state, found["edu"].reason, found["edu"].came) == ("refuses", "مأموریت", "")
    with pytest.raises(Refused, match="has begun"):
        await inviting.answer(at.engine, at.by("", who="abfa/karimi"), number, I.ACCEPTS)


async def test_until_a_late_session_begins_a_body_may_send_somebody_else(at: Hall) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    at.later(6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    abfa = at.by("", who="abfa/karimi")
    await inviting.answer(at.engine, abfa, number, I.SUBSTITUTE, "آقای رضایی")
    at.at += timedelta(minutes=30)
    with pytest.raises(Refused, match="has begun"):
        await inviting.answer(at.engine, at.by("", who="abfa/karimi"), number, I.ACCEPTS)


async def test_until_a_late_session_begins_the_office_invites_one_more_body_and_asks_for_its_view(
    at: Hall,
) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    at.later(6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    await request_deciding.review(at.engine, at.page, at.by(codes["water"]), bodies=["abfa", "tamin"])
    assert await invite(at, number) == ["tamin"]
    with pytest.raises(Refused, match="has not begun"):
        await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.HEAD)
    async with at.engine.connect() as connection:
        [owed] = [each for each in await inviting.owed_views(connection, number) if each.agency == "tamin"]
    assert owed.due_at == at.at + timedelta(minutes=30)
    at.at = owed.due_at
    with pytest.raises(Refused, match="has begun"):
        await invite(at, number)


async def test_bodies_are_invited_and_reminded_by_themselves_until_a_late_session_begins(at: Hall) -> None:
    number, codes = await planned(at)
    at.later(6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 180)
    await agenda.missed(at.engine, at.page, at.by(codes["school"]))  # who went when she heard of it
    at.at += timedelta(minutes=1)
    assert await inviting.keep_asking(at.engine, at.page, at.at) > 0
    assert {*await attendances(at, number)} == {"abfa", "edu"}
    at.at += timedelta(minutes=179)
    await request_deciding.review(at.engine, at.page, at.by(codes["water"]), bodies=["abfa", "tamin"])
    assert await inviting.keep_asking(at.engine, at.page, at.at) == 0, "it has begun"


async def test_whoever_is_missed_before_it_is_known_that_a_session_is_late_has_not_begun_it(at: Hall) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    first, *_ = await at.agenda(number)
    at.later(6)
    await agenda.missed(at.engine, at.page, at.by(first))
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    await inviting.answer(at.engine, at.by("", who="abfa/karimi"), number, I.SUBSTITUTE, "آقای رضایی")
    with pytest.raises(Refused, match="has not begun"):
        await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.HEAD)


async def test_who_came_is_noted_of_a_session_that_is_delayed_while_it_sits(at: Hall) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(codes["school"]))
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 60)
    await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.HEAD)
    with pytest.raises(Refused, match="has begun"):
        await invite(at, number)


async def test_who_answers_from_a_page_of_before_the_session_was_moved_has_promised_nothing_for_the_new_day(
    at: Hall,
) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    looked = at.at + timedelta(days=6, minutes=30)  # its end
    moved = at.at + timedelta(days=7)
    await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, moved)
    by_abfa = at.by("", who="abfa/karimi")
    with pytest.raises(Refused, match="has changed since you looked"):
        await inviting.answer(at.engine, by_abfa, number, I.ACCEPTS, seen=looked)
    assert (await attendances(at, number))["abfa"].invitation.state == I.INVITED
    await inviting.answer(at.engine, by_abfa, number, I.ACCEPTS, seen=looked + timedelta(days=1))


async def test_the_body_that_a_confidential_case_accuses_is_neither_asked_nor_told_of_the_session(
    at: Hall,
) -> None:
    code = await at.accepted(3, "09141234561", bodies=["abfa"])
    await confiding.confide(at.engine, at.page, at.by(code, "بازرسی"), Secrecy("abfa"))
    number = await at.session()
    await at.fill(number)
    assert await invite(at, number) == [] and await asked(at) == set()
    async with at.engine.connect() as connection:
        assert await session_planning.sittings(connection, at.at, "abfa") == []
    with pytest.raises(WrongField, match="kept from"):
        await request_deciding.review(at.engine, at.page, at.by(code), bodies=["abfa"])


async def test_whose_order_she_contradicts_heads_the_next_agenda_and_its_head_is_invited(at: Hall) -> None:
    whole, [part] = await ordered(at, MeetingOrder("edu", "ثبت‌نام شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="edu"), "شد")
    number = await at.session(starts_at=at.at + timedelta(days=7))
    async with at.engine.connect() as connection:
        assert await order_giving.heading(connection, at.page, at.at) == {}
    await closing.reopen(at.engine, at.page, at.by(whole, who="citizen"))
    assert await invite(at, number) == ["edu"]
    async with at.engine.connect() as connection:
        found = await order_giving.heading(connection, at.page, at.at)
        assert [each.number for each in await session_planning.sittings(connection, at.at, "edu")] == [number]
    assert {body: [each.part.code for each in its] for body, its in found.items()} == {"edu": [part]}


async def test_a_body_that_nobody_leads_stands_without_a_view_and_is_ordered_all_the_same(at: Hall) -> None:
    """Nobody reads its mail, nobody comes; what it is ordered climbs past the head who is not there."""
    code = await at.accepted(bodies=["tamin"])
    number = await at.session(slots=1)
    await at.fill(number)
    assert await invite(at, number) == ["tamin"]
    at.later(6)
    await inviting.keep_asking(at.engine, at.page, at.at)
    await inviting.note_came(at.engine, at.by(""), number, "tamin", Came.NOBODY)
    found = (await attendances(at, number))["tamin"]
    assert (found.invitation.state, found.owed, found.given) == (I.INVITED, 1, 0)
    await agenda.met(at.engine, at.page, at.by(code))
    [part] = await order_giving.give(
        at.engine, at.page, at.by(code), [MeetingOrder("tamin", "بیمه شود", NEAR)]
    )
    at.later(14)
    await sweep(at.engine, at.page, at.at)
    row = await at.row(part)
    assert (row.agency, row.level) == ("tamin", "deputy_governor")
