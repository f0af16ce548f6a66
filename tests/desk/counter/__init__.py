"""Cases to work on without a call, and who works on them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.facts.apply import apply
from ivr.desk.reading import as_json
from ivr.store.facts import CallEndedFact, CaseOpenedFact, FactCall
from ivr.store.tables import cases, precedents, referrals
from tests.desk.office import WEDNESDAY
from tests.fixtures.province import read_page

Json = dict[str, Any]


class Counter:
    """One province's desk. `at` moves time; it never sleeps."""

    def __init__(self, engine: AsyncEngine, page: Page) -> None:
        self.engine = engine
        self.page = page
        self.at = WEDNESDAY

    async def open(
        self,
        topic: str = "water.supply",
        county: str = "ahar",
        caller: str = "09141234567",
        callback: str = "",
    ) -> str:
        """A case of a call that is over; its code. `callback`: the number that she keyed to be called on."""
        case, at = uuid.uuid4(), self.at
        call = FactCall(uuid.uuid4(), "1.1", caller, "", at, None, "fa", "", "")
        fact = CaseOpenedFact(case, at, "", call, "complaint", topic, county, "fa", callback, "", ())
        ended = CallEndedFact(call, "completed", at, (), ())
        await apply(self.engine, self.page, [fact, ended])
        async with self.engine.connect() as connection:
            query = select(cases.c.code).where(cases.c.id == case)
            return str((await connection.execute(query)).scalar_one())

    def ask(self, code: str, by: str = "desk", reason: str = "", seen: int | None = None) -> Instruction:
        return Instruction(code, actor_named(self.page, by), reason, self.at, seen)

    def later(self, days: int = 1) -> datetime:
        self.at += timedelta(days=days)
        return self.at

    async def reread(self) -> None:
        async with self.engine.connect() as connection:
            self.page = await read_page(connection)

    async def case(self, code: str) -> Json:
        found = await as_json.case_json(self.engine, code)
        assert found is not None
        return found

    async def row(self, code: str) -> Any:
        async with self.engine.connect() as connection:
            return (await connection.execute(select(cases).where(cases.c.code == code))).one()

    async def put_behind(self, code: str) -> int:
        """Its row lags behind its story, so that the books refuse its next event. The number it had."""
        last = int((await self.row(code)).last_seq)
        async with self.engine.begin() as connection:
            await connection.execute(update(cases).where(cases.c.code == code).values(last_seq=1))
        return last

    async def mend(self, code: str, last: int) -> None:
        """As it was before it was put behind."""
        async with self.engine.begin() as connection:
            await connection.execute(update(cases).where(cases.c.code == code).values(last_seq=last))

    async def running(self, code: str) -> list[Any]:
        """The referrals in force."""
        query = select(referrals).join(cases, cases.c.id == referrals.c.case_id)
        query = query.where(cases.c.code == code, referrals.c.ended_at.is_(None))
        async with self.engine.connect() as connection:
            return list((await connection.execute(query)).all())

    async def in_force(self) -> int:
        query = select(func.count()).where(precedents.c.ended_at.is_(None))
        async with self.engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())


async def counter(engine: AsyncEngine) -> Counter:
    async with engine.connect() as connection:
        return Counter(engine, await read_page(connection))


async def outcomes(*work: Any) -> list[str]:
    """Everything at once: "" for what was done, the sentence for what was refused."""
    results = await asyncio.gather(*work, return_exceptions=True)
    return ["" if result is None else str(result) for result in results]
