"""PostgreSQL goes while she speaks: she hears her code; who asks for one is offered a call back."""

from __future__ import annotations

import asyncio
import json
from datetime import time
from pathlib import Path

from sqlalchemy import select

from ivr.lab.asterisk import Program
from ivr.lab.caller import Hear, Listen, Press, PutDown, StayOn
from ivr.lab.pace import patience
from ivr.settings import Callbacks
from ivr.store.engine import READ_ONLY
from ivr.store.tables import outbox
from tests.fixtures.database import named, run
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline, told
from tests.loops.test_carrying import SPEAK, TO_RECORD, call, cased, keys
from tests.loops.test_full_disk import readiness


async def hang_up(hotline: Hotline) -> None:
    its = f"datname = '{hotline.engine.url.database}'"
    ours = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {its}"
    await run(named(hotline.url, "postgres"), ours)


async def allow(hotline: Hotline, yes: bool) -> None:
    database, elsewhere = hotline.engine.url.database, named(hotline.url, "postgres")
    await run(elsewhere, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {"true" if yes else "false"}')
    await hang_up(hotline)


async def test_a_database_that_takes_nothing_is_told_though_it_answers_and_her_call_completes(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str
) -> None:
    async with running_hotline(programs, stand_ins, postgres_url, template) as hotline:
        await read_only(hotline, True)
        told_of = json.loads(await readiness(hotline))["checks"]["database"]
        assert not told_of["ok"] and told_of["trouble"] == READ_ONLY
        calling = fresh_number()
        spoken = await call(hotline, *TO_RECORD, *SPEAK, *keys("1"), Hear(), PutDown(), number=calling)
        assert told(spoken, "record.safe")
        await read_only(hotline, False)
        await hotline.engine.dispose()  # its connections were ended too
        await hotline.ready()
        assert (await hotline.case_of(calling, 40))["recordings"]


async def read_only(hotline: Hotline, yes: bool) -> None:
    """As a standby is. Only connections made from then on know."""
    default = f"default_transaction_read_only = {'on' if yes else 'off'}"
    await run(named(hotline.url, "postgres"), f'ALTER DATABASE "{hotline.engine.url.database}" SET {default}')
    await hang_up(hotline)


async def test_a_call_completes_without_the_database_and_a_follow_up_is_promised_a_call_back(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str
) -> None:
    never = Callbacks(dial="PJSIP/{number}@nowhere", opens=time(0), closes=time(0, 0, 1))
    async with running_hotline(programs, stand_ins, postgres_url, template, callbacks=never) as hotline:
        await a_call_and_a_follow_up(hotline)


async def a_call_and_a_follow_up(hotline: Hotline) -> None:
    speaking, asking = fresh_number(), fresh_number()
    earlier = await cased(hotline, *TO_RECORD, *SPEAK, *keys("1"), Hear(), PutDown())
    known = set(hotline.settings.recordings.rglob("*.wav"))
    calling = asyncio.create_task(
        call(hotline, *TO_RECORD, *SPEAK, *keys("1"), Listen(), PutDown(), number=speaking)
    )
    async with asyncio.timeout(patience(60)):
        while not set(hotline.settings.recordings.rglob("*.wav")) - known:
            await asyncio.sleep(0.05)  # another process: no event
    await allow(hotline, False)
    ask = (*keys("1", "6", earlier["code"]), Hear(), Press("1"), StayOn())
    spoken, offered = await asyncio.gather(calling, call(hotline, *ask, number=asking))
    assert told(spoken, "record.safe") and told(offered, "follow_up.call_back_noted")
    await allow(hotline, True)
    await hotline.engine.dispose()  # its connections were ended too
    case = await hotline.case_of(speaking, 40)
    assert len(await hotline.cases_of(speaking)) == 1 and case["recordings"]
    async with hotline.engine.connect() as connection:
        wished = select(outbox.c.payload).where(outbox.c.kind == "call_back_wished")
        [wish] = (await connection.execute(wished)).scalars()
    assert (wish["code"], wish["number"][-10:]) == (earlier["code"], asking[-10:])
