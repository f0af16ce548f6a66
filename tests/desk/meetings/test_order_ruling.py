"""An order is taken up or objected to on the spot; the office rules on the objection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meeting_orders import OrderState as O
from ivr.desk.call import callbacks
from ivr.desk.case import answers, closing, referring
from ivr.desk.case.transaction import locked
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import prove
from ivr.desk.meetings import inviting, meeting_counting, order_giving, order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import outbox
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_answers import POLICY, called
from tests.desk.meetings.test_order_answers import ordered as ordered_of
from tests.desk.meetings.test_order_giving import FAR, NEAR, listed, ordered
from tests.fixtures.database import until_blocked

BETWEEN = date(2026, 12, 12)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def states(at: Hall) -> list[O]:
    return [each.state for each in await listed(at)]


async def test_the_head_takes_it_up_or_says_on_the_spot_why_it_is_not_lawful(at: Hall) -> None:
    _, (water, school) = await ordered(
        at, MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", FAR)
    )
    await order_ruling.accept_here(at.engine, at.page, at.by(water))
    with pytest.raises(Refused, match="without a reason"):
        await order_ruling.object_here(at.engine, at.page, at.by(school))
    await order_ruling.object_here(at.engine, at.page, at.by(school, "خلاف آیین‌نامهٔ ثبت‌نام"))
    assert await states(at) == [O.ACCEPTED, O.OBJECTED]
    event = (await at.case(school))["events"][-1]
    assert event["details"]["reason"] == "خلاف آیین‌نامهٔ ثبت‌نام" and event["actor"] == "desk"


async def test_an_order_that_its_head_calls_unlawful_counts_and_heads_the_agenda_as_his(at: Hall) -> None:
    """So it does once it is withdrawn for that; once the office gives it to another body it is that one's."""
    orders = [MeetingOrder(body, "وصل شود", NEAR) for body in ("abfa", "edu", "shahrdari_ahar")]
    _, (water, school, road) = await ordered(at, *orders)
    for part in (water, school, road):
        await order_ruling.object_here(at.engine, at.page, at.by(part, "بودجه نیست"))
    await order_ruling.revoke(at.engine, at.page, at.by(school, "حق با شماست"))
    await referring.rule(at.engine, at.page, at.by(road, "کار راه است"), "edu")
    at.later(14)
    page, begins = at.page, at.at + timedelta(days=6)
    number = await at.session(starts_at=begins)
    async with at.engine.connect() as connection:
        owed = await order_giving.heading(connection, page, at.at)
        found = await meeting_counting.read(connection, page, at.at, at.at - timedelta(99), at.at, Scope())
    assert {body: [order.part.code for order in its] for body, its in owed.items()} == {
        "abfa": [water],
        "edu": [road],
    }
    assert sorted((fact.agency, fact.state) for fact in found.orders) == [
        ("abfa", O.OBJECTED),
        ("edu", O.GIVEN),
        ("edu", O.REVOKED),
    ]
    assert await inviting.invite(at.engine, page, at.by("").actor, number, at.at) == ["abfa", "edu"]


async def test_the_office_upholds_it_with_its_day_or_withdraws_it(at: Hall) -> None:
    _, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    with pytest.raises(Refused, match="nobody objects"):
        await order_ruling.uphold(at.engine, at.page, at.by(part, "قانونی است"))
    due_at = (await at.row(part)).due_at
    await order_ruling.object_here(at.engine, at.page, at.by(part, "بودجه نیست"))
    with pytest.raises(Refused, match="with a reason"):
        await order_ruling.uphold(at.engine, at.page, at.by(part))
    await order_ruling.uphold(at.engine, at.page, at.by(part, "از ردیف بحران"))
    row = await at.row(part)
    assert (row.agency, row.due_at) == ("abfa", due_at) and await states(at) == [O.GIVEN]
    await order_ruling.object_here(at.engine, at.page, at.by(part, "باز هم نیست"))
    await order_ruling.uphold(at.engine, at.page, at.by(part, "حکم است"))
    assert (await at.row(part)).agency == "abfa"
    with pytest.raises(Refused, match="only a new ruling moves it"):
        await order_ruling.object_here(at.engine, at.page, at.by(part, "همان دلیل"))
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دیگر لازم نیست"))
    assert await states(at) == [O.REVOKED]


async def test_what_is_ruled_on_an_order_binds_that_order_and_routes_no_request_to_meet(
    at: Hall, tmp_path: Path
) -> None:
    _, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await referring.rule(at.engine, at.page, at.by(await at.wish(), "حکم پیشین"), "edu")
    for reason in ("بودجه نیست", "باز هم نیست"):
        await order_ruling.object_here(at.engine, at.page, at.by(part, reason))
        await order_ruling.uphold(at.engine, at.page, at.by(part, "حکم است"))
    await at.reread()
    assert (await at.row(await at.wish())).agency == "edu", "the earlier precedent stays in force"
    assert await findings(at.engine, tmp_path, part) == []


async def test_who_rules_on_an_order_while_her_case_is_changed_waits_and_holds_nothing_up(at: Hall) -> None:
    whole, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    async with at.engine.begin() as changing:
        await locked(changing, whole)
        ruling = asyncio.create_task(order_ruling.revoke(at.engine, at.page, at.by(part, "دیگر لازم نیست")))
        await until_blocked(at.engine)
        await locked(changing, part)
    await ruling
    assert await states(at) == [O.REVOKED]


async def test_she_is_not_asked_about_a_revoked_order_and_her_case_waits_only_for_those_that_are_left(
    at: Hall, tmp_path: Path
) -> None:
    code, (water, school) = await ordered_of(at, "abfa", "edu")
    await order_giving.extend(at.engine, at.page, at.by(school, "ثبت‌نام دی"), FAR)
    assert (await at.row(code)).paused_until.date() == FAR
    await order_ruling.revoke(at.engine, at.page, at.by(school, "دیگر لازم نیست"))
    waits = await at.row(code)
    assert (waits.paused_until.date(), (await at.events(code))[-1]) == (NEAR, "awaits")
    await closing.withdraw(at.engine, at.page, at.by(water, "خودش وصل کرد"))  # as from the page of any case
    runs = await at.row(code)
    assert (runs.status, runs.paused_at, (await at.events(code))[-1]) == ("in_progress", None, "resumed")
    assert runs.due_at < waits.due_at, "it is the desk's to answer, in the time that it had"
    assert await called(at, NEAR) is None and await called(at, FAR) is None
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at) == []
    assert await findings(at.engine, tmp_path, code) == []


@pytest.mark.parametrize("deed", [order_ruling.revoke, closing.withdraw])
async def test_whose_last_reported_order_is_revoked_is_told_no_report_of_it_and_waits_for_the_desk(
    at: Hall, tmp_path: Path, deed: Callable[..., Awaitable[None]]
) -> None:
    """By whichever page it is withdrawn; what the desk answers then she is told, as ever."""
    code, (water, school) = await ordered_of(at, "abfa", "edu")
    due_at = (await at.row(code)).due_at
    await deed(at.engine, at.page, at.by(school, "دیگر لازم نیست"))
    await answers.give(at.engine, at.page, at.by(water, who="abfa"), "وصل شد")
    assert (await at.row(code)).status == "answered"
    await deed(at.engine, at.page, at.by(water, "اشتباه بود"))
    row = await at.row(code)
    assert (row.status, row.paused_at, row.stopped_at, row.due_at < due_at) == (
        "in_progress",
        None,
        None,
        True,
    )
    assert await findings(at.engine, tmp_path, code) == []
    assert await called(at, NEAR) is None and await told_by_sms(at, code) == 0
    assert await prove(at.engine, at.page, at.at) == []
    await answers.give(at.engine, at.page, at.by(code), "کار دادگاه است")
    at.later(1)
    placing = await callbacks.claim(at.engine, at.page, POLICY, at.at)
    assert placing is not None and (placing.code, placing.answer) == (code, "کار دادگاه است")


@pytest.mark.parametrize(("bodies", "way"), [(("abfa",), 1), (("abfa", "edu"), 1), (("abfa", "edu"), -1)])
async def test_what_the_desk_answered_over_reports_stays_her_answer_whichever_order_is_revoked(
    at: Hall, bodies: tuple[str, ...], way: int
) -> None:
    code, parts = await ordered_of(at, *bodies)
    for part, body in zip(parts, bodies, strict=True):
        at.at += timedelta(minutes=1)
        await answers.give(at.engine, at.page, at.by(part, who=body), "وصل شد")
    at.later(1)
    await answers.give(at.engine, at.page, at.by(code), "کار دادگاه است")
    for part in parts[::way]:
        await order_ruling.revoke(at.engine, at.page, at.by(part, "اشتباه بود"))
        row = await at.row(code)
        assert (row.status, row.answer) == ("answered", "کار دادگاه است")
    placing = await called(at, NEAR)
    assert placing is not None and (placing.code, placing.answer) == (code, "کار دادگاه است")


async def told_by_sms(at: Hall, code: str) -> int:
    """How many messages of an answer to that case are still to go."""
    its = outbox.c
    query = select(func.count()).where(its.kind == "case_answered", its.payload["case"].as_string() == code)
    async with at.engine.connect() as connection:
        return (await connection.execute(query.where(its.delivered_at.is_(None)))).scalar_one()


async def test_an_extension_waits_for_no_order_that_was_revoked(at: Hall) -> None:
    code, (water, school) = await ordered_of(at, "abfa", "edu")
    await order_giving.extend(at.engine, at.page, at.by(school, "ثبت‌نام دی"), FAR)
    await order_ruling.revoke(at.engine, at.page, at.by(school, "دیگر لازم نیست"))
    await order_giving.extend(at.engine, at.page, at.by(water, "کمبود لوله"), BETWEEN)
    assert (await at.row(code)).paused_until.date() == BETWEEN


async def test_of_an_order_that_is_in_force_again_she_is_asked_on_its_day(at: Hall) -> None:
    code, (part,) = await ordered_of(at, "abfa")
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دیگر لازم نیست"))
    await closing.reopen(at.engine, at.page, at.by(part, "اشتباه بود"))
    assert (await at.row(code)).paused_until.date() == NEAR
    placing = await called(at, NEAR)
    assert placing is not None and placing.code == code


async def test_an_order_that_is_in_force_again_days_later_is_due_on_its_day(at: Hall) -> None:
    code, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", FAR))
    before = (await at.row(part)).due_at
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دیگر لازم نیست"))
    at.later(6)
    await closing.reopen(at.engine, at.page, at.by(part, "اشتباه بود"))
    assert (await at.row(part)).due_at == before
    assert (await at.row(code)).paused_until.date() == FAR


async def test_only_the_office_and_only_of_an_order(at: Hall) -> None:
    code, (part,) = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    for deed in (
        order_ruling.accept_here,
        order_ruling.object_here,
        order_ruling.uphold,
        order_ruling.revoke,
    ):
        with pytest.raises(Refused, match="only the office"):
            await deed(at.engine, at.page, at.by(part, "چرا", "abfa/karimi"))
        with pytest.raises(Refused, match="is no order"):
            await deed(at.engine, at.page, at.by(code, "چرا"))
