"""Orders come of a meeting: parts of her case with the day that the official gave."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meeting_orders import OrderState as O
from ivr.desk.case import answers, closing, pausing, referring
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import closures
from ivr.desk.meetings import agenda, order_giving
from ivr.desk.meetings.order_giving import MeetingOrder, OrderSeen
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import callbacks
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import Hall, hall

NEAR, FAR = date(2026, 12, 8), date(2026, 12, 20)  # both working days; she is heard on the 1st
LATE = date(2027, 1, 20)


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def heard(at: Hall, **noted: Any) -> str:
    code = await at.accepted(**noted)
    await at.fill(await at.session(slots=1))
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(code))
    return code


async def ordered(at: Hall, *orders: MeetingOrder) -> tuple[str, list[str]]:
    code = await heard(at)
    return code, await order_giving.give(at.engine, at.page, at.by(code, who="desk/ostandar"), orders)


async def listed(at: Hall, agency: str = "") -> list[OrderSeen]:
    async with at.engine.connect() as connection:
        return await order_giving.listed(connection, at.page, at.at, Scope(agency))


async def stands(at: Hall) -> list[tuple[str, str, bool]]:
    return [(seen.part.agency, str(seen.state), seen.late) for seen in await listed(at)]


async def test_each_order_is_its_body_s_with_its_own_day_and_her_case_waits_for_the_last(
    at: Hall, tmp_path: Path
) -> None:
    code, parts = await ordered(
        at, MeetingOrder("abfa", "وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام شود", FAR)
    )
    rows = [await at.row(part) for part in parts]
    assert [(row.agency, row.due_at.date(), row.rung, row.level) for row in rows] == [
        ("abfa", NEAR, 0, "officer"),
        ("edu", FAR, 0, "officer"),
    ]
    assert (await at.row(code)).due_at.date() > FAR
    assert await stands(at) == [("abfa", O.GIVEN, False), ("edu", O.GIVEN, False)]
    assert [seen.part.code for seen in await listed(at, "edu")] == parts[1:]
    at.later(12)
    assert await sweep(at.engine, at.page, at.at) >= 1 and await prove(at.engine, at.page, at.at) == []
    assert [(await at.row(one)).level for one in (*parts, code)] == ["deputy_governor", "officer", "officer"]
    assert [late for *_, late in await stands(at)] == [True, False]
    for each in (code, *parts):
        assert await findings(at.engine, tmp_path, each) == []


async def test_an_order_that_no_voice_could_read_to_her_is_not_given(at: Hall) -> None:
    code = await heard(at)
    with pytest.raises(WrongField, match="words: no voice reads"):
        await order_giving.give(
            at.engine, at.page, at.by(code), [MeetingOrder("abfa", "سیزین ایشینیزه باخیلدی", NEAR)]
        )
    assert await listed(at) == []


async def test_an_order_is_accepted_reported_and_kept_once_she_says_so(at: Hall) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    assert await stands(at) == [("abfa", O.ACCEPTED, False)]
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    assert (await at.row(code)).status == "answered"  # she is called about it
    assert await stands(at) == [("abfa", O.REPORTED, False)]
    await closing.close(at.engine, at.page, at.by(code, who="citizen"))
    assert await listed(at) == []


async def test_what_she_contradicts_is_open_again_one_level_up_and_heads_the_next_agenda(at: Hall) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    await closing.reopen(at.engine, at.page, at.by(code, who="citizen"))
    assert await stands(at) == [("abfa", O.CONTRADICTED, False)]
    assert (await at.row(part)).level == "head"
    old, again = await at.accepted(60, "09121234561"), await at.accepted(0)  # hers, and somebody's of old
    found = await at.listed()
    assert [wish.code for wish in found if wish.code in (old, again)] == [again, old]


async def test_what_she_contradicts_before_its_day_keeps_that_day_and_her_case_waits_for_it_again(
    at: Hall, tmp_path: Path
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", FAR))
    due_at, waits = (await at.row(part)).due_at, (await at.row(code)).paused_until
    at.later(2)
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    at.later(6)
    await closing.reopen(at.engine, at.page, at.by(code, who="citizen"))
    assert (await at.row(part)).due_at == due_at and (await at.row(code)).paused_until == waits
    assert [running.due_at for running in await at.running(part)] == [due_at]
    at.at = waits - timedelta(hours=1)
    assert await sweep(at.engine, at.page, at.at) == 0 and await prove(at.engine, at.page, at.at) == []
    for each in (code, part):
        assert await findings(at.engine, tmp_path, each) == []


async def test_what_she_contradicts_on_its_day_has_a_fair_time_and_her_case_runs(at: Hall) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    at.at += timedelta(days=7, hours=1)
    await closing.reopen(at.engine, at.page, at.by(code, who="citizen"))
    assert (await at.row(part)).due_at.date() > NEAR + timedelta(days=1)
    assert (await at.row(code)).paused_at is None


async def test_an_order_that_the_desk_paused_is_due_on_the_day_that_it_is_extended_to(
    at: Hall, tmp_path: Path
) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await pausing.pause(at.engine, at.page, at.by(part, "سیل"), 3)
    at.later(1)
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    [seen] = await listed(at)
    assert (seen.part.due_on, seen.part.due_at.date(), seen.part.paused_at) == (FAR, FAR, None)
    assert await findings(at.engine, tmp_path, part) == []


async def test_an_order_of_a_request_to_meet_that_the_desk_paused_runs_again_once_its_body_says_not_ours(
    at: Hall, tmp_path: Path
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await pausing.pause(at.engine, at.page, at.by(part, "سیل"), 3)
    waits = (await at.row(code)).paused_until
    await referring.give_back(at.engine, at.page, at.by(part, "خلاف مادهٔ ۵ است", "abfa"))
    row = await at.row(part)
    assert (row.kind, row.paused_at, row.due_at.date()) == ("meeting", None, NEAR)
    assert waits and (await at.row(code)).paused_until == waits, "the whole waits on"
    assert await findings(at.engine, tmp_path, part) == []


async def test_not_lawful_says_the_head_and_the_office_rules(at: Hall) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "بی‌نوبت وصل شود", NEAR))
    await referring.give_back(at.engine, at.page, at.by(part, "خلاف مادهٔ ۵ است", "abfa"))
    assert [state for _, state, _ in await stands(at)] == [O.OBJECTED]
    await referring.rule(at.engine, at.page, at.by(part, "قانونی است"), "abfa")
    assert await stands(at) == [("abfa", O.GIVEN, False)]
    assert (await at.row(part)).due_at.date() == NEAR


async def test_only_the_office_extends_an_order_and_with_a_reason(at: Hall) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    with pytest.raises(Refused, match="only the office extends it"):
        await pausing.pause(at.engine, at.page, at.by(part, "کمبود لوله", "abfa"), 3)
    with pytest.raises(Refused, match="only by the desk"):
        await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله", "abfa"), FAR)
    with pytest.raises(Refused, match="without a reason"):
        await order_giving.extend(at.engine, at.page, at.by(part), FAR)
    with pytest.raises(WrongField, match="later than"):
        await order_giving.extend(at.engine, at.page, at.by(part, "چرا"), NEAR)
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    [seen] = await listed(at)
    assert (seen.part.due_on, seen.part.first_due_on, seen.part.due_at.date()) == (FAR, NEAR, FAR)
    assert (await at.row(code)).due_at.date() > FAR
    at.later(23)
    for day in (FAR + timedelta(days=1), date(2071, 12, 1)):
        with pytest.raises(WrongField, match="working day ahead, within 366 days"):
            await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), day)


async def test_an_order_at_the_top_that_is_extended_climbs_there_again_by_its_new_day(
    at: Hall, tmp_path: Path
) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await sweep(at.engine, at.page, at.later(40))
    assert (await at.row(part)).rung > 4
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), LATE)
    row = await at.row(part)
    days = at.page.calendar.working_days(row.due_at, row.next_rung_at, row.county or "")
    assert (row.due_at.date(), row.level, days) == (LATE, "governor", 5)
    at.at = row.next_rung_at
    await sweep(at.engine, at.page, at.later())
    assert (await at.row(part)).rung == 4 and await prove(at.engine, at.page, at.at + GRACE) == []
    assert await findings(at.engine, tmp_path, part) == []


async def closes(at: Hall, day: date) -> int:
    """The province is closed that day; how many orders are put off for it."""
    await closures.declare(at.engine, at.page, at.by("").actor, day, "", "برف", at.at)
    return await followed(at)


async def opens(at: Hall, day: date) -> int:
    """It is not closed after all; how many orders are due earlier for it."""
    await closures.lift(at.engine, at.page, at.by("").actor, day, "", at.at)
    return await followed(at)


async def followed(at: Hall) -> int:
    await at.reread()
    put_off = await order_giving.put_off(at.engine, at.page, at.at)
    await retime(at.engine, at.page, at.at)
    return put_off


async def asked_at(at: Hall) -> list[datetime]:
    """When she is to be called and asked whether an order is done."""
    order = (callbacks.c.purpose == "order", callbacks.c.state == "waiting")
    async with at.engine.connect() as connection:
        return list((await connection.execute(select(callbacks.c.next_at).where(*order))).scalars())


async def test_a_day_that_is_closed_before_it_leaves_an_order_due_on_the_day_that_the_official_gave(
    at: Hall, tmp_path: Path
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    assert await closes(at, NEAR - timedelta(days=1)) == 0
    [seen] = await listed(at)
    assert seen.part.due_on == (await at.row(part)).due_at.date() == NEAR
    assert [running.due_at.date() for running in await at.running(part)] == [NEAR]
    assert [asked.date() for asked in await asked_at(at)] == [NEAR]
    last = (await at.case(part))["events"][-1]
    assert (last["what"], last["details"]) == ("retimed", {})
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    assert (await at.row(part)).due_at.date() == FAR
    for each in (code, part):
        assert await findings(at.engine, tmp_path, each) == []


async def test_an_order_whose_own_day_is_closed_is_due_on_the_next_working_day_everywhere(
    at: Hall, tmp_path: Path
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    waits = (await at.row(code)).paused_until
    assert await closes(at, NEAR) == 1 and await order_giving.put_off(at.engine, at.page, at.at) == 0
    following = NEAR + timedelta(days=1)
    [seen] = await listed(at)
    assert (seen.part.due_on, seen.part.first_due_on) == (following, NEAR)
    assert (await at.row(part)).due_at.date() == following
    assert (await at.row(code)).paused_until - waits == timedelta(days=1)
    assert [asked.date() for asked in await asked_at(at)] == [following]
    last = (await at.case(part))["events"][-1]
    assert (last["what"], last["actor"]) == ("extended", "ivr")
    at.later(8)
    assert await stands(at) == [("abfa", O.GIVEN, False)]
    for each in (code, part):
        assert await findings(at.engine, tmp_path, each) == []


async def test_an_order_is_due_on_its_own_day_again_as_the_closure_of_it_is_taken_back(
    at: Hall, tmp_path: Path
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", FAR))
    waits, first = (await at.row(code)).paused_until, at.page
    assert await closes(at, FAR) == 1
    assert await order_giving.put_off(at.engine, first, at.at) == 0, "of a calendar that is out of date"
    assert await opens(at, FAR) == 1 and await order_giving.put_off(at.engine, at.page, at.at) == 0
    [seen] = await listed(at)
    assert seen.part.due_on == (await at.row(part)).due_at.date() == FAR
    assert [running.due_at.date() for running in await at.running(part)] == [FAR]
    assert (await at.row(code)).paused_until == waits
    assert [asked.date() for asked in await asked_at(at)] == [FAR]
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR + timedelta(days=1))
    assert await order_giving.put_off(at.engine, at.page, at.at) == 0, "what the office gave since holds"
    for each in (code, part):
        assert await findings(at.engine, tmp_path, each) == []


async def test_an_order_that_she_contradicted_keeps_the_time_that_it_was_given_though_its_day_is_closed(
    at: Hall,
) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    at.later(7)
    await closing.reopen(at.engine, at.page, at.by(code, who="citizen"))
    before = (await at.row(part)).due_at
    assert before.date() > NEAR + timedelta(days=1)
    assert await closes(at, NEAR) == 1
    [seen] = await listed(at)
    assert seen.part.due_on == NEAR + timedelta(days=1) and (await at.row(part)).due_at >= before


async def test_a_deed_between_a_closure_and_the_pass_leaves_an_order_due_on_its_day(
    at: Hall, tmp_path: Path
) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    actor, day = at.by("").actor, NEAR - timedelta(days=1)
    await closures.declare(at.engine, at.page, actor, day, "", "برف", at.at)
    await at.reread()
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    for _ in range(2):
        assert (await at.row(part)).due_at.date() == NEAR
        assert [running.due_at.date() for running in await at.running(part)] == [NEAR]
        assert await followed(at) == 0
    assert await findings(at.engine, tmp_path, part) == []


async def test_between_a_closure_and_the_pass_the_office_extends_an_order_to_the_day_that_it_says(
    at: Hall,
) -> None:
    """By as many days as it had, one of which is closed."""
    _, [part] = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    actor, day = at.by("").actor, NEAR - timedelta(days=1)
    await closures.declare(at.engine, at.page, actor, day, "", "برف", at.at)
    await at.reread()
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), NEAR + timedelta(days=1))
    assert (await at.row(part)).due_at.date() == NEAR + timedelta(days=1)


async def test_an_order_s_day_that_has_gone_by_stays_though_it_is_closed_afterwards(at: Hall) -> None:
    await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    at.later(8)
    assert await closes(at, NEAR) == 0
    assert await stands(at) == [("abfa", O.GIVEN, True)]


async def test_what_is_no_order_is_refused(at: Hall) -> None:
    code, _ = await ordered(at, MeetingOrder("abfa", "وصل شود", NEAR))
    early, other = await at.wish(caller="09121234561"), await at.open()
    with pytest.raises(Refused, match="once she was heard"):
        await order_giving.give(at.engine, at.page, at.by(early), [MeetingOrder("abfa", "وصل شود", NEAR)])
    with pytest.raises(Refused, match="is no order"):
        await order_giving.extend(at.engine, at.page, at.by(other, "چرا"), FAR)
    friday = date(2026, 12, 4)
    for order, why in (
        (MeetingOrder("abfa", " وصل شود ", FAR), "given to abfa already"),
        (MeetingOrder("abfa", "دیگر", friday), "working day ahead"),
        (MeetingOrder("abfa", "دیگر", at.at.date() - timedelta(days=1)), "working day ahead"),
        (MeetingOrder("abfa", "دیگر", date(2647, 3, 9)), "within 366 days"),  # 2026 for a Jalali year
        (MeetingOrder("nobody", "دیگر", FAR), "no body"),
        (MeetingOrder("abfa", " ", FAR), "needs words"),
    ):
        with pytest.raises(Refused, match=why):
            await order_giving.give(at.engine, at.page, at.by(code), [order])
    [second] = await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("edu", "دیگر", FAR)])
    assert (await at.row(second)).agency == "edu"


async def test_no_order_goes_to_the_body_whose_head_she_complains_of(at: Hall) -> None:
    code = await heard(at, about="abfa")
    with pytest.raises(Refused, match="about the head of abfa"):
        await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("abfa", "وصل شود", NEAR)])
