"""Signing in and out: the password, the session, and what each tells the audit."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk import auditing, passwords
from ivr.desk.people import Person
from ivr.desk.refusals import Refused
from ivr.store.tables import agencies, people, sessions

TOKEN_BYTES = 32
LONGEST_BROWSER = 200
SEEN_EVERY = timedelta(minutes=1)  # so that not every page costs a write


class NotSignedIn(Refused):
    """The name and the password don't belong together, or may not be used now."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a session lives: unused, and at most."""

    idle: timedelta = timedelta(hours=2)
    whole: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class From:
    """Where a request came from."""

    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    person: Person
    needs: str = ""  # "totp": the second factor is still to come


async def sign_in(
    engine: AsyncEngine, name: str, password: str, now: datetime, came: From, keeping: Keeping
) -> str:
    """The token of a new session. Raises NotSignedIn, which never tells what was wrong."""
    name = name.strip().casefold()
    async with engine.connect() as connection:
        row = (await connection.execute(select(people).where(people.c.name == name))).first()
    fits = await passwords.fits(
        password[: passwords.LONGEST], row.password_hash if row else passwords.nobody()
    )
    async with engine.begin() as connection:
        if row is None or not fits or row.locked_at:
            await auditing.note(connection, now, "sign_in_refused", person=row.id if row else None,
                                subject=f"person/{name[:40]}", address=came.address)  # fmt: skip
            token = ""
        else:
            token = await begin(connection, row.id, now, came, keeping)
            await connection.execute(update(people).where(people.c.id == row.id).values(signed_in_at=now))
            await auditing.note(connection, now, "signed_in", person=row.id, address=came.address)
    if not token:
        raise NotSignedIn("the name and the password don't belong together")
    return token


async def begin(
    connection: AsyncConnection, person: UUID, now: datetime, came: From, keeping: Keeping, needs: str = ""
) -> str:
    """A new session; its token, which is kept nowhere else."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {"token_hash": hashed(token), "id": uuid.uuid4(), "person_id": person, "needs": needs}
    row |= {"made_at": now, "seen_at": now, "ends_at": now + keeping.whole, "address": came.address}
    await connection.execute(sessions.insert(), [row | {"browser": came.browser[:LONGEST_BROWSER]}])
    return token


async def session(engine: AsyncEngine, token: str, now: datetime, keeping: Keeping) -> Session | None:
    """Whose token this is; None when it is nobody's, or was not used for too long."""
    its = sessions.c
    query = select(
        people, agencies.c.name.label("agency_name"), its.id.label("session"), its.needs, its.seen_at
    )
    query = query.join(sessions, its.person_id == people.c.id).outerjoin(agencies)
    query = query.where(its.token_hash == hashed(token), its.ends_at > now, its.seen_at > now - keeping.idle)
    async with engine.connect() as connection:
        row = (await connection.execute(query.where(people.c.locked_at.is_(None)))).first()
        if row is None:
            return None
        if now - row.seen_at > SEEN_EVERY:
            await connection.execute(update(sessions).where(its.id == row.session).values(seen_at=now))
            await connection.commit()
    return Session(row.session, Person.of(row), row.needs)


async def sign_out(engine: AsyncEngine, session: Session, now: datetime, came: From) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(sessions).where(sessions.c.id == session.id))
        await auditing.note(connection, now, "signed_out", person=session.person.id, address=came.address)


def hashed(token: str) -> bytes:
    """The token is random, so no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
