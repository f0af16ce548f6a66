"""What goes on now: calls in progress as every server tells of them, and today beside the same day last week.

Nobody tells anything unless somebody looks: who looks asks by a notification, and each server answers with
one row. A call in progress costs nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Select, and_, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import NOBODYS
from ivr.cases.transitions import CaseAction
from ivr.desk.case import turn_calls
from ivr.desk.case.change import EVENTS
from ivr.store.tables import calls, case_events, cases, live_calls
from ivr.voice.our_call import MENU

Json = dict[str, Any]
CHANNEL = "ivr_live"  # NOTIFY: somebody looks
FRESH = timedelta(seconds=6)  # what is older was told by a server that is gone
FORGOTTEN = timedelta(hours=1)
_CITIZENS = cases.c.channel.not_in(NOBODYS)
_ENDS = [EVENTS[by] for by in (CaseAction.CLOSE, CaseAction.WITHDRAW, CaseAction.ADVISE, CaseAction.MERGE)]


class Unreachable(Exception):
    """Asterisk can't be asked now, or did not do what it was asked."""


@dataclass(frozen=True, slots=True)
class QueueMember:
    """A member of the queue. `state`: free, talking, ringing, paused or away."""

    name: str
    state: str
    calls: int


@dataclass(frozen=True, slots=True)
class CallQueue:
    """Who waits for an operator. `waits`: unique id → seconds so far."""

    waits: Mapping[str, int]
    operators: tuple[QueueMember, ...]

    @property
    def free(self) -> int:
        return sum(1 for operator in self.operators if operator.state == "free")

    @property
    def serving(self) -> int:
        """How many are there, free or not."""
        return sum(1 for operator in self.operators if operator.state not in ("away", "paused"))

    @property
    def is_busy(self) -> bool:
        """Whether somebody serves, and who comes now has to wait."""
        return self.serving > 0 and (bool(self.waits) or not self.free)

    @property
    def longest(self) -> int:
        return max(self.waits.values(), default=0)


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """Who waits for an operator at home. `number` is masked; `rung`: her telephone rings, or she talks."""

    code: str
    number: str
    since: datetime
    attempts: int
    rung: bool


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk that recordings may go to. `trouble`: one sentence, "" when it is well."""

    name: str
    free_bytes: int
    trouble: str


@dataclass(frozen=True, slots=True)
class DaySoFar:
    """The numbers of a day up to an hour. `calls`: that reached us. `seconds`: each of them, on average."""

    calls: int
    seconds: float | None
    cases: int
    closed: int


async def places(engine: AsyncEngine) -> list[KeptPlace]:
    """Every place that is kept in an operators' queue, the first first."""
    return [
        KeptPlace(
            row.code,
            "" if row.confidential else phone.mask(row.number),
            turn_calls.since_of(row.notice),
            row.attempts,
            row.state == "calling",
        )
        for row in await turn_calls.kept(engine)
    ]


async def ask(engine: AsyncEngine) -> None:
    """Ask every server for its calls."""
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def tell(engine: AsyncEngine, process: str, at: datetime, calls: Sequence[Json]) -> None:
    """This server's calls, in place of what it told before."""
    row = insert(live_calls).values(process=process, at=at, calls=list(calls))
    told = row.on_conflict_do_update(
        index_elements=[live_calls.c.process], set_={"at": row.excluded.at, "calls": row.excluded.calls}
    )
    async with engine.begin() as connection:
        await connection.execute(told)
        await connection.execute(delete(live_calls).where(live_calls.c.at < at - FORGOTTEN))


async def told(engine: AsyncEngine, now: datetime) -> list[Json]:
    """The calls of all servers that live, the longest first."""
    query = select(live_calls.c.calls).where(live_calls.c.at > now - FRESH)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).scalars().all()
    return sorted((call for row in rows for call in row), key=lambda call: str(call["began"]))


async def today(engine: AsyncEngine, now: datetime) -> tuple[DaySoFar, DaySoFar]:
    """Today up to now, and the same weekday a week ago up to this hour. `now` in the province's time."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    week = timedelta(days=7)
    return await _day(engine, midnight, now), await _day(engine, midnight - week, now - week)


async def _day(engine: AsyncEngine, since: datetime, until: datetime) -> DaySoFar:
    lasted = func.avg(func.extract("epoch", calls.c.ended_at - calls.c.started_at))
    called = select(func.count().label("calls"), lasted.label("seconds")).where(
        _within(calls.c.started_at, since, until), calls.c.menu_name != MENU
    )
    async with engine.connect() as connection:
        row = (await connection.execute(called)).one()
        opened = (await connection.execute(_opened(since, until))).scalar_one()
        closed = (await connection.execute(ended(since, until))).scalar_one()
    return DaySoFar(row.calls, None if row.seconds is None else float(row.seconds), opened, closed)


def _opened(since: datetime, until: datetime) -> Select[Any]:
    """Of citizens' cases, as the figures count them: an order of a session is nobody's new one."""
    return select(func.count()).where(_within(cases.c.opened_at, since, until), _CITIZENS)


def ended(since: datetime, until: datetime) -> Select[Any]:
    """By what was told then: a case that was opened again since has no end any more, and had one."""
    its = case_events.c
    told = (_within(its.at, since, until), its.event.in_(_ENDS), _CITIZENS)
    return select(func.count(its.case_id.distinct())).join(cases, cases.c.id == its.case_id).where(*told)


def _within(column: Column[Any], since: datetime, until: datetime) -> Any:
    return and_(column >= since, column < until)
