"""The calls behind a figure of a step."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.people.scope import Scope
from ivr.desk.trees.step_calls import calls_at
from ivr.store.tables import calls
from tests.desk.counter import Counter, counter
from tests.desk.office import WEDNESDAY


async def case_of_the_call(at: Counter) -> str:
    began = WEDNESDAY - timedelta(days=1)
    (found,) = await calls_at(at.engine, Scope(), "111", "kind", "pressed", began)
    return found.case


async def test_whose_a_confidential_case_is_no_list_of_calls_tells(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await at.open()
    async with engine.begin() as connection:
        await connection.execute(update(calls).values(menu_name="111", passed=["kind:pressed"]))
    assert await case_of_the_call(at) == code
    await confiding.confide(engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy())
    assert not await case_of_the_call(at)
