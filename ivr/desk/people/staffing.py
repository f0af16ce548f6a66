"""People changed later: another role, agency or counties, or signed out everywhere, in one transaction each.

The last admin who can sign in stays one: nobody could let the others in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.people import account_news, auditing, two_admins
from ivr.desk.people import people as making
from ivr.desk.people.people import NewPerson
from ivr.desk.refusals import Refused
from ivr.store.named_lock import alone
from ivr.store.tables import people, sessions


class LastAdmin(Refused):
    """Nobody would be left to let people in."""


async def reassign(
    engine: AsyncEngine, wanted: NewPerson, now: datetime, *, seen: str = "", by: UUID | None = None,
    address: str = "",
) -> None:  # fmt: skip
    """Another full name, role, agency or counties of the one called `wanted.name`; their sessions end.

    `seen`: the version that was looked at, "" = any.

    Raises WrongField, LastAdmin, NeedsTwo, Outdated, Refused.
    """
    async with engine.begin() as connection:
        before = await making.one(connection, wanted.name)
        making.still(before, seen)
        if any(getattr(before, name) != wanted.row[name] for name in ("role", "agency", "areas", "trusted")):
            two_admins.may_grant(wanted.role, by, wanted.trusted)
        await reassign_within(connection, before, wanted, now, by, address)


async def reassign_some(
    engine: AsyncEngine, name: str, given: Mapping[str, Any], areas: tuple[str, ...], now: datetime
) -> None:
    """From the command line: what is not `given` stays, and with () the counties. Raises as `reassign`."""
    async with engine.connect() as connection:
        row = await making.one(connection, name)
    kept: dict[str, Any] = {"role": Role(row.role), "full_name": row.full_name}
    kept |= {"agency": row.agency or "", "email": row.email, "areas": areas or tuple(row.areas)}
    kept |= {"trusted": row.trusted}
    wanted = NewPerson(name, **(kept | dict(given)))
    await reassign(engine, wanted, now)


async def reassign_within(
    connection: AsyncConnection, before: Row[Any], wanted: NewPerson, now: datetime, by: UUID | None,
    address: str,
) -> None:  # fmt: skip
    """Whoever may. Raises WrongField, LastAdmin."""
    values = wanted.row
    await making.check(connection, wanted)
    if before.role == Role.ADMIN and wanted.role is not Role.ADMIN:
        await keep_an_admin(connection, wanted.name)
    await connection.execute(update(people).where(people.c.id == before.id).values(values))
    await connection.execute(delete(sessions).where(sessions.c.person_id == before.id))
    was = {name: getattr(before, name) for name in values}
    await auditing.note(connection, now, "person_changed", person=by, subject=f"person/{wanted.name}",
                        address=address, detail={"before": was, "after": values})  # fmt: skip
    await account_news.tell(connection, before, "person_changed", now, by)


async def sign_out_everywhere(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Raises Refused."""
    async with engine.begin() as connection:
        person = await making.one(connection, name)
        await connection.execute(delete(sessions).where(sessions.c.person_id == person.id))
        await auditing.note(
            connection, now, "signed_out_everywhere", person=by, subject=f"person/{name}", address=address
        )


async def lock(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """As `people.lock`, but never the last admin. Raises LastAdmin, Refused."""
    async with engine.begin() as connection:
        person = await making.one(connection, name)
        if person.role == Role.ADMIN:
            await keep_an_admin(connection, name)
        await making.change_within(connection, person, "person_locked", now, by, address, {"locked_at": now})


async def keep_an_admin(connection: AsyncConnection, besides: str) -> None:
    """Raises LastAdmin. One transaction at a time asks."""
    await alone(connection, "admins")
    others = (people.c.role == str(Role.ADMIN), people.c.name != besides, people.c.locked_at.is_(None))
    if not (await connection.execute(select(func.count()).where(*others))).scalar_one():
        raise LastAdmin(f"{besides} is the last admin: make another one first")
