"""An hour as the official's screen and the terminal show it: who waits, whom he talks with, who was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import live_hour, phone
from ivr.desk.meetings import hour_planning, hour_queue
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.store.tables import cases

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HourCall:
    """`case` None: not in the books yet, or not theirs to see. `earlier`: how many other cases she has."""

    call: Row[Any]
    case: Row[Any] | None
    earlier: int = 0

    @property
    def number(self) -> str:
        """Masked; "" for one that is withheld, or not to be known."""
        return phone.mask(self.case.caller_key) if self.case is not None and self.case.caller_key else ""


@dataclass(frozen=True, slots=True)
class HourSeen:
    """`line`: who waits, the first in front. `with_him`: whose turn it is. `past`: the latest first."""

    hour: Row[Any]
    line: Sequence[HourCall]
    with_him: HourCall | None
    past: Sequence[HourCall]

    def of(self, code: str) -> HourCall | None:
        """The call that stands with that case."""
        each = [*([self.with_him] if self.with_him else []), *self.past]
        return next((one for one in each if one.call.code == code), None)


async def read(connection: AsyncConnection, number: int, scope: Scope, now: datetime) -> HourSeen | None:
    hour = await hour_planning.hour(connection, number)
    if hour is None:
        return None
    calls = await hour_queue.of_hour(connection, hour.session)
    known = await _cases(connection, {call.code for call in calls}, scope)
    callers = {row.caller_key for row in known.values() if not phone.is_withheld(row.caller_key)}
    earlier = await _earlier(connection, callers, scope)

    def seen(call: Row[Any]) -> HourCall:
        case = known.get(call.code)
        count = earlier.get(case.caller_key, 1) - 1 if case is not None else 0
        return HourCall(call, case, max(0, count))

    waits, busy = live_hour.waiting(calls, now), live_hour.taken(calls, now)
    there = {call.call_id for call in (*waits, *([busy] if busy else []))}
    past = [seen(call) for call in reversed(calls) if call.call_id not in there]
    return HourSeen(hour, [seen(call) for call in waits], seen(busy) if busy else None, past)


async def _cases(connection: AsyncConnection, codes: set[str], scope: Scope) -> Mapping[str, Row[Any]]:
    query = select(*scope.columns()).where(cases.c.code.in_(codes), scope.cases())
    return {row.code: row for row in await connection.execute(query)}


async def _earlier(connection: AsyncConnection, callers: set[str], scope: Scope) -> Mapping[str, int]:
    query = select(cases.c.caller_key, func.count().label("cases"))
    query = query.where(cases.c.caller_key.in_(callers), OPEN_TO_ALL, scope.cases())
    found = await connection.execute(query.group_by(cases.c.caller_key))
    return {row.caller_key: row.cases for row in found}


def hour_json(hour: Row[Any]) -> Json:
    told: Json = {"number": hour.number, "official": hour.official, "agency": hour.agency}
    told |= {"starts_at": hour.starts_at.isoformat(), "ends_at": hour.ends_at.isoformat()}
    told |= {"extensions": hour.extensions, "room": hour.room, "state": hour.state}
    return told | {"closed_at": hour.closed_at and hour.closed_at.isoformat(), "closed_by": hour.closed_by}


def call_json(each: HourCall) -> Json:
    """`number` masked."""
    call, case = each.call, each.case
    told: Json = {"code": call.code, "state": call.state, "outcome": call.outcome, "number": each.number}
    told |= {"county": case.county if case is not None else None, "earlier": each.earlier}
    told |= {"recorded": call.records, "rings": call.rings, "taken_by": call.taken_by}
    times = ("joined_at", "taken_at", "talked_at", "ended_at")
    moments = {name: getattr(call, name) for name in times}
    return told | {name: at and at.isoformat(timespec="seconds") for name, at in moments.items()}
