"""An office with requests to meet the governor, and a session of his."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.meetings import Official
from ivr.desk.case.change import Instruction
from ivr.desk.case.registering import Wanted, register
from ivr.desk.meetings import agenda, request_deciding, request_list, session_planning
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.request_list import MeetingRequest
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.desk.people.scope import Scope
from ivr.store.tables import cases
from tests.desk.counter import Counter, counter

SOON, LATER = date(2026, 12, 5), date(2026, 12, 19)
WORDS = "می‌خواهم استاندار را ببینم"


class Hall(Counter):
    """`at` moves time; it never sleeps."""

    async def wish(self, days_ago: int = 0, caller: str = "09141234567") -> str:
        """A request of so many days ago; its code."""
        wanted = Wanted(Kind.MEETING, county="ahar", words=WORDS, caller=caller)
        done = await register(self.engine, self.page, wanted, self.at - timedelta(days=days_ago))
        return done.code

    async def accepted(self, days_ago: int = 0, caller: str = "09141234567", **noted: Any) -> str:
        code = await self.wish(days_ago, caller)
        await request_deciding.review(self.engine, self.page, self.ask(code), **noted)
        next_on = self.at.date() + timedelta(days=10)
        await request_deciding.accept(self.engine, self.page, self.ask(code), next_on)
        return code

    async def session(self, slots: int = 3, **more: Any) -> int:
        starts_at = more.pop("starts_at", self.at + timedelta(days=6))
        wanted = PlannedSession(Official.GOVERNOR, "ostandari", starts_at, slots, place="تالار", **more)
        return await session_planning.plan(self.engine, self.page, self.ask("").actor, wanted, self.at)

    async def fill(self, number: int) -> list[str]:
        return await agenda.fill(self.engine, self.page, self.ask("").actor, number, self.at)

    async def seen(self, code: str) -> MeetingRequest:
        async with self.engine.connect() as connection:
            found = await request_list.of_case(connection, self.page, self.at, Scope(), code)
        assert found is not None
        return found

    async def listed(self, **more: Any) -> list[MeetingRequest]:
        async with self.engine.connect() as connection:
            return await request_list.listed(connection, self.page, self.at, **more)

    async def seats(self, number: int, scope: Scope = request_list.EVERYTHING) -> list[Seat]:
        async with self.engine.connect() as connection:
            return await agenda.read(connection, self.page, self.at, number, scope)

    async def agenda(self, number: int, scope: Scope = request_list.EVERYTHING) -> list[str]:
        """Codes by slot, "" for a free one."""
        return [seat.wish.code if seat.wish else "" for seat in await self.seats(number, scope)]

    async def events(self, code: str) -> list[str]:
        return [event["what"] for event in (await self.case(code))["events"]]

    def by(self, code: str, reason: str = "", who: str = "desk") -> Instruction:
        return self.ask(code, who, reason)


async def hall(engine: AsyncEngine) -> Hall:
    its = await counter(engine)
    return Hall(engine, its.page)


async def id_of(engine: AsyncEngine, code: str) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
