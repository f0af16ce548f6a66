"""The governor's office acts on any open case: reminds, asks for a report, orders, hands back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import answers, closing, referring, splitting
from ivr.desk.case.splitting import Part
from ivr.desk.meetings import office_deeds, order_checking, order_giving
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import outbox
from tests.desk.meetings.hall import SOON, Hall, hall
from tests.desk.meetings.test_order_giving import NEAR


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def letters(at: Hall) -> list[str]:
    async with at.engine.connect() as connection:
        query = select(outbox.c.kind).where(outbox.c.kind.in_(("case_office_reminded", "case_report_asked")))
        return list((await connection.execute(query.order_by(outbox.c.created_at))).scalars())


async def test_a_body_is_reminded_and_asked_for_a_report_and_the_clock_goes_on(at: Hall) -> None:
    code = await at.open()
    before = await at.row(code)
    await office_deeds.remind(at.engine, at.page, at.by(code, "دو هفته گذشته است", "desk/sadr"))
    at.at += timedelta(minutes=1)
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    after = await at.row(code)
    assert (after.due_at, after.agency, after.status) == (before.due_at, before.agency, before.status)
    assert await letters(at) == ["case_office_reminded", "case_report_asked"]
    with pytest.raises(Refused, match="is owed already"):
        await office_deeds.ask_report(at.engine, at.page, at.by(code, "باز هم"), SOON)
    async with at.engine.connect() as connection:
        assert [row.code for row in await office_deeds.owed(connection, Scope())] == [code]
    with pytest.raises(Refused, match="is with abfa"):
        await office_deeds.give_report(at.engine, at.page, at.by(code, "نیمه‌کاره", "edu/ahmadi"))
    await office_deeds.give_report(at.engine, at.page, at.by(code, "نیمه‌کاره است", "abfa/karimi"))
    async with at.engine.connect() as connection:
        assert await office_deeds.owed(connection, Scope()) == []
    event = (await at.case(code))["events"][-1]
    assert (event["what"], event["details"]["text"]) == ("report_given", "نیمه‌کاره است")
    with pytest.raises(Refused, match="no report"):
        await office_deeds.give_report(at.engine, at.page, at.by(code, "باز", "abfa/karimi"))


async def test_an_order_of_any_open_case_is_a_part_of_it_with_its_day(at: Hall) -> None:
    code = await at.open()
    with pytest.raises(Refused, match="only the office"):
        order = MeetingOrder("abfa", "وصل شود", NEAR)
        await order_giving.give(at.engine, at.page, at.by(code, who="abfa"), [order])
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
    row, whole = await at.row(part), await at.row(code)
    assert (row.agency, row.due_at.date()) == ("abfa", NEAR) and whole.agency == at.page.rules.desk
    assert whole.status == "in_progress" and whole.paused_until is not None


async def test_what_was_answered_or_returned_is_handed_back_to_its_body(at: Hall) -> None:
    code = await at.open()
    due_at = (await at.row(code)).due_at
    await referring.give_back(at.engine, at.page, at.by(code, "از آن ما نیست", "abfa"))
    await order_checking.hand_back(at.engine, at.page, at.by(code, "از آن شماست"))
    row = await at.row(code)
    assert (row.agency, row.status, row.due_at) == ("abfa", "referred", due_at)
    await answers.give(at.engine, at.page, at.by(code, who="abfa"), "شد")
    await order_checking.hand_back(at.engine, at.page, at.by(code, "نشده است"))
    row = await at.row(code)
    assert (row.agency, row.status, row.due_at) == ("abfa", "referred", due_at)
    assert len(await at.running(code)) == 1


async def test_what_it_does_needs_the_office_a_reason_and_a_body(at: Hall) -> None:
    code = await at.open()
    with pytest.raises(Refused, match="only the governor's office"):
        await office_deeds.remind(at.engine, at.page, at.by(code, "چرا", "abfa/karimi"))
    with pytest.raises(WrongField, match="reason"):
        await office_deeds.remind(at.engine, at.page, at.by(code))
    with pytest.raises(WrongField, match="due_on"):
        await office_deeds.ask_report(at.engine, at.page, at.by(code, "چه شد؟"), at.at.date())
    await referring.give_back(at.engine, at.page, at.by(code, "از آن ما نیست", "abfa"))
    with pytest.raises(Refused, match="no body has it"):
        await office_deeds.remind(at.engine, at.page, at.by(code, "چه شد؟"))


async def owed(at: Hall) -> list[tuple[str, str, str]]:
    """On which case, by which body, until when; read by that body, too."""
    async with at.engine.connect() as connection:
        rows = await office_deeds.owed(connection, Scope())
        for row in rows:
            assert await office_deeds.owed(connection, Scope(row.agency)) == [row]
        return [(row.code, row.agency, row.due_on.isoformat()) for row in rows]


async def test_a_report_is_owed_on_the_case_in_which_its_own_goes_on_but_once(at: Hall) -> None:
    codes = [await at.open() for _ in range(3)]
    one, other, third = codes
    await office_deeds.ask_report(at.engine, at.page, at.by(one, "تا کجا رسیده؟", "desk/sadr"), SOON)
    await closing.merge(at.engine, at.page, at.by(one, "همان است"), other)
    assert await owed(at) == [(other, "abfa", SOON.isoformat())]
    await office_deeds.ask_report(at.engine, at.page, at.by(third, "چه شد؟", "desk/sadr"), NEAR)
    await closing.merge(at.engine, at.page, at.by(other, "همان است"), third)
    assert await owed(at) == [(third, "abfa", NEAR.isoformat())]
    await office_deeds.give_report(at.engine, at.page, at.by(third, "نیمه‌کاره است", "abfa/karimi"))
    assert await owed(at) == []


@pytest.mark.parametrize(
    ("bodies", "heir"), [(("edu", "abfa"), 1), (("edu", "gas"), 0)], ids=["its own part", "none of its own"]
)
async def test_a_report_on_what_is_split_is_owed_by_a_body_and_given_on_its_part(
    at: Hall, bodies: tuple[str, ...], heir: int
) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    parts = await splitting.split(at.engine, at.page, at.by(code), [Part(each, "رسیدگی") for each in bodies])
    assert await owed(at) == [(parts[heir], bodies[heir], SOON.isoformat())]
    await office_deeds.give_report(at.engine, at.page, at.by(parts[heir], "نیمه‌کاره است", bodies[heir]))
    assert await owed(at) == []


async def test_a_report_that_was_owed_is_owed_on_the_order_that_goes_on_from_it(at: Hall) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    order = MeetingOrder("abfa", "وصل شود", NEAR)
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
    assert await owed(at) == [(part, "abfa", SOON.isoformat())]
