"""People of the panel: who they are, what they are made and unmade by, and how far they see."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import RESERVED
from ivr.cases.roles import MAY_BE_TRUSTED, OF_AN_AGENCY, OF_THE_DESK, Role
from ivr.cases.transitions import Actor, Side
from ivr.desk.people import account_news, auditing, limiting, passwords, two_admins
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store import row_version
from ivr.store.tables import agencies, areas, people, sessions

Json = dict[str, Any]
NAME = re.compile(r"[a-z][a-z0-9_.-]{1,29}")
LONGEST_NAME = 80
WITHOUT_FACTOR: Json = {"totp_secret": "", "totp_since": None, "totp_step": 0, "recovery": []}
EMAIL = re.compile(r"[^@\s<>]{1,64}@[^@\s<>]{1,190}")


class Outdated(Refused):
    """Somebody else has changed this person since they were looked at."""


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
    untold: bool = False  # somebody did something to this account that they have not seen

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
            untold=row.untold_since is not None,
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
        whose = {"of_desk": self.role in OF_THE_DESK, "of_office": self.role is Role.GOVERNOR}
        return Scope(agency, self.areas, self.id, **whose)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be made. `agency` only for officers and heads, and they must have one.

    `email`: where they are told what others do to their account; "" = nowhere.
    """

    name: str
    full_name: str
    role: Role
    agency: str = ""
    areas: tuple[str, ...] = ()
    must_change: bool = True
    trusted: bool = False
    email: str = ""

    @property
    def row(self) -> Json:
        """What of it stands in `people` and may be changed later."""
        own = {"full_name": self.full_name.strip(), "role": str(self.role), "email": self.email.strip()}
        return own | {"agency": self.agency or None, "areas": list(self.areas), "trusted": self.trusted}


async def add(
    engine: AsyncEngine, wanted: NewPerson, password: str, now: datetime, *, by: UUID | None = None,
    address: str = "", only_first: bool = False,
) -> UUID | None:  # fmt: skip
    """Make someone; their id. With `only_first` None when there is somebody already.

    Raises WrongField, NeedsTwo.
    """
    passwords.check(password, wanted.name, wanted.full_name)
    two_admins.may_grant(wanted.role, by, wanted.trusted)
    hash_ = await passwords.hashed(password)
    async with engine.begin() as connection:
        if only_first and (await connection.execute(select(people.c.id).limit(1))).first():
            return None
        return await add_within(connection, wanted, hash_, now, by, address)


async def add_within(
    connection: AsyncConnection, wanted: NewPerson, hash_: str, now: datetime, by: UUID | None, address: str
) -> UUID:
    """Whoever may. Raises WrongField."""
    await check(connection, wanted)
    row = wanted.row | {"id": uuid.uuid4(), "name": wanted.name, "made_at": now, "password_at": now}
    row |= {"password_hash": hash_, "must_change": wanted.must_change}
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
    if wanted.email and not EMAIL.fullmatch(wanted.email.strip()):
        raise WrongField("email", "is no address")
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


async def check_free(connection: AsyncConnection, name: str) -> None:
    """Raises WrongField."""
    if (await connection.execute(select(people.c.id).where(people.c.name == name))).first():
        raise WrongField("name", f"there is a {name} already")


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
            "email": row.email,
            "signed_in_at": row.signed_in_at and row.signed_in_at.isoformat(),
        }
        for row in rows
    ]


async def set_password(
    engine: AsyncEngine, name: str, password: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """A new password, to be changed at the next sign-in; signs them out everywhere. Raises Refused."""
    passwords.check(password, name)
    values = new_password(await passwords.hashed(password), now)
    await _change(engine, name, "password_set", now, by, address, **values)


def new_password(hash_: str, now: datetime) -> Json:
    """What of `people` a password given by somebody else changes."""
    return {"password_hash": hash_, "password_at": now, "must_change": True}


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
    await _change(engine, name, "totp_reset", now, by, address, **WITHOUT_FACTOR)


async def _change(
    engine: AsyncEngine, name: str, action: str, now: datetime, by: UUID | None, address: str, **values: Any
) -> None:
    async with engine.begin() as connection:
        row = await one(connection, name)
        await two_admins.may_reset(connection, row, action, now, by)
        await change_within(connection, row, action, now, by, address, values)


async def one(connection: AsyncConnection, name: str) -> Row[Any]:
    """Theirs of `people`, held until the end of the transaction. Raises Refused.

    Rows that only name them go on: two admins who do something to each other would wait for each other.
    """
    query = select(people).where(people.c.name == name).with_for_update(key_share=True)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refused(f"there is nobody called {name[:40]}")
    return row


def version(row: Mapping[Any, Any]) -> str:
    """Names what stands in `people` of what `NewPerson.row` changes."""
    own = ("full_name", "role", "email", "agency", "areas", "trusted")
    return row_version.version({name: row[name] for name in own})


def still(row: Row[Any], seen: str) -> None:
    """`seen`: their version as it was looked at; "" = any. Raises Outdated."""
    if seen and seen != version(row._mapping):
        raise Outdated(f"{row.name} was changed by somebody else")


async def change_within(
    connection: AsyncConnection, row: Row[Any], action: str, now: datetime, by: UUID | None, address: str,
    values: Json,
) -> None:  # fmt: skip
    """Whoever may. They are told; signed out everywhere, unless they were only let in again."""
    await connection.execute(update(people).where(people.c.id == row.id).values(values))
    for key in (name_key(row.name), factor_key(row.id)):
        await limiting.forgive(connection, key)
    if action != "person_unlocked":
        await connection.execute(delete(sessions).where(sessions.c.person_id == row.id))
    await auditing.note(connection, now, action, person=by, subject=f"person/{row.name}", address=address)
    await account_news.tell(connection, row, action, now, by)


def has_session(
    name: ColumnElement[str], now: datetime, since: ColumnElement[datetime]
) -> ColumnElement[bool]:
    """Whether who bears that name is signed in, and was so then: of whose account is locked, or whose role
    changes, every session ends; they may have signed in again.
    """
    its = select(sessions.c.id).join(people, people.c.id == sessions.c.person_id)
    living = (sessions.c.ends_at > now, sessions.c.made_at <= since, sessions.c.needs == "")
    return its.where(people.c.name == name, *living).exists()


def name_key(name: str) -> str:
    """What wrong passwords are counted under, whether anybody has the name or not.

    Not the name: what was typed for one may be a password, and back-ups keep these rows.
    """
    return f"name/{blake2b(name.encode(errors='replace'), digest_size=16).hexdigest()}"


def factor_key(person: UUID) -> str:
    """What wrong one-time codes are counted under."""
    return f"factor/{person}"
