"""What callers did at the steps: counted by day, found again by call."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.reading import as_json
from ivr.desk.trees import step_statistics
from ivr.desk.trees.step_statistics import count_steps, tree_figures
from ivr.store.aside import AGAIN, Aside
from ivr.store.tables import calls
from ivr.voice.footprints import Did
from ivr.voice.step_figures import TreeFigures, passed
from tests.desk.trees.test_rehearsing import in_the_books
from tests.fixtures.plans import plan_of
from tests.voice.test_rehearsal import WHOLE, call
from tests.voice.test_step_figures import moved

ZONE = "Asia/Tehran"
NOON = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo(ZONE))
FIRST = NOON.date()
DAY = timedelta(days=1)


async def on_each_of_three_days(engine: AsyncEngine) -> datetime:
    """A whole call and one that ends at the kind, on each. Now is the third."""
    for n in range(3):
        by = NOON + n * DAY - call("1").began
        await in_the_books(engine, moved(call(*WHOLE), by), moved(call("1"), by), revision=str(n))
    return NOON + 2 * DAY + timedelta(hours=1)


async def since(engine: AsyncEngine, now: datetime, day: date = FIRST, revision: str = "") -> TreeFigures:
    return await tree_figures(engine, "111", day, ZONE, now, revision)


async def test_days_that_are_over_are_counted_once_and_today_when_it_is_asked(engine: AsyncEngine) -> None:
    now = await on_each_of_three_days(engine)
    uncounted = await since(engine, now)
    assert await count_steps(engine, ZONE, now) == 2 and await count_steps(engine, ZONE, now) == 0
    async with engine.begin() as connection:  # only the count knows of them now
        await connection.execute(update(calls).where(calls.c.started_at < NOON + DAY).values(steps=[]))
    counted = await since(engine, now)
    assert counted.as_json() == uncounted.as_json() and counted.calls == 6
    assert counted.steps["kind"].many(Did.HUNG_UP) == 3
    assert (await since(engine, now, (NOON + DAY).date())).calls == 4
    assert (await since(engine, now, revision="1")).calls == 2
    assert (await tree_figures(engine, "114", NOON.date(), ZONE, now)).calls == 0


async def test_what_came_late_is_counted_two_days_later(engine: AsyncEngine) -> None:
    now = await on_each_of_three_days(engine)
    await count_steps(engine, ZONE, NOON + DAY)
    await in_the_books(engine, moved(call(*WHOLE), NOON - call("1").began), revision="0")
    assert (await since(engine, now)).calls == 6
    later = now + DAY
    assert await count_steps(engine, ZONE, later) == 3  # the two that are new, and the first again
    assert (await since(engine, later)).calls == 7


async def test_a_call_whose_steps_can_not_be_read_costs_neither_its_day_nor_those_after_it(
    engine: AsyncEngine,
) -> None:
    now, aside = await on_each_of_three_days(engine), Aside()
    async with engine.begin() as connection:  # of the first day, as another release may write it
        odd = select(calls.c.id).where(calls.c.started_at < NOON + DAY).limit(1)
        steps = [{"step": "kind", "when": "12:00"}]
        await connection.execute(update(calls).where(calls.c.id.in_(odd)).values(steps=steps))
    assert await count_steps(engine, ZONE, now, aside) == 2 and aside.counts == {"steps of calls": 1}
    assert (await since(engine, now)).calls == 6, "that it was is known all the same"
    await count_steps(engine, ZONE, now + AGAIN, aside)
    assert aside.troubles == [], "told for a while: its day is counted, and it will not be tried again"


async def test_the_calls_of_a_figure_are_listed(engine: AsyncEngine) -> None:
    await on_each_of_three_days(engine)
    async with engine.begin() as connection:
        for row in await connection.execute(select(calls.c.id, calls.c.started_at, calls.c.steps)):
            told = passed(row.steps)
            await connection.execute(update(calls).where(calls.c.id == row.id).values(passed=told))
    left = await as_json.calls(engine, passed="kind:hung_up")
    assert len(left) == 3 and all(each["steps"][-1]["note"] == "hangup" for each in left)
    (one,) = await as_json.calls(engine, passed="kind:hung_up", revision="1")
    assert one["menu_revision"] == "1"


async def test_a_million_calls_are_not_read_for_it(engine: AsyncEngine) -> None:
    assert "pk_menu_step_days" in await plan_of(engine, step_statistics.of_days("111", NOON.date()))
    assert "pk_menu_step_days" in await plan_of(engine, step_statistics.counted(NOON.date()))
    today = await plan_of(engine, step_statistics.of_calls(NOON, NOON + DAY, "111"))
    assert "ix_calls_started_at_id" in today
    async with engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        found = """EXPLAIN SELECT id FROM calls WHERE passed @> '["kind:hung_up"]'"""
        plan = "\n".join((await connection.execute(text(found))).scalars())
    assert "ix_calls_passed" in plan
