"""Opening what is sealed takes two: one asks and says why, another of the few allows it for a while.

Who a confidential case is of, and who the callers in a file of cases are. Asking, allowing, refusing and
every look are on record. Nobody allows her own asking, also by the database's word.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people import auditing
from ivr.desk.people.people import Person
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.store.tables import cases, openings, people

OPEN_FOR = timedelta(hours=8)  # a working day
WAITS = timedelta(days=3)  # so long an asking may be decided
SHORTEST, LONGEST = 10, 500  # characters of a reason
_ITS = openings.c


async def ask_for_case(
    engine: AsyncEngine, person: Person, code: str, reason: str, now: datetime, address: str = ""
) -> None:
    """One of the few asks to see whose a confidential case is. Raises NoSuchCase, WrongField, Refused."""
    reason = checked(reason)
    if not person.trusted:
        raise Refused("only the few who were named ask to open what is sealed")
    async with engine.begin() as connection:
        query = select(cases.c.id).where(cases.c.code == code, person.scope.cases())
        case = (await connection.execute(query.where(cases.c.confidential.is_not(None)))).scalar()
        if case is None:
            raise NoSuchCase(f"there is no case {code}")
        await _ask(connection, person, {"case_id": case}, reason, now, address)


async def ask_for_export(
    engine: AsyncEngine,
    person: Person,
    export: Mapping[str, str],
    reason: str,
    now: datetime,
    address: str = "",
) -> None:
    """Whoever may see identities asks for them in a file. Raises WrongField."""
    reason = checked(reason)
    async with engine.begin() as connection:
        await _ask(connection, person, {"export": dict(export)}, reason, now, address)


async def allow(engine: AsyncEngine, person: Person, id: uuid.UUID, now: datetime, address: str = "") -> None:
    """For `OPEN_FOR`. Raises Refused to the asker, to others than the few, and for what waits no more."""
    await _decide(engine, person, id, now, address, allowed=True)


async def refuse(
    engine: AsyncEngine, person: Person, id: uuid.UUID, now: datetime, address: str = ""
) -> None:
    """Raises as `allow`."""
    await _decide(engine, person, id, now, address, allowed=False)


async def opened(connection: AsyncConnection, person: uuid.UUID, case: uuid.UUID, now: datetime) -> bool:
    """Whether this person was allowed to see whose the case is, and still is: one of the few, too."""
    query = select(_ITS.id).join(people, people.c.id == _ITS.asked_by).where(people.c.trusted)
    query = query.where(_ITS.case_id == case, *_in_force(person, now))
    return (await connection.execute(query.limit(1))).first() is not None


async def exportable(
    connection: AsyncConnection, person: uuid.UUID, export: Mapping[str, str], now: datetime
) -> bool:
    """The same of the identities in exactly such a file."""
    query = select(_ITS.id).where(_ITS.export == dict(export), *_in_force(person, now))
    return (await connection.execute(query.limit(1))).first() is not None


async def waiting(connection: AsyncConnection, person: uuid.UUID, case: uuid.UUID, now: datetime) -> bool:
    """Whether an asking of this person for the case waits to be decided."""
    query = select(_ITS.id).where(_ITS.case_id == case, _ITS.asked_by == person, *_undecided(now))
    return (await connection.execute(query.limit(1))).first() is not None


async def listed(engine: AsyncEngine, person: Person, now: datetime, limit: int = 100) -> list[Row[Any]]:
    """Askings with who asked and who decided; none about what is kept from the person.

    Those that wait come first, else the newest ones.
    """
    waits = and_(*_undecided(now)).desc()
    query = _listing(person).order_by(None).order_by(waits, _ITS.asked_at.desc())
    async with engine.connect() as connection:
        return list(await connection.execute(query.limit(limit)))


def _listing(person: Person) -> Select[Any]:
    asker, decider = people.alias("asker"), people.alias("decider")
    shown = (asker.c.full_name.label("asker"), decider.c.full_name.label("decider"), cases.c.code)
    trusted = asker.c.trusted.label("asker_trusted")
    query = select(openings, *shown, trusted).join(asker, asker.c.id == _ITS.asked_by)
    query = query.outerjoin(decider, decider.c.id == _ITS.decided_by)
    query = query.outerjoin(cases, cases.c.id == _ITS.case_id)
    return query.where(_may_know(person)).order_by(_ITS.asked_at.desc())


def waits(row: Row[Any], now: datetime) -> bool:
    """Whether an asking can still be decided: not for whom is one of the few no more."""
    return row.allowed is None and row.asked_at > now - WAITS and (row.case_id is None or row.asker_trusted)


def checked(reason: str, shortest: int = SHORTEST) -> str:
    """Raises WrongField."""
    reason = reason.strip()
    if not shortest <= len(reason) <= LONGEST:
        raise WrongField("reason", f"has {shortest} to {LONGEST} characters")
    return reason


async def _ask(
    connection: AsyncConnection,
    person: Person,
    about: Mapping[str, Any],
    reason: str,
    now: datetime,
    address: str,
) -> None:
    """Once: who asks for the same again while it waits only gets it noted."""
    same = [_ITS[name] == value for name, value in about.items()]
    there = select(_ITS.id).where(_ITS.asked_by == person.id, *same, *_undecided(now))
    if (await connection.execute(there.limit(1))).first() is None:
        row = {"id": uuid.uuid4(), "reason": reason, "asked_by": person.id, "asked_at": now}
        await connection.execute(openings.insert(), [row | dict(about)])
    what: dict[str, Any] = {"case": about.get("case_id"), "detail": about.get("export")}
    await auditing.note(
        connection, now, "opening_asked", person=person.id, reason=reason, address=address, **what
    )


async def _decide(
    engine: AsyncEngine, person: Person, id: uuid.UUID, now: datetime, address: str, *, allowed: bool
) -> None:
    if not person.trusted:
        raise Refused("only the few who were named open what is sealed")
    async with engine.begin() as connection:
        row = (await connection.execute(_listing(person).where(_ITS.id == id))).first()
        if row is None or not waits(row, now):
            raise Refused("there is no such asking that waits")
        if row.asked_by == person.id:
            raise Refused("nobody allows her own asking: that takes another one of the few")
        values = {"allowed": allowed, "decided_by": person.id, "decided_at": now}
        values |= {"until": now + OPEN_FOR} if allowed else {}
        decided = update(openings).where(_ITS.id == id, _ITS.allowed.is_(None)).values(values)
        if not (await connection.execute(decided)).rowcount:
            raise Refused("there is no such asking that waits")
        await auditing.note(
            connection, now, "opening_allowed" if allowed else "opening_refused", person=person.id,
            case=row.case_id, subject=f"opening/{id}", reason=row.reason, address=address, detail=row.export,
        )  # fmt: skip


def _may_know(person: Person) -> ColumnElement[bool]:
    return or_(_ITS.case_id.is_(None), person.scope.cases())


def _in_force(person: uuid.UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _ITS.asked_by == person, and_(_ITS.allowed, _ITS.until > now)


def _undecided(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _ITS.allowed.is_(None), _ITS.asked_at > now - WAITS
