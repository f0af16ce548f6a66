"""One admin asks, another allows: what neither may do alone (`ivr.desk.people.two_admins`)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.people import auditing, passwords, people, staffing, two_admins
from ivr.desk.people.people import NewPerson
from ivr.desk.refusals import Refused
from ivr.store import tables
from ivr.store.tables import grant_requests

WAITS_FOR = timedelta(days=7)
_ADMINS = select(tables.people.c.id).where(
    tables.people.c.role == str(Role.ADMIN), tables.people.c.locked_at.is_(None)
)
DEEDS = {"add": "", "change": "person_changed", "password": "password_set", "totp": "totp_reset"}


class NobodyElse(Refused):
    """There is no other admin who could allow it: who has the machine does it, with `ivr user`."""


class AskedAlready(Refused):
    """It waits for an answer already."""


class NotYours(Refused):
    """Who asked does not allow it."""


@dataclass(frozen=True, slots=True)
class GrantRequest:
    id: UUID
    deed: str
    wanted: NewPerson
    asked_by: UUID
    asked_by_name: str
    asked_at: datetime


async def ask(
    engine: AsyncEngine, deed: str, wanted: NewPerson, now: datetime, *, by: UUID, seen: str = "",
    address: str = "",
) -> None:  # fmt: skip
    """`deed`: of DEEDS; `seen` as for `staffing.reassign`.

    Raises NobodyElse, AskedAlready, Outdated, WrongField, Refused.
    """
    async with engine.begin() as connection:
        if not await _others(connection, by):
            raise NobodyElse("there is no other admin to allow it")
        if deed in ("add", "change"):
            await people.check(connection, wanted)
        if deed == "add":
            await people.check_free(connection, wanted.name)
        else:
            person = await people.one(connection, wanted.name)
            people.still(person, seen)
            seen = people.version(person._mapping)
        its = grant_requests.c
        stale = or_(its.asked_at < now - WAITS_FOR, its.asked_by.not_in(_ADMINS))
        await connection.execute(delete(grant_requests).where(its.decided_at.is_(None), stale))
        row: dict[str, Any] = {"id": uuid.uuid4(), "deed": deed, "name": wanted.name}
        row |= {"wanted": wanted.row | {"seen": seen}, "asked_by": by, "asked_at": now}
        asked = insert(grant_requests).values(row).on_conflict_do_nothing().returning(its.id)
        if (await connection.execute(asked)).first() is None:
            raise AskedAlready("it was asked already")
        await _note(connection, now, "grant_asked", deed, wanted.name, by, address, wanted.row)


async def _others(connection: AsyncConnection, by: UUID) -> int:
    others = select(func.count()).where(tables.people.c.id.in_(_ADMINS), tables.people.c.id != by)
    return (await connection.execute(others)).scalar_one()


async def waiting(engine: AsyncEngine, now: datetime) -> list[GrantRequest]:
    """What has no answer yet, of who is still an admin; the longest waiting first."""
    its = grant_requests.c
    query = select(grant_requests, tables.people.c.full_name.label("asker"))
    query = query.join(tables.people, tables.people.c.id == its.asked_by)
    query = query.where(*_open(now)).order_by(its.asked_at)
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return [GrantRequest(r.id, r.deed, _wanted(r), r.asked_by, r.asker, r.asked_at) for r in rows]


def _wanted(row: Row[Any]) -> NewPerson:
    its = row.wanted
    return NewPerson(
        row.name, its["full_name"], Role(its["role"]), its["agency"] or "", tuple(its["areas"]),
        email=its["email"], trusted=its["trusted"],
    )  # fmt: skip


async def allow(
    engine: AsyncEngine, request: UUID, now: datetime, *, by: UUID, address: str = ""
) -> tuple[str, str]:
    """It is done. The name, and the password to be handed on, "" where there is none.

    Raises NotYours, SecondAdmin, WrongField, LastAdmin, Outdated, Refused when it waits no longer.
    """
    password = passwords.by_chance()
    hash_ = await passwords.hashed(password)
    async with engine.begin() as connection:
        row = await _decide(connection, request, now, by, allowed=True)
        if row.asked_by == by:
            raise NotYours("another admin than the one who asked must allow it")
        # Held before it is asked: the other half, pressed at the same moment, is done by then.
        person = None if row.deed == "add" else await people.one(connection, row.name)
        await two_admins.not_both(connection, row.name, DEEDS[row.deed], now, by)
        wanted = _wanted(row)
        await _note(connection, now, "grant_allowed", row.deed, row.name, by, address)
        if person is None:
            await people.add_within(connection, wanted, hash_, now, by, address)
            return row.name, password
        people.still(person, row.wanted.get("seen", ""))
        if row.deed == "change":
            await staffing.reassign_within(connection, person, wanted, now, by, address)
            return row.name, ""
        given = row.deed == "password"
        values = people.new_password(hash_, now) if given else people.WITHOUT_FACTOR
        await people.change_within(connection, person, DEEDS[row.deed], now, by, address, values)
    return row.name, password if given else ""


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What waits: nothing that was asked by who was locked since, or is no admin any more."""
    its = grant_requests.c
    return its.decided_at.is_(None), its.asked_at > now - WAITS_FOR, its.asked_by.in_(_ADMINS)


async def refuse(engine: AsyncEngine, request: UUID, now: datetime, *, by: UUID, address: str = "") -> None:
    """It is not done; who asked may take it back so. Raises Refused when it waits no longer."""
    async with engine.begin() as connection:
        row = await _decide(connection, request, now, by, allowed=False)
        await _note(connection, now, "grant_refused", row.deed, row.name, by, address)


async def _decide(
    connection: AsyncConnection, request: UUID, now: datetime, by: UUID, *, allowed: bool
) -> Row[Any]:
    decided = update(grant_requests).where(grant_requests.c.id == request, *_open(now))
    decided = decided.values(decided_by=by, decided_at=now, allowed=allowed)
    row: Row[Any] | None = (await connection.execute(decided.returning(grant_requests))).first()
    if row is None:
        raise Refused("it waits for no answer any more")
    return row


async def _note(
    connection: AsyncConnection, now: datetime, action: str, deed: str, name: str, by: UUID, address: str,
    wanted: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    detail = {"deed": deed} | ({"wanted": wanted} if wanted else {})
    await auditing.note(
        connection, now, action, person=by, subject=f"person/{name}", address=address, detail=detail
    )
