"""Invited bodies are told once by mail when their session is moved or called off, and are asked again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.attendance import Came, InvitationState
from ivr.desk.case import answers, closing
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.counter import channels
from ivr.desk.letters.notices import Contact, Notices, load
from ivr.desk.letters.outgoing import lease, spread
from ivr.desk.meetings import agenda, body_notices, inviting, session_day, session_moving, session_planning
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.store.tables import outbox
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_inviting import asked, attendances, invite, planned, view
from tests.desk.meetings.test_order_giving import NEAR, ordered
from tests.fixtures.database import SEED


async def on_its_day(at: Hall) -> tuple[int, dict[str, str]]:
    """As `planned`, its bodies invited, on the morning of that day."""
    number, codes = await planned(at)
    await invite(at, number)
    at.at += timedelta(days=6)
    return number, codes


async def called_off(at: Hall, number: int) -> None:
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def mails(at: Hall, kind: str) -> dict[str, Any]:
    """By address."""
    contacts = [Contact(agency=each, email=[f"{each}@x.example"]) for each in ("abfa", "edu")]
    notices = Notices(contacts=contacts, notices=load(SEED).notices)
    events = [each for each in await lease(at.engine, at.at, 99) if each.kind == kind]
    await spread(at.engine, notices, events, at.page.calendar, at.at)
    async with at.engine.connect() as connection:
        rows = (await connection.execute(select(outbox.c.payload).where(outbox.c.kind == "email"))).scalars()
        return {each["to"]: each for each in rows}


async def test_a_session_called_off_is_told_to_each_invited_body_once_and_names_no_case(at: Hall) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    await called_off(at, number)
    assert {body for _, body in await asked(at, body_notices.OFF)} == {"abfa", "edu"}
    told = await mails(at, body_notices.OFF)
    assert set(told) == {"abfa@x.example", "edu@x.example"}
    text = told["abfa@x.example"]["text"]
    assert "۱۴۰۵/۰۹/۱۰" in text and "مأموریت" in text and not any(code in text for code in codes.values())


@pytest.mark.parametrize("kind", [body_notices.OFF, body_notices.MOVED])
async def test_a_body_whose_one_case_accuses_it_is_told_of_the_session_for_its_other_one(
    at: Hall, kind: str
) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    first, other = sorted([codes["water"], codes["school"]])  # a mail is about the first
    await confide(at.engine, at.page, at.by(first, "از اداره می‌ترسد"), Secrecy("abfa", told="قبض"))
    if kind == body_notices.OFF:
        await called_off(at, number)
    else:
        to = at.at + timedelta(days=7)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, to, "تالار")
    assert ("abfa", other) in {(body, code) for code, body in await asked(at, kind)}
    assert set(await mails(at, kind)) == {"abfa@x.example", "edu@x.example"}


@pytest.mark.parametrize("came", [True, False])
async def test_a_session_that_ends_early_is_off_for_bodies_that_were_yet_to_come_and_none_that_sat_there(
    at: Hall, came: bool
) -> None:
    """The one in the room needs abfa; edu is needed by those who come later."""
    number, codes = await on_its_day(at)
    await session_day.begin(at.engine, at.page, at.by(codes["water"]), number, at.at)
    if came:
        await inviting.note_came(at.engine, at.by(""), number, "edu", Came.HEAD)
    await called_off(at, number)
    assert {body for _, body in await asked(at, body_notices.OFF)} == (set() if came else {"edu"})
    await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.HEAD)


async def test_who_sat_there_for_somebody_who_did_not_come_is_not_told_that_it_is_off_once_it_ends_early(
    at: Hall,
) -> None:
    number, codes = await on_its_day(at)
    await session_day.begin(at.engine, at.page, at.by(codes["water"]), number, at.at)
    for code in await at.agenda(number):
        if code and code != codes["water"]:
            await session_day.missed(at.engine, at.page, at.by(code), number, at.at)
    await called_off(at, number)
    assert await asked(at, body_notices.OFF) == set()


async def test_who_was_to_come_for_somebody_who_gave_up_her_slot_is_told_that_it_is_off_once_it_ends_early(
    at: Hall,
) -> None:
    number, codes = await on_its_day(at)
    for name in ("school", "private"):
        await agenda.release(at.engine, at.page, at.by(codes[name], "نمی‌آید"), LATER)
    await session_day.begin(at.engine, at.page, at.by(codes["water"]), number, at.at)
    await called_off(at, number)
    assert {body for _, body in await asked(at, body_notices.OFF)} == {"edu"}


async def test_who_was_to_come_for_somebody_who_was_in_the_room_by_a_slip_is_told_once_that_it_is_off(
    at: Hall,
) -> None:
    """Who comes later needs both bodies, whoever is in the room only abfa."""
    number, codes = await on_its_day(at)
    await session_day.begin(at.engine, at.page, at.by(codes["water"]), number, at.at)
    await called_off(at, number)
    await session_day.step_out(at.engine, at.page, at.by(codes["water"]), number, at.at)
    for name in ("water", "school"):
        await session_day.begin(at.engine, at.page, at.by(codes[name]), number, at.at)
        await session_day.step_out(at.engine, at.page, at.by(codes[name]), number, at.at)
    async with at.engine.connect() as connection:
        query = select(outbox.c.payload["body"].as_string()).where(outbox.c.kind == body_notices.OFF)
        assert sorted((await connection.execute(query)).scalars()) == ["abfa", "edu"]


async def test_who_sits_there_for_what_it_was_ordered_is_not_told_that_it_is_off_once_it_ends_early(
    at: Hall,
) -> None:
    whole, [part] = await ordered(at, MeetingOrder("edu", "ثبت‌نام شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="edu"), "شد")
    await closing.reopen(at.engine, at.page, at.by(whole, who="citizen"))
    code = await at.accepted(3, "09141234561", bodies=["abfa"])
    await at.fill(number := await at.session(starts_at=at.at + timedelta(days=7)))
    assert await invite(at, number) == ["abfa", "edu"]
    at.at += timedelta(days=7)
    await session_day.begin(at.engine, at.page, at.by(code), number, at.at)
    await called_off(at, number)
    assert await asked(at, body_notices.OFF) == set()


async def test_a_moved_session_asks_who_comes_again_and_wants_missing_views_before_the_new_day(
    at: Hall,
) -> None:
    number, codes = await planned(at)
    await invite(at, number)
    await view(at, number, codes["water"])
    by_abfa = at.by("", who="abfa/karimi")
    await inviting.answer(at.engine, by_abfa, number, InvitationState.SUBSTITUTE, "آقای رضایی")
    async with at.engine.connect() as connection:
        before = {(v.code, v.agency): v.due_at for v in await inviting.owed_views(connection, number)}
    for days in (7, 10):  # told of each new day, once
        to = at.at + timedelta(days=days)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, to, "سالن ۲")
    async with at.engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == body_notices.MOVED)
        told = list((await connection.execute(query)).scalars())
        after = {(v.code, v.agency): v for v in await inviting.owed_views(connection, number)}
    assert sorted(each["body"] for each in told) == ["abfa", "abfa", "edu", "edu"]
    assert {each["place"] for each in told} == {"سالن ۲"} and len({e["starts_at"] for e in told}) == 2
    mine = (await attendances(at, number))["abfa"]
    assert (mine.invitation.state, mine.invitation.who, mine.given) == ("invited", "", 1)
    later = {key for key, its in after.items() if its.due_at > before[key]}
    assert later == set(before) - {(codes["water"], "abfa")}, "what was given is not owed again"


async def test_who_was_not_invited_is_told_of_nothing(at: Hall) -> None:
    number, _ = await planned(at)
    await called_off(at, number)
    assert await asked(at, body_notices.OFF) == set()


async def test_a_session_that_is_moved_back_or_to_another_hall_is_told_again(at: Hall) -> None:
    number, _ = await planned(at)
    await invite(at, number)
    here, there = at.at + timedelta(days=6), at.at + timedelta(days=7)
    moves = [(there, "سالن ۲"), (here, "سالن ۲"), (there, "سالن ۲"), (there, "تالار")]
    for to, place in moves:
        at.at += timedelta(minutes=1)
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, to, place)
    async with at.engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == body_notices.MOVED)
        told = list((await connection.execute(query.order_by(outbox.c.created_at))).scalars())
    to_abfa = [each for each in told if each["body"] == "abfa"]
    assert [(datetime.fromisoformat(each["starts_at"]), each["place"]) for each in to_abfa] == moves


async def test_who_is_invited_for_what_it_was_ordered_is_told_too_and_that_is_no_news_of_the_order(
    at: Hall,
) -> None:
    hook: dict[str, Any] = {"rights": ["orders"], "webhook": "https://oa.example.ir/111"}
    await channels.add(at.engine, "automation", at.at, 10, **hook)
    whole, [part] = await ordered(at, MeetingOrder("edu", "ثبت‌نام شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="edu"), "شد")
    await closing.reopen(at.engine, at.page, at.by(whole, who="citizen"))
    number = await at.session(starts_at=at.at + timedelta(days=7))
    assert await invite(at, number) == ["edu"]
    await called_off(at, number)
    told = await mails(at, body_notices.OFF)
    assert set(told) == {"edu@x.example"} and part not in told["edu@x.example"]["text"]
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(outbox.c.key).where(outbox.c.kind == "webhook"))).all() == []
