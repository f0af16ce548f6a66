"""People of the panel: who they are, what they are made and unmade by, and how far they see."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import RESERVED
from ivr.cases.roles import MAY_BE_TRUSTED, OF_AN_AGENCY, OF_THE_DESK, Role
from ivr.cases.transitions import Actor, Side
from ivr.desk.people import auditing, limiting, passwords
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import agencies, areas, audit, people, sessions

Json = dict[str, Any]
NAME = re.compile(r"[a-z][a-z0-9_.-]{1,29}")
LONGEST_NAME = 80
# Both together make an admin into whomever they like: one admin does one of them within a day.
ALONE_ONE_OF = frozenset({"password_set", "totp_reset"})
ALONE_WITHIN = timedelta(days=1)


class SecondAdmin(Refused):
    """It takes another admin, or who has the machine (`ivr user`)."""


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str
    full_name: str
    role: Role
    agency: str = ""
    agency_name: str = ""
    areas: tuple[str, ...] = ()
    must_change: bool = False
    second_factor: bool = False
    trusted: bool = False

    @classmethod
    def of(cls, row: Row[Any]) -> Person:
        """`row`: of `people`, and the name of the agency."""
        return cls(
            id=row.id,
            name=row.name,
            full_name=row.full_name,
            role=Role(row.role),
            agency=row.agency or "",
            agency_name=row.agency_name or "",
            areas=tuple(row.areas),
            must_change=row.must_change,
            second_factor=row.totp_since is not None,
            trusted=row.trusted,
        )

    @property
    def actor(self) -> Actor:
        """As the story of a case names them."""
        if self.role in OF_AN_AGENCY:
            return Actor(f"{self.agency}/{self.name}", Side.AGENCY, self.agency)
        return Actor(self.name, Side.DESK)

    @property
    def scope(self) -> Scope:
        agency = self.agency if self.role in OF_AN_AGENCY else ""
        return Scope(agency, self.areas, self.id, of_desk=self.role in OF_THE_DESK)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be made. `agency` only for officers and heads, and they must have one."""

    name: str
    full_name: str
    role: Role
    agency: str = ""
    areas: tuple[str, ...] = ()
    must_change: bool = True
    trusted: bool = False


async def add(
    engine: AsyncEngine, wanted: NewPerson, password: str, now: datetime, *, by: UUID | None = None,
    address: str = "", only_first: bool = False,
) -> UUID | None:  # fmt: skip
    """Make someone; their id. With `only_first` None when there is somebody already. Raises WrongField."""
    passwords.check(password, wanted.name, wanted.full_name)
    hash_ = await passwords.hashed(password)
    async with engine.begin() as connection:
        if only_first and (await connection.execute(select(people.c.id).limit(1))).first():
            return None
        await check(connection, wanted)
        row = {"id": uuid.uuid4(), "name": wanted.name, "full_name": wanted.full_name.strip()}
        row |= {"role": str(wanted.role), "agency": wanted.agency or None, "areas": list(wanted.areas)}
        row |= {"password_hash": hash_, "must_change": wanted.must_change, "made_at": now, "password_at": now}
        row["trusted"] = wanted.trusted
        made = insert(people).values(row).on_conflict_do_nothing(index_elements=[people.c.name])
        if (await connection.execute(made.returning(people.c.id))).first() is None:
            raise WrongField("name", f"there is a {wanted.name} already")
        detail: Json = {"role": str(wanted.role), "agency": wanted.agency, "areas": list(wanted.areas)}
        detail |= {"trusted": True} if wanted.trusted else {}
        await auditing.note(connection, now, "person_added", person=by, subject=f"person/{wanted.name}",
                            address=address, detail=detail)  # fmt: skip
    return UUID(str(row["id"]))


async def check(connection: AsyncConnection, wanted: NewPerson) -> None:
    """Raises WrongField."""
    if not NAME.fullmatch(wanted.name):
        raise WrongField("name", "has 2 to 30 of a-z, 0-9, dot, - and _, a letter first")
    if not 1 <= len(wanted.full_name.strip()) <= LONGEST_NAME:
        raise WrongField("full_name", f"must have 1 to {LONGEST_NAME} characters")
    codes = set((await connection.execute(select(agencies.c.code))).scalars())
    if wanted.name in RESERVED | codes:
        raise WrongField("name", f"{wanted.name} is not a person's")
    if (wanted.role in OF_AN_AGENCY) != bool(wanted.agency):
        raise WrongField("agency", "officers and heads of an agency have one, nobody else")
    if wanted.agency and wanted.agency not in codes:
        raise WrongField("agency", f"there is no agency {wanted.agency[:40]}")
    if wanted.trusted and wanted.role not in MAY_BE_TRUSTED:
        raise WrongField("trusted", "supervisors, the governor's office and auditors can be of the few")
    await _check_areas(connection, wanted.areas)


async def _check_areas(connection: AsyncConnection, wanted: Collection[str]) -> None:
    known = set((await connection.execute(select(areas.c.code))).scalars())
    for code in wanted:
        if code not in known:
            raise WrongField("areas", f"there is no county {code[:40]}")


async def listed(engine: AsyncEngine) -> list[Json]:
    """Everybody, by name; no secrets."""
    async with engine.connect() as connection:
        rows = (await connection.execute(select(people).order_by(people.c.name))).all()
    return [
        {
            "name": row.name,
            "full_name": row.full_name,
            "role": row.role,
            "agency": row.agency,
            "areas": row.areas,
            "trusted": row.trusted,
            "locked": row.locked_at is not None,
            "second_factor": row.totp_since is not None,
            "signed_in_at": row.signed_in_at and row.signed_in_at.isoformat(),
        }
        for row in rows
    ]


async def set_password(
    engine: AsyncEngine, name: str, password: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """A new password, to be changed at the next sign-in; signs them out everywhere. Raises Refused."""
    passwords.check(password, name)
    hash_ = await passwords.hashed(password)
    values = {"password_hash": hash_, "password_at": now, "must_change": True}
    await _change(engine, name, "password_set", now, by, address, **values)


async def lock(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Signs them out everywhere; nobody signs in by this name until `unlock`. Raises Refused."""
    await _change(engine, name, "person_locked", now, by, address, locked_at=now)


async def unlock(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Also ends the wait after wrong passwords. Raises Refused."""
    await _change(engine, name, "person_unlocked", now, by, address, locked_at=None)


async def reset_totp(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Without a second factor until they set one up anew; signs them out everywhere. Raises Refused."""
    values: Json = {"totp_secret": "", "totp_since": None, "totp_step": 0, "recovery": []}
    await _change(engine, name, "totp_reset", now, by, address, **values)


async def _change(
    engine: AsyncEngine, name: str, action: str, now: datetime, by: UUID | None, address: str, **values: Any
) -> None:
    async with engine.begin() as connection:
        changed = update(people).where(people.c.name == name).values(values).returning(people.c.id)
        row = (await connection.execute(changed)).first()
        if row is None:
            raise Refused(f"there is nobody called {name[:40]}")
        if by and action in ALONE_ONE_OF and await _did_the_other(connection, name, action, now, by):
            raise SecondAdmin("who took the one away may not give the other within a day")
        for key in (name_key(name), factor_key(row.id)):
            await limiting.forgive(connection, key)
        if action != "person_unlocked":
            await connection.execute(delete(sessions).where(sessions.c.person_id == row.id))
        await auditing.note(connection, now, action, person=by, subject=f"person/{name}", address=address)


async def _did_the_other(
    connection: AsyncConnection, name: str, action: str, now: datetime, by: UUID
) -> bool:
    its = audit.c
    other = its.action.in_(ALONE_ONE_OF - {action})
    query = select(its.id).where(its.subject == f"person/{name}", other, its.person_id == by)
    return (await connection.execute(query.where(its.at > now - ALONE_WITHIN).limit(1))).first() is not None


def name_key(name: str) -> str:
    """What wrong passwords are counted under, whether anybody has the name or not."""
    return f"name/{name.replace('/', ' ')}"  # what is typed as a name reaches no other key


def factor_key(person: UUID) -> str:
    """What wrong one-time codes are counted under."""
    return f"factor/{person}"
