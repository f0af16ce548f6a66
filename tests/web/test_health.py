"""What `/readyz` is told by checks that are slow, or slow to be given up."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from ivr.lab.pace import patience
from ivr.store.engine import make_engine
from ivr.web import health


async def test_a_check_that_is_slow_to_be_given_up_costs_no_process_its_whole_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up, closed = asyncio.Event(), asyncio.Event()

    async def frozen() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
            await closed.wait()  # as closing a connection that is not answered
        return ""

    async def well() -> str:
        return ""

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    async with asyncio.timeout(patience(10)):
        found = await health.examine({"database": frozen, "disk": well})
    assert found == {"database": "no answer within 0.05 s", "disk": ""}
    await given_up.wait()
    closed.set()


async def test_what_the_database_refuses_a_check_is_told_without_the_statement(empty_url: str) -> None:
    engine = make_engine(empty_url, pool=1)

    async def check() -> str:
        async with engine.connect() as connection:
            return str((await connection.execute(text("SELECT max(code) FROM cases"))).scalar())

    found = await health.examine({"database": check})
    await engine.dispose()
    assert found == {"database": 'ProgrammingError: relation "cases" does not exist'}
