"""What goes on now: every server tells of its calls when asked, and today stands beside last week."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call import live
from ivr.desk.call.live import DaySoFar
from ivr.desk.case import answers, closing, collecting, splitting
from ivr.desk.case.splitting import Part
from ivr.lab.pace import patience
from ivr.loops.telling_live import LEAST_SECONDS, tell
from ivr.voice.our_call import MENU
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.plans import plan_of

TEHRAN = ZoneInfo("Asia/Tehran")


def going_on(id: str, minutes: int) -> dict[str, Any]:
    return {"id": id, "began": (WEDNESDAY - timedelta(minutes=minutes)).isoformat()}


async def test_calls_of_all_servers_are_told_and_those_of_dead_ones_are_not(engine: AsyncEngine) -> None:
    await live.tell(engine, "a:1", WEDNESDAY, [going_on("young", 1)])
    await live.tell(engine, "b:2", WEDNESDAY, [going_on("old", 5)])
    await live.tell(engine, "c:3", WEDNESDAY - timedelta(seconds=10), [going_on("dead", 9)])
    assert [each["id"] for each in await live.told(engine, WEDNESDAY)] == ["old", "young"]
    await live.tell(engine, "a:1", WEDNESDAY, [])
    assert [each["id"] for each in await live.told(engine, WEDNESDAY)] == ["old"]


async def test_a_server_tells_when_somebody_asks_and_not_otherwise(engine: AsyncEngine) -> None:
    asked: list[float] = []

    def calls() -> list[dict[str, Any]]:
        asked.append(asyncio.get_running_loop().time())
        return [going_on("one", 1)]

    telling = asyncio.create_task(tell(engine, "a:1", calls, lambda: WEDNESDAY))
    try:
        async with asyncio.timeout(patience(10)):
            while not asked:  # once when it begins to listen
                await asyncio.sleep(0.02)
            await asyncio.sleep(LEAST_SECONDS + 0.1)  # nothing happens, which has no event
            assert len(asked) == 1
            await live.ask(engine)
            while len(asked) < 2:
                await asyncio.sleep(0.02)
            while not await live.told(engine, WEDNESDAY):
                await asyncio.sleep(0.02)
    finally:
        telling.cancel()


async def test_today_up_to_now_stands_beside_the_same_hours_a_week_ago(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    now = WEDNESDAY.astimezone(TEHRAN)
    assert await live.today(engine, now) == (DaySoFar(0, None, 0, 0), DaySoFar(0, None, 0, 0))
    starts = [now - timedelta(minutes=5), now - timedelta(hours=1), now - timedelta(days=7, minutes=5)]
    starts += [now - timedelta(days=7) + timedelta(minutes=5), now - timedelta(days=1)]  # not counted
    async with office(engine, tmp_path) as desk:
        for start in starts:
            facts = call()
            facts.started_at = start
            desk.intake.clock = lambda start=start: start  # type: ignore[misc]
            await desk.intake.call_started(facts)
            await desk.intake.open_case(facts, opening())
            await desk.intake.call_ended(facts, "completed", start + timedelta(seconds=90), ())
        ours = call()
        ours.started_at, ours.menu_name = starts[0], MENU
        await desk.intake.call_started(ours)
        await desk.pump.idle()
    today, before = await live.today(engine, now)
    assert (today.calls, today.cases, today.seconds) == (2, 2, 90.0)
    assert (before.calls, before.cases, before.closed) == (1, 1, 0)


async def test_an_order_and_a_collective_case_are_no_new_cases_of_today(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code, other = await at.open(), await at.open()
    both = [Part("abfa", "لوله عوض شود"), Part("edu", "شیر مدرسه عوض شود")]
    for part in await splitting.split(at.engine, at.page, at.ask(code), both):
        await closing.advise(at.engine, at.page, at.ask(part, reason="به فرمانداری بروید"))
    await collecting.collect(at.engine, at.page, at.ask("").actor, [other], "قطع آب", at.at)
    today, _ = await live.today(engine, at.at.astimezone(TEHRAN) + timedelta(minutes=1))
    assert (today.cases, today.closed) == (2, 0)


async def test_what_was_closed_a_week_ago_was_closed_though_it_was_opened_again_since(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    solved, back, merged, open_ = [await at.open() for _ in range(4)]
    for code in (solved, back):
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
        await closing.close(at.engine, at.page, at.ask(code, "citizen"))
    await closing.merge(at.engine, at.page, at.ask(merged, reason="همان است"), open_)
    closed_at = at.at
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(back, "citizen"))
    hour = closed_at.astimezone(TEHRAN) + timedelta(minutes=1)
    today, _ = await live.today(engine, hour)
    _, before = await live.today(engine, hour + timedelta(days=7))
    assert (today.closed, before.closed) == (3, 3)


async def test_what_ended_is_counted_from_its_hours_alone(engine: AsyncEngine) -> None:
    plan = await plan_of(engine, live.ended(WEDNESDAY - timedelta(hours=9), WEDNESDAY))
    assert "ix_case_events_at" in plan and "Seq Scan" not in plan
