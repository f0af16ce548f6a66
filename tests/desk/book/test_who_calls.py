"""The question of every call: who calls? Asked together in a rush."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.who_calls import WhoCalls, known
from ivr.lab.pace import patience
from ivr.store.engine import make_engine
from tests.desk.office import WEDNESDAY, call, office, opening, unhurried
from tests.fixtures.plans import plan_of

AHAR, SARAB, NOBODY = "+989141111111", "+989142222222", "+989143333333"


async def test_in_a_rush_everybody_hears_of_their_own_case(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        for caller, county in ((AHAR, "ahar"), (SARAB, "sarab")):
            await desk.intake.open_case(call(caller), opening(county=county))
        await desk.pump.idle()
    lent: list[object] = []
    event.listen(engine.sync_engine, "checkout", lambda *given: lent.append(given))
    who_calls = WhoCalls(engine)
    rush = [AHAR, SARAB, NOBODY] * 10
    with unhurried():
        told = await asyncio.gather(*(who_calls.recall(caller, WEDNESDAY) for caller in rush))
    assert [each.county for each in told] == ["ahar", "sarab", ""] * 10
    assert [each.waits for each in told] == [True, True, False] * 10
    assert len(lent) < len(rush) / 2


async def test_callers_of_a_moment_are_asked_for_together_also_when_the_books_answer_at_once(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[object] = []
    with unhurried():
        await WhoCalls(engine).recall(AHAR, WEDNESDAY)  # connected
    event.listen(engine.sync_engine, "checkout", lambda *given: lent.append(given))
    monkeypatch.setattr("ivr.desk.book.who_calls.APART_SECONDS", patience(2))
    who_calls = WhoCalls(engine)
    with unhurried():
        await who_calls.recall(AHAR, WEDNESDAY)
        later = []
        for caller in (AHAR, SARAB, NOBODY):
            later.append(asyncio.create_task(who_calls.recall(caller, WEDNESDAY)))
            await asyncio.sleep(0)
        await asyncio.gather(*later)
    assert len(lent) == 2, "the first at once, the others together"


async def test_in_young_books_too_nobody_elses_case_is_looked_at(engine: AsyncEngine) -> None:
    """A plan of books that nobody has counted is kept while they grow."""
    told = {"now": WEDNESDAY, "hour": WEDNESDAY, "all_n": [0, 1], "all_caller": [AHAR, SARAB]}
    plan = await plan_of(engine, known().params(told))
    ways = re.findall(r"(?:using (\w+) )?on cases\b", plan)
    assert set(ways) == {"ix_cases_caller_key_opened_at"} and len(ways) == 6


async def test_when_the_database_is_away_everybody_in_the_rush_hears_it(tmp_path: Path) -> None:
    engine = make_engine(f"postgresql://nobody@/none?host={tmp_path}")
    who_calls = WhoCalls(engine)
    for _ in range(2):  # and whoever calls afterwards
        rush = (who_calls.recall(caller, WEDNESDAY) for caller in (AHAR, SARAB, NOBODY))
        told = await asyncio.gather(*rush, return_exceptions=True)
        assert [isinstance(each, OSError) for each in told] == [True] * 3
    await engine.dispose()


async def test_who_gives_up_takes_nothing_from_the_others(engine: AsyncEngine) -> None:
    who_calls = WhoCalls(engine)
    asked = [asyncio.create_task(who_calls.recall(caller, WEDNESDAY)) for caller in (AHAR, SARAB, NOBODY)]
    with unhurried():
        await asyncio.sleep(0)
        asked[1].cancel()
        assert [each.county for each in (await asked[0], await asked[2])] == ["", ""]
    with pytest.raises(asyncio.CancelledError):
        await asked[1]
