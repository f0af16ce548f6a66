"""Listening to the database: what was missed is read again, and a fault of ours comes out."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.lab.pace import patience
from ivr.store.listening import listen

CHANNEL = "ivr_of_a_test"


def address(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=False)


async def notify(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(select(func.pg_notify(CHANNEL, "")))


async def test_what_could_not_be_reread_is_reread_without_another_notification(engine: AsyncEngine) -> None:
    read = asyncio.Semaphore(0)
    calls = 0

    async def reread() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise TimeoutError("the pool had no connection")
        read.release()

    listening = asyncio.create_task(listen(address(engine), CHANNEL, reread))
    async with asyncio.timeout(patience(20)):
        await read.acquire()
        await notify(engine)
        await read.acquire()
    listening.cancel()
    assert calls == 3


async def test_a_fault_of_ours_in_what_is_called_back_ends_the_listening_and_so_is_told(
    engine: AsyncEngine,
) -> None:
    async def reread() -> None:
        raise LookupError("no such slot")

    async with asyncio.timeout(patience(20)):
        with pytest.raises(LookupError, match="no such slot"):
            await listen(address(engine), CHANNEL, reread)
