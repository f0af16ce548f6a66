"""The governor's office acts on any open case: reminds, asks for a report, orders, hands back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import answers, closing, confiding, referring, splitting
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.splitting import Part
from ivr.desk.meetings import office_deeds, order_checking, order_giving, order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import case_reports, cases, outbox
from tests.desk.meetings.hall import LATER, SOON, Hall, hall
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
            assert row in await office_deeds.owed(connection, Scope(row.agency))
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


ABFA, EDU, GAS = (Part(each, "رسیدگی") for each in ("abfa", "edu", "gas"))


def heir_of(codes: list[str], parts: tuple[Part, ...]) -> int:
    """The part of the body that was asked, else the first in the order of their codes."""
    return parts.index(ABFA) if ABFA in parts else codes.index(min(codes))


BOTH = pytest.mark.parametrize("parts", [(EDU, ABFA), (EDU, GAS)], ids=["its own part", "none of its own"])


@BOTH
async def test_a_report_on_what_is_split_is_owed_by_a_body_and_given_on_its_part(
    at: Hall, parts: tuple[Part, ...]
) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    codes = await splitting.split(at.engine, at.page, at.by(code), parts)
    heir = heir_of(codes, parts)
    assert await owed(at) == [(codes[heir], parts[heir].agency, SOON.isoformat())]
    await office_deeds.give_report(at.engine, at.page, at.by(codes[heir], "نیمه‌کاره", parts[heir].agency))
    assert await owed(at) == []


@BOTH
async def test_a_report_on_what_goes_on_in_a_split_case_is_owed_by_a_body_that_has_a_part_of_that(
    at: Hall, parts: tuple[Part, ...]
) -> None:
    one, other = [await at.open() for _ in range(2)]
    await office_deeds.ask_report(at.engine, at.page, at.by(one, "تا کجا رسیده؟", "desk/sadr"), SOON)
    codes = await splitting.split(at.engine, at.page, at.by(other), parts)
    await closing.merge(at.engine, at.page, at.by(one, "همان است"), other)
    heir = heir_of(codes, parts)
    assert await owed(at) == [(codes[heir], parts[heir].agency, SOON.isoformat())]
    asked = (await at.case(codes[heir]))["events"][-1]["details"]
    assert ("reason" in asked) == (parts[heir] is ABFA), "what the merged case is about is kept from others"
    await closing.withdraw(at.engine, at.page, at.by(codes[heir], "نیازی نیست"))
    assert await owed(at) == [(codes[1 - heir], parts[1 - heir].agency, SOON.isoformat())]
    assert "reason" not in (await at.case(codes[1 - heir]))["events"][-1]["details"], "also by the next move"


async def test_a_report_goes_on_beside_one_that_the_body_that_was_asked_owes_already(at: Hall) -> None:
    one, other, third = [await at.open() for _ in range(3)]
    await office_deeds.ask_report(at.engine, at.page, at.by(one, "تا کجا رسیده؟", "desk/sadr"), SOON)
    codes = await splitting.split(at.engine, at.page, at.by(other), [ABFA, EDU])
    await office_deeds.ask_report(at.engine, at.page, at.by(codes[0], "چه شد؟", "desk/sadr"), NEAR)
    await closing.merge(at.engine, at.page, at.by(one, "همان است"), other)
    both = {(codes[0], "abfa", NEAR.isoformat()), (codes[1], "edu", SOON.isoformat())}
    assert set(await owed(at)) == both
    await office_deeds.ask_report(at.engine, at.page, at.by(third, "چه شد؟", "desk/sadr"), LATER)
    await closing.merge(at.engine, at.page, at.by(third, "همان است"), other)
    assert set(await owed(at)) == both, "each owes one: the third ends with its case"


ENDS = pytest.mark.parametrize(
    "end", [closing.withdraw, closing.advise], ids=["withdrawn", "answered by the desk"]
)


@ENDS
async def test_a_report_on_the_whole_is_owed_on_an_open_part_once_that_which_had_it_ends(
    at: Hall, end: Any
) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    one, other = await splitting.split(at.engine, at.page, at.by(code), [ABFA, GAS])
    await end(at.engine, at.page, at.by(one, "نیازی نیست"))
    assert await owed(at) == [(other, "gas", SOON.isoformat())]


@ENDS
async def test_a_report_that_a_part_was_asked_itself_ends_with_it_and_is_owed_again_once_it_is_reopened(
    at: Hall, end: Any
) -> None:
    code = await at.open()
    one, _ = await splitting.split(at.engine, at.page, at.by(code), [EDU, GAS])
    await office_deeds.ask_report(at.engine, at.page, at.by(one, "تا کجا رسیده؟", "desk/sadr"), SOON)
    before = await letters(at)
    await end(at.engine, at.page, at.by(one, "نیازی نیست"))
    assert await owed(at) == [], "the other part has another task"
    await closing.reopen(at.engine, at.page, at.by(one, "باز هم لازم است"))
    assert await owed(at) == [(one, "edu", SOON.isoformat())]
    assert await letters(at) == before


async def test_a_report_on_an_order_that_is_revoked_is_owed_on_her_case_and_then_on_the_next_order(
    at: Hall,
) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    orders = [MeetingOrder(each, "وصل شود", NEAR) for each in ("abfa", "edu")]
    for order in (*orders, orders[0]):
        [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
        assert await owed(at) == [(part, order.agency, SOON.isoformat())]
        await order_ruling.revoke(at.engine, at.page, at.by(part, "دستور دیگری می‌آید"))
        assert await owed(at) == [(code, at.page.rules.desk, SOON.isoformat())]
    await closing.reopen(at.engine, at.page, at.by(part, "باز هم لازم است"))
    assert await owed(at) == [(part, "abfa", SOON.isoformat())]


async def test_a_report_that_an_older_release_left_with_the_desk_is_owed_by_who_was_asked_and_not_the_desk(
    at: Hall,
) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    desk = Part(at.page.rules.desk, "رسیدگی")
    await splitting.split(at.engine, at.page, at.by(code), [desk, EDU])
    async with at.engine.begin() as connection:
        whole = select(cases.c.id).where(cases.c.code == code).scalar_subquery()
        await connection.execute(update(case_reports).values(case_id=whole))
    order = MeetingOrder("abfa", "وصل شود", NEAR)
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
    assert await owed(at) == [(part, "abfa", SOON.isoformat())]
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دستور دیگری می‌آید"))
    assert [each[1] for each in await owed(at)] == ["edu"], "never the desk while another body has a part"


@pytest.mark.parametrize("sealed", [False, True], ids=["", "confidential"])
async def test_who_owes_a_report_from_now_on_is_told_and_reads_what_is_asked(at: Hall, sealed: bool) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    if sealed:
        told = Secrecy(told="لوله ترکیده است")
        await confiding.confide(at.engine, at.page, at.by(code, "می‌ترسد"), told)
    order = MeetingOrder("edu", "وصل شود", NEAR)
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
    reason = {} if sealed else {"reason": "تا کجا رسیده؟"}
    told_of = {"agency": "edu", "due_on": SOON.isoformat()} | reason
    event = (await at.case(part))["events"][-1]
    assert (event["what"], event["details"]) == ("report_asked", told_of)
    assert event["actor"] == "desk/sadr"
    async with at.engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == "case_report_asked")
        sent = {each["case"]: each["reason"] for each in (await connection.execute(query)).scalars()}
    assert sent == {code: "تا کجا رسیده؟", part: reason.get("reason", "")}
    before = await letters(at)
    await order_ruling.revoke(at.engine, at.page, at.by(part, "دستور دیگری می‌آید"))
    assert await letters(at) == before, "the desk asks itself nothing"
    await closing.reopen(at.engine, at.page, at.by(part, "باز هم لازم است"))
    assert len(await letters(at)) == len(before) + 1


async def test_a_report_that_was_owed_is_owed_on_the_order_that_goes_on_from_it(at: Hall) -> None:
    code = await at.open()
    await office_deeds.ask_report(at.engine, at.page, at.by(code, "تا کجا رسیده؟", "desk/sadr"), SOON)
    order = MeetingOrder("abfa", "وصل شود", NEAR)
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), [order])
    assert await owed(at) == [(part, "abfa", SOON.isoformat())]
