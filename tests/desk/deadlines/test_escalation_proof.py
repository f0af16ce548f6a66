"""The watchdog over the sweep."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.store.tables import cases, provinces, referrals
from tests.desk.counter import Counter, counter
from tests.fixtures.province import answer


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def alarms(at: Counter) -> dict[str, tuple[int, list[str]]]:
    found = await prove(at.engine, at.page, at.at + GRACE)
    return {alarm.why: (alarm.count, list(alarm.cases)) for alarm in found}


async def test_it_is_quiet_while_all_is_well(at: Counter) -> None:
    await at.open()
    assert await alarms(at) == {}
    for _ in range(30):
        await sweep(at.engine, at.page, at.later())
        assert await alarms(at) == {}


async def test_a_sweep_that_does_not_run_is_seen(at: Counter) -> None:
    code, young = await at.open(), await at.open("water.bill")
    at.later(5)
    assert await alarms(at) == {"no_rung": (1, [code]), "late": (1, [code])}
    await sweep(at.engine, at.page, at.at)
    assert await alarms(at) == {}
    at.later(9)
    assert set((await alarms(at))["no_rung"][1]) == {code, young}


async def test_it_believes_the_log_and_not_what_the_sweep_wrote_into_the_case(at: Counter) -> None:
    code = await at.open()
    at.later(5)
    async with at.engine.begin() as connection:
        lie = {"rung": 3, "level": "governor", "next_rung_at": None}
        await connection.execute(update(cases).where(cases.c.code == code).values(lie))
    assert await alarms(at) == {"no_rung": (1, [code])}


@pytest.mark.parametrize("is_withdrawn", [False, True])
async def test_rungs_of_the_deadline_before_it_was_opened_again_stand_for_none_of_the_new_one(
    at: Counter, is_withdrawn: bool
) -> None:
    code = await at.open()
    await sweep(at.engine, at.page, at.later(60))
    if is_withdrawn:
        await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    else:
        await answer(at.engine, code, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(rung=9, next_rung_at=None))
    at.later(20)
    assert await alarms(at) == {"no_rung": (1, [code])}


async def test_decades_are_counted_like_days(at: Counter) -> None:
    code = await at.open()
    async with at.engine.begin() as connection:
        opened, due = at.at.replace(year=2000), at.at.replace(year=2000, month=12)
        long_ago = update(cases).where(cases.c.code == code)
        await connection.execute(long_ago.values(opened_at=opened, due_at=due, next_rung_at=due))
    at.later(1)
    assert await alarms(at) == {"no_rung": (1, [code]), "late": (1, [code])}
    await sweep(at.engine, at.page, at.at)
    assert await alarms(at) == {}, "both count the same"


async def test_a_case_without_body_or_clock_is_seen(at: Counter) -> None:
    orphan, timeless = await at.open(), await at.open()
    async with at.engine.begin() as connection:
        mine = referrals.c.case_id == (await at.row(orphan)).id
        await connection.execute(update(referrals).where(mine).values(ended_at=at.at))
        stop = update(cases).where(cases.c.code == timeless).values(next_rung_at=None)
        await connection.execute(stop)
    assert await alarms(at) == {"no_body": (1, [orphan]), "no_clock": (1, [timeless])}


async def test_a_case_with_another_body_than_its_referral_s_is_seen(at: Counter) -> None:
    code = await at.open()
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(agency="edu"))
    assert await alarms(at) == {"no_body": (1, [code])}


async def test_a_province_without_ladders_is_an_alarm_as_soon_as_a_case_is_late(at: Counter) -> None:
    await at.open()
    async with at.engine.begin() as connection:
        await connection.execute(update(provinces).values(escalation={}))
        await connection.execute(delete(referrals).where(referrals.c.ended_at.is_not(None)))
    await sweep(at.engine, at.page, at.at)
    assert await alarms(at) == {}
    assert (await alarms(at)).get("no_ladder") is None
    at.later(9)
    assert (await alarms(at))["no_ladder"] == (1, [])


async def test_a_change_of_a_moment_ago_is_left_to_settle(at: Counter) -> None:
    code = await at.open()
    at.later(9)
    assert await prove(at.engine, at.page, at.at) != []
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at + GRACE / 2) == []
    assert (await at.row(code)).rung == 3
