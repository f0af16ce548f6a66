"""What bears on a case's deadline. 25 November 2026 is a Wednesday; Thursday and Friday are the weekend."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing, pausing, referring, splitting
from ivr.desk.case.change import clock_of
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines import escalating, escalation_proof
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from tests.cases.elapsed import elapsed
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.province import answer


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def due(at: Counter, code: str) -> str:
    """The deadline's date, which the case and its running referral agree on."""
    row, (running,) = await at.row(code), await at.running(code)
    assert row.due_at == running.due_at
    return str(row.due_at.date())


async def test_a_pause_moves_the_deadline_at_once_and_resuming_gives_back_what_was_not_used(
    at: Counter,
) -> None:
    code = await at.open()  # two working days: Saturday, Sunday
    assert await due(at, code) == "2026-11-29"
    at.later(3)
    await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "منتظر مدارک"), 5)
    assert await due(at, code) == "2026-12-06"
    assert (await at.case(code))["events"][-1]["details"]["reason"] == "منتظر مدارک"
    at.later(2)
    await pausing.resume(at.engine, at.page, at.ask(code, "abfa"))
    assert await due(at, code) == "2026-12-01"
    with pytest.raises(Refused, match="not paused"):
        await pausing.resume(at.engine, at.page, at.ask(code, "abfa"))


async def test_all_pauses_together_have_a_cap(at: Counter) -> None:
    code = await at.open()
    ask, pause = at.ask, pausing.pause
    with pytest.raises(Refused, match="without a reason"):
        await pause(at.engine, at.page, ask(code, "abfa"), 3)
    with pytest.raises(Refused, match="at least one"):
        await pause(at.engine, at.page, ask(code, "abfa", "x"), 0)
    await pause(at.engine, at.page, ask(code, "abfa", "x"), 7)
    with pytest.raises(Refused, match="paused already"):
        await pause(at.engine, at.page, ask(code, "abfa", "x"), 1)
    at.later(30)
    with pytest.raises(Refused, match="10 working days in all, and 3 are left"):
        await pause(at.engine, at.page, ask(code, reason="x"), 4)
    await pause(at.engine, at.page, ask(code, reason="x"), 3)
    assert (await at.row(code)).paused_days == 7


async def test_no_body_pauses_away_a_deadline_that_it_has_missed(at: Counter) -> None:
    code = await at.open()
    first, at.at = await due(at, code), (await at.row(code)).due_at
    for _ in "twice":
        with pytest.raises(Refused, match="has passed: only the desk"):
            await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "منتظر قطعه"), 10)
    assert await due(at, code) == first
    await pausing.pause(at.engine, at.page, at.ask(code, "desk", "شهروند در سفر است"), 1)
    assert await due(at, code) > first
    await pausing.resume(at.engine, at.page, at.ask(code, "desk"))
    with pytest.raises(Refused, match="has passed: only the desk"):
        await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "منتظر قطعه"), 10)


async def test_a_body_pauses_no_part_beyond_the_day_that_the_citizen_is_told_and_the_desk_may(
    at: Counter,
) -> None:
    whole = await at.open("water.bill")
    named = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    one, _ = await splitting.split(at.engine, at.page, at.ask(whole, "desk"), named)
    told = await due(at, whole)
    for _ in "twice":
        with pytest.raises(Refused, match=f"a part of {whole} and would be due after it"):
            await pausing.pause(at.engine, at.page, at.ask(one, "abfa", "منتظر قطعه"), 1)
    assert await due(at, one) == await due(at, whole) == told
    await pausing.pause(at.engine, at.page, at.ask(whole, "desk", "شهروند در سفر است"), 3)
    with pytest.raises(Refused, match="would be due after it"):
        await pausing.pause(at.engine, at.page, at.ask(one, "abfa", "منتظر قطعه"), 4)
    await pausing.pause(at.engine, at.page, at.ask(one, "abfa", "منتظر قطعه"), 3)
    assert await due(at, one) == await due(at, whole) > told
    at.later(30)
    with pytest.raises(Refused, match="would be due after it"):
        await pausing.pause(at.engine, at.page, at.ask(one, "abfa", "باز منتظر"), 1)
    await pausing.pause(at.engine, at.page, at.ask(one, "desk", "از دست آنها برنمی‌آید"), 1)


async def test_a_part_whose_own_topic_gives_longer_than_the_whole_is_paused_by_the_desk_alone(
    at: Counter,
) -> None:
    whole = await at.open("water.bill")
    named = [Part("abfa", "لوله"), Part("shahrdari_ahar", "پروانه", "city.building")]
    _, longer = await splitting.split(at.engine, at.page, at.ask(whole, "desk"), named)
    first = await due(at, longer)
    assert first > await due(at, whole)
    with pytest.raises(Refused, match="would be due after it: only the desk"):
        await pausing.pause(at.engine, at.page, at.ask(longer, "shahrdari_ahar", "باران"), 1)
    assert await due(at, longer) == first
    await pausing.pause(at.engine, at.page, at.ask(longer, "desk", "باران"), 1)
    assert await due(at, longer) > first


async def test_a_pause_that_is_over_is_told_once_and_moves_no_deadline(at: Counter, tmp_path: Path) -> None:
    codes = [await at.open("water.bill"), await at.open("energy.gas")]
    for code, days in zip(codes, (2, 9), strict=True):
        await pausing.pause(at.engine, at.page, at.ask(code, "abfa" if days == 2 else "desk", "x"), days)
    before, used = await at.row(codes[0]), clock_of(await at.row(codes[0]))
    at.later(7)
    passes = await asyncio.gather(*(pausing.end_pauses(at.engine, at.page, at.at, batch=1) for _ in range(3)))
    assert sum(passes) == 1
    after = await at.row(codes[0])
    assert (after.due_at, after.paused_at, after.paused_days) == (before.due_at, None, 2)
    calendar = at.page.calendar
    assert elapsed(clock_of(after), calendar, at.at, "ahar") == elapsed(used, calendar, at.at, "ahar")
    story = [(event["what"], event["actor"]) for event in (await at.case(codes[0]))["events"]]
    assert story[-2:] == [("paused", "abfa"), ("resumed", "ivr")]
    assert (await at.row(codes[1])).paused_at is not None
    with pytest.raises(Refused, match="not paused"):
        await pausing.resume(at.engine, at.page, at.ask(codes[0], "abfa"))
    assert await findings(at.engine, tmp_path) == []


async def test_of_three_pauses_one_that_the_books_refuse_to_end_keeps_no_other(at: Counter) -> None:
    codes = [await at.open(topic) for topic in ("water.bill", "energy.gas", "water.supply")]
    for code in codes:
        await pausing.pause(at.engine, at.page, at.ask(code, "desk", "x"), 2)
    last, aside = await at.put_behind(codes[0]), Aside()
    at.later(9)
    assert await pausing.end_pauses(at.engine, at.page, at.at, batch=2, aside=aside) == 2
    assert [(await at.row(code)).paused_at is None for code in codes] == [False, True, True]
    assert aside.counts == {"pauses": 1}
    await at.mend(codes[0], last)
    assert await pausing.end_pauses(at.engine, at.page, at.later(1), aside=aside) == 1
    assert aside.troubles == []


async def test_another_topic_has_its_own_deadline_from_the_opening_on(at: Counter) -> None:
    code = await at.open()
    at.later(10)
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="قبض است"), "water.bill")
    assert await due(at, code) == "2026-12-06"  # seven working days after the opening, not after today
    assert (await at.row(code)).agency == "abfa"
    for topic, county, why in (
        ("no.topic", None, "no topic no.topic"),
        ("", "atlantis", "no county atlantis"),
        ("water.bill", "ahar", "already"),
    ):
        with pytest.raises(Refused, match=why):
            await pausing.change_topic(at.engine, at.page, at.ask(code, reason="x"), topic, county)
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="x"), county="")
    row = await at.row(code)
    assert (row.topic, row.county) == ("water.bill", None)


async def test_time_that_the_citizen_takes_is_not_the_agency_s_and_time_used_stays_used(at: Counter) -> None:
    code = await at.open()
    at.later(3)  # Saturday: one of two days is used
    await answer(at.engine, code, "abfa", "x", at.at)
    await answer(at.engine, code, "abfa", "y", at.later(1))
    at.later(3)  # Wednesday
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    given = (await at.case(code))["events"][-1]["details"]["days_given"]
    assert (given, await due(at, code)) == (1, "2026-12-06")  # one day was left, Saturday; two are fair
    at.later(7)
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    assert await due(at, code) == "2026-12-06"


async def test_what_is_opened_again_has_a_fair_time_each_time(at: Counter) -> None:
    """Overdue when it was answered, and high up already: it does not climb again at once."""
    code = await at.open()
    for since in (20, 9):
        at.later(since)
        await escalating.sweep(at.engine, at.page, at.at)
        await answer(at.engine, code, "abfa", "x", at.at)
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        row = await at.row(code)
        assert at.page.calendar.working_days(at.at, row.due_at, "ahar") == 2
        assert row.next_rung_at is None or row.next_rung_at > row.due_at
        level = row.level
        assert await escalating.sweep(at.engine, at.page, at.later(1)) == 0
        assert (await at.row(code)).level == level
        assert await escalation_proof.prove(at.engine, at.page, at.at) == []
    given = [e["details"]["days_given"] for e in (await at.case(code))["events"] if e["what"] == "reopened"]
    assert len(given) == 2 and min(given) > 2


async def test_a_case_with_time_left_is_given_none(at: Counter) -> None:
    code = await at.open("water.bill")
    before = await due(at, code)
    await answer(at.engine, code, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert await due(at, code) == before
    assert "days_given" not in (await at.case(code))["events"][-1]["details"]


async def test_an_answer_ends_a_pause(at: Counter) -> None:
    code = await at.open()
    await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "x"), 5)
    at.later(3)
    await answer(at.engine, code, "abfa", "x", at.at)
    row = await at.row(code)
    assert (row.paused_at, row.paused_days, row.stopped_at) == (None, 1, at.at)
    with pytest.raises(Refused, match="is answered and can't be paused"):
        await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "x"), 5)
