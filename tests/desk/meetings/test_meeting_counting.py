"""What figures of meetings are counted from, and the count without names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import meeting_figures
from ivr.cases.callback import Outcome
from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import RequestState as S
from ivr.desk.case import answers, closing, collecting
from ivr.desk.meetings import (
    meeting_counting,
    order_checking,
    order_giving,
    request_deciding,
    session_day,
    session_minutes,
    session_report,
)
from ivr.desk.meetings.meeting_counting import MeetingFacts, MeetingsInPublic
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import cases
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_order_answers import called, ordered, says
from tests.desk.meetings.test_order_giving import FAR, NEAR, heard, listed
from tests.voice.conversation import TEHRAN


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def counted(at: Hall, agency: str = "", *areas: str) -> MeetingFacts:
    async with at.engine.connect() as connection:
        since, until = at.at - timedelta(days=99), at.at + timedelta(days=1)
        return await meeting_counting.read(connection, at.page, at.at, since, until, Scope(agency, areas))


async def test_requests_count_as_they_stand_and_orders_by_body_and_session(at: Hall) -> None:
    declined = await at.wish(caller="09141234561")
    await request_deciding.decline(at.engine, at.page, at.by(declined, "کار دادگاه است"))
    code = await heard(at)
    orders = [MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", FAR)]
    done, _ = await order_giving.give(at.engine, at.page, at.by(code), orders)
    await answers.give(at.engine, at.page, at.by(done, who="abfa"), "وصل شد")
    at.at = at.at.replace(month=12, day=21)
    found = await counted(at)
    assert {fact.code: fact.state for fact in found.requests} == {declined: S.DECLINED, code: S.MET}
    assert found.sessions == 1
    told: dict[str, Any] = meeting_counting.figures_json(found, at.at, TEHRAN)
    assert told["requests"]["why_declined"] == [{"code": declined, "reason": "کار دادگاه است"}]
    assert told["requests"]["waited"] == {"count": 1, "median": 6, "p90": 6}
    assert {row["agency"]: row["late"] for row in told["orders"]["by_agency"]} == {"abfa": 0, "edu": 1}
    assert [row["session"] for row in told["orders"]["by_session"]] == [1]
    of_body = await counted(at, "edu")
    assert of_body.requests == [] and [fact.agency for fact in of_body.orders] == ["edu"]
    for county, many in (("ahar", 2), ("tabriz", 0)):
        seen = await counted(at, "", county)
        assert (len(seen.requests), len(seen.orders)) == (many, many), county


async def test_who_was_heard_stays_so_in_figures_and_papers_once_her_case_is_collected(at: Hall) -> None:
    code, unheard = await heard(at), await at.wish(caller="09141234561")
    await collecting.collect(at.engine, at.page, at.by("").actor, [code, unheard], "یک خواسته", at.at)
    found = await counted(at)
    assert [(fact.code, fact.state) for fact in found.requests] == [(code, S.MET)]
    await session_day.amend(at.engine, at.page, at.by(code), 1, Hearing(decided="رسیدگی شود"))
    async with at.engine.connect() as connection:
        report = await session_report.read(connection, at.page, at.at, 1)
        minutes = await session_minutes.read(connection, at.page, at.at, 1)
    assert report is not None and report.heard == 1
    assert minutes is not None and [sat.decided for sat in minutes.minuted(annex=False)] == ["رسیدگی شود"]
    assert code not in [wish.code for wish in await at.listed(states=[*S])]
    with pytest.raises(Refused, match="no request to meet"):
        await request_deciding.accept(at.engine, at.page, at.by(unheard), LATER)


async def test_a_duplicate_is_no_further_request_and_who_was_heard_stays_so_once_it_is_merged(
    at: Hall,
) -> None:
    code, twin, gone = await at.wish(), await at.wish(), await at.wish(caller="09141234561")
    await closing.merge(at.engine, at.page, at.by(twin, "تکراری"), code)
    await closing.withdraw(at.engine, at.page, at.by(gone, who="citizen"))
    found = await counted(at)
    assert {fact.code: fact.state for fact in found.requests} == {code: S.REQUESTED, gone: S.WITHDRAWN}
    old = await heard(at)
    await closing.merge(at.engine, at.page, at.by(old, "تکراری"), code)
    asked = meeting_figures.of_requests((await counted(at)).requests, at.at, TEHRAN)
    assert (asked.requests, asked.met, asked.withdrawn, asked.pending) == (3, 1, 1, 1)
    complaint = await at.open(caller="09141234561")
    wish = await at.wish(caller="09141234561")
    async with at.engine.begin() as connection:
        topic = (await at.row(wish)).topic
        await connection.execute(update(cases).where(cases.c.code == complaint).values(topic=topic))
    await closing.merge(at.engine, at.page, at.by(wish, "تکراری"), complaint)
    assert wish in [fact.code for fact in (await counted(at)).requests], "she asked to meet nowhere else"


async def test_what_was_done_only_after_its_day_is_kept_and_as_late_as_its_last_report(at: Hall) -> None:
    code = await heard(at)
    orders = [MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", NEAR)]
    parts = await order_giving.give(at.engine, at.page, at.by(code), orders)
    at.at = at.at.replace(day=NEAR.day, hour=20)  # 23:30 in the province: still its day
    for part in parts:
        await answers.give(at.engine, at.page, at.by(part, who=(await at.row(part)).agency), "شد")
    at.at += timedelta(minutes=20)
    await order_checking.hand_back(at.engine, at.page, at.by(parts[1], "عکسی نیست", "desk/sadr"))
    at.at += timedelta(minutes=20)
    await answers.give(at.engine, at.page, at.by(parts[1], who="edu"), "شد، با عکس")
    assert [fact.kept_late for fact in (await counted(at)).orders] == [False, False], "nobody calls them kept"
    at.later()
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    told: dict[str, Any] = meeting_counting.figures_json(await counted(at), at.at, TEHRAN)
    assert (told["orders"]["kept"], told["orders"]["kept_late"], told["orders"]["late"]) == (2, 1, 0)
    assert {row["agency"]: row["kept_late"] for row in told["orders"]["by_agency"]} == {"abfa": 0, "edu": 1}


async def test_what_she_called_done_on_its_day_is_no_late_one_however_late_its_body_reports(at: Hall) -> None:
    code, parts = await ordered(at, "abfa", "edu")
    for n in range(2):
        placing = await called(at, NEAR + timedelta(days=n))
        assert placing is not None
        await says(at, placing, Outcome.ORDER_DONE)
    said = {order.part.ordered_of: order.part.said_at.astimezone(TEHRAN).day for order in await listed(at)}
    assert sorted(said.values()) == [NEAR.day, NEAR.day + 1]
    at.later()
    for part in parts:
        await answers.give(at.engine, at.page, at.by(part, who=(await at.row(part)).agency), "شد")
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    facts = {fact.agency: fact for fact in (await counted(at)).orders}
    assert {fact.state for fact in facts.values()} == {OrderState.KEPT}
    assert {body for body, fact in facts.items() if fact.kept_late} == {
        body for body, day in said.items() if day > NEAR.day
    }


async def test_the_public_count_tells_what_the_citizens_call_kept(at: Hall) -> None:
    code = await heard(at)
    orders = [MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", FAR)]
    for part in await order_giving.give(at.engine, at.page, at.by(code), orders):
        await answers.give(at.engine, at.page, at.by(part, who=(await at.row(part)).agency), "شد")
    async with at.engine.connect() as connection:
        assert await meeting_counting.in_public(connection) == MeetingsInPublic(1, 2, 0)
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    async with at.engine.connect() as connection:
        assert await meeting_counting.in_public(connection) == MeetingsInPublic(1, 2, 2)


async def test_nobody_calls_kept_what_was_closed_without_her_word_or_was_ordered_outside_a_meeting(
    at: Hall,
) -> None:
    code, other = await heard(at), await at.open()
    for whole in (code, other):
        order = [MeetingOrder("abfa", "لوله عوض شود", NEAR)]
        [part] = await order_giving.give(at.engine, at.page, at.by(whole), order)
        await answers.give(at.engine, at.page, at.by(part, who="abfa"), "شد")
    await closing.close(at.engine, at.page, at.by(code, "پاسخ نداد", "desk"))
    await closing.close(at.engine, at.page, at.by(other, who="citizen"))
    async with at.engine.connect() as connection:
        assert await meeting_counting.in_public(connection) == MeetingsInPublic(1, 1, 0)
    states = sorted(fact.state for fact in (await counted(at)).orders)
    assert states == [OrderState.KEPT, OrderState.REPORTED]


async def test_what_the_desk_advised_on_the_spot_is_kept_once_she_calls_the_whole_solved(at: Hall) -> None:
    code = await heard(at)
    order = [MeetingOrder("abfa", "گفته شود از کجا", NEAR)]
    [part] = await order_giving.give(at.engine, at.page, at.by(code), order)
    await closing.advise(at.engine, at.page, at.by(part, "از دفتر ما"))
    assert [fact.state for fact in (await counted(at)).orders] == [OrderState.REPORTED]
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    assert [fact.state for fact in (await counted(at)).orders] == [OrderState.KEPT]
    async with at.engine.connect() as connection:
        assert await meeting_counting.in_public(connection) == MeetingsInPublic(1, 1, 1)
