"""What no admin may do alone: make somebody, or become somebody, who sees more than an admin does.

Who has the machine (`ivr user`) is not asked: `by` is None there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.roles import GUARDED
from ivr.desk.refusals import Refused
from ivr.store.tables import audit

# Both together make an admin into whomever they like: one admin does one of them within a day.
ALONE_ONE_OF = frozenset({"password_set", "totp_reset"})
ALONE_WITHIN = timedelta(days=1)


class SecondAdmin(Refused):
    """It takes another admin, or who has the machine (`ivr user`)."""


class NeedsTwo(SecondAdmin):
    """It is asked of another admin first: `ivr.desk.people.granting`."""

    def __init__(self) -> None:
        super().__init__("another admin must allow it")


def may_grant(role: str, by: UUID | None, trusted: bool = False) -> None:
    """`trusted`: they are one of the few who open what is sealed. Raises NeedsTwo."""
    if by and (role in GUARDED or trusted):
        raise NeedsTwo


async def may_reset(
    connection: AsyncConnection, row: Row[Any], action: str, now: datetime, by: UUID | None
) -> None:
    """`row`: of `people`, as it is. Raises NeedsTwo, SecondAdmin."""
    if not by or action not in ALONE_ONE_OF:
        return
    await not_both(connection, row.name, action, now, by)
    # Whoever does this would be left as the only one who can sign in as them.
    left_alone = row.totp_since is None if action == "password_set" else row.must_change
    if (row.role in GUARDED or row.trusted) and left_alone:
        raise NeedsTwo


async def not_both(connection: AsyncConnection, name: str, action: str, now: datetime, by: UUID) -> None:
    """Whoever did the one of the two to them, alone or by allowing it, does not do the other.

    Raises SecondAdmin.
    """
    if action not in ALONE_ONE_OF:
        return
    its = audit.c
    other = its.action.in_(ALONE_ONE_OF - {action})
    query = select(its.id).where(its.subject == f"person/{name}", other, its.person_id == by)
    if (await connection.execute(query.where(its.at > now - ALONE_WITHIN).limit(1))).first():
        raise SecondAdmin("who took the one away may not give the other within a day")
