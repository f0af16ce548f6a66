"""People changed later: another role, agency or counties, or signed out everywhere, in one transaction each.

The last admin who can sign in stays one: nobody could let the others in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.people import auditing
from ivr.desk.people import people as making
from ivr.desk.people.people import NewPerson
from ivr.desk.refusals import Refused
from ivr.store.tables import people, sessions


class LastAdmin(Refused):
    """Nobody would be left to let people in."""


async def reassign(
    engine: AsyncEngine, wanted: NewPerson, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Another full name, role, agency or counties of the one called `wanted.name`; their sessions end.

    Raises WrongField, LastAdmin, Refused.
    """
    values: dict[str, Any] = {"full_name": wanted.full_name.strip(), "role": str(wanted.role)}
    values |= {"agency": wanted.agency or None, "areas": list(wanted.areas), "trusted": wanted.trusted}
    async with engine.begin() as connection:
        before = await _one(connection, wanted.name)
        await making.check(connection, wanted)
        if before.role == Role.ADMIN and wanted.role is not Role.ADMIN:
            await keep_an_admin(connection, wanted.name)
        await connection.execute(update(people).where(people.c.id == before.id).values(values))
        await connection.execute(delete(sessions).where(sessions.c.person_id == before.id))
        was = {name: getattr(before, name) for name in values}
        await auditing.note(connection, now, "person_changed", person=by, subject=f"person/{wanted.name}",
                            address=address, detail={"before": was, "after": values})  # fmt: skip


async def sign_out_everywhere(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """Raises Refused."""
    async with engine.begin() as connection:
        person = await _one(connection, name)
        await connection.execute(delete(sessions).where(sessions.c.person_id == person.id))
        await auditing.note(
            connection, now, "signed_out_everywhere", person=by, subject=f"person/{name}", address=address
        )


async def lock(
    engine: AsyncEngine, name: str, now: datetime, *, by: UUID | None = None, address: str = ""
) -> None:
    """As `people.lock`, but never the last admin. Raises LastAdmin, Refused."""
    async with engine.begin() as connection:
        person = await _one(connection, name)
        if person.role == Role.ADMIN:
            await keep_an_admin(connection, name)
    await making.lock(engine, name, now, by=by, address=address)


async def keep_an_admin(connection: AsyncConnection, besides: str) -> None:
    """Raises LastAdmin. One transaction at a time asks."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('admins'))"))
    others = (people.c.role == str(Role.ADMIN), people.c.name != besides, people.c.locked_at.is_(None))
    if not (await connection.execute(select(func.count()).where(*others))).scalar_one():
        raise LastAdmin(f"{besides} is the last admin: make another one first")


async def _one(connection: AsyncConnection, name: str) -> Any:
    row = (await connection.execute(select(people).where(people.c.name == name).with_for_update())).first()
    if row is None:
        raise Refused(f"there is nobody called {name[:40]}")
    return row
