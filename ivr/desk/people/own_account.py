"""What people do with their own account: password, second factor, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people import account_news, auditing, limiting, passwords, signing_in, totp
from ivr.desk.people.limiting import TooOften
from ivr.desk.people.people import WITHOUT_FACTOR, Person, factor_key, name_key, one
from ivr.desk.people.seed_keys import SeedKeys, SeedUnreadable
from ivr.desk.people.signing_in import OF_A_FACTOR, OF_A_NAME, From, Keeping, SignedIn
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import people, sessions


@dataclass(frozen=True, slots=True)
class Account:
    """`factor_needed`: by their role. `recovery`: how many codes are left. `sessions`: the newest first."""

    signed_in_at: datetime | None
    password_at: datetime
    factor_since: datetime | None
    factor_needed: bool
    recovery: int
    sessions: Sequence[Any]
    done_to: Sequence[Any]  # what others did to their signing in lately: at, action, by


async def account(engine: AsyncEngine, person: UUID, now: datetime, keeping: Keeping) -> Account:
    its = sessions.c
    living = select(its.id, its.made_at, its.seen_at, its.address, its.browser).where(
        its.person_id == person, its.needs == "", its.ends_at > now, its.seen_at > now - keeping.idle
    )
    async with engine.connect() as connection:
        mine = select(people, signing_in.needs_factor(keeping).label("needed")).where(people.c.id == person)
        row = (await connection.execute(mine)).one()
        found = (await connection.execute(living.order_by(its.made_at.desc()).limit(50))).all()
        done = (await connection.execute(account_news.done_to(row.name, person, now))).all()
    factor = (row.totp_since, row.needed, len(row.recovery))
    return Account(row.signed_in_at, row.password_at, *factor, found, done)


async def change_password(
    engine: AsyncEngine, session: SignedIn, old: str, new: str, now: datetime, came: From, keeping: Keeping
) -> str:
    """The token of a new session; their others end. Raises WrongField (old, password), TooOften."""
    person = session.person
    await prove(engine, person, old, now)
    passwords.check(new, person.name, person.full_name)
    if passwords.folded(new) == passwords.folded(old):
        raise WrongField("password", "must not be the old one")
    values = {"password_hash": await passwords.hashed(new), "password_at": now, "must_change": False}
    async with engine.begin() as connection:
        await _still_signed_in(connection, session)
        await connection.execute(update(people).where(people.c.id == person.id).values(values))
        await connection.execute(delete(sessions).where(sessions.c.person_id == person.id))
        await auditing.note(connection, now, "password_changed", person=person.id, address=came.address)
        return await signing_in.begin(connection, person.id, now, came, keeping, proved=True)


async def prove_again(
    engine: AsyncEngine, session: SignedIn, given: str, now: datetime, keys: SeedKeys
) -> None:
    """`given`: the password, or a code of the second factor; in this session it holds for a while.

    Raises WrongField (old), TooOften.
    """
    person = session.person
    if person.second_factor and len(given) == totp.DIGITS and given.isdigit():
        async with engine.begin() as connection:
            until = await limiting.count(connection, factor_key(person.id), OF_A_FACTOR, now)
        if until:
            raise TooOften(until)
        async with engine.begin() as connection:
            if not await signing_in.spend(connection, person.id, given, now, keys):
                raise WrongField("old", "is not the code")
            await limiting.forgive(connection, factor_key(person.id))
    else:
        await prove(engine, person, given, now)
    async with engine.begin() as connection:
        mine = update(sessions).where(sessions.c.id == session.id)
        await connection.execute(mine.values(proved_at=now))


async def prove(engine: AsyncEngine, person: Person, password: str, now: datetime) -> None:
    """It is really them, not somebody at their desk. Raises WrongField, TooOften."""
    async with engine.begin() as connection:
        until = await limiting.count(connection, _own_key(person), OF_A_NAME, now)
        row = (await connection.execute(select(people).where(people.c.id == person.id))).one()
    if until:
        raise TooOften(until)
    if not await passwords.fits(password[: passwords.LONGEST], row.password_hash):
        raise WrongField("old", "is not the password")
    async with engine.begin() as connection:
        await limiting.forgive(connection, _own_key(person))


async def _still_signed_in(connection: AsyncConnection, session: SignedIn) -> Row[Any]:
    """Their row, which nobody else changes from here on. Raises WrongField where the session is over.

    Whoever resets their password or factor, or locks them, has that row first and then ends their sessions.
    """
    row = await one(connection, session.person.name)
    mine = select(sessions.c.id).where(sessions.c.id == session.id)
    if (await connection.execute(mine)).first() is None:
        raise WrongField("old", "was given in a session that is over")
    return row


def _own_key(person: Person) -> str:
    """Of those who are signed in: what strangers try of the name is not counted here."""
    return f"{name_key(person.name)}/signed-in"


async def propose_factor(engine: AsyncEngine, person: UUID, keys: SeedKeys) -> str:
    """A secret for an authenticator, the same until it is confirmed. Raises Refused when one is in use."""
    async with engine.begin() as connection:
        row = (await connection.execute(select(people).where(people.c.id == person).with_for_update())).one()
        if row.totp_since is not None:
            raise Refused("a second factor is in use already")
        try:
            secret, kept = keys.open(row.totp_secret, person), row.totp_secret
        except SeedUnreadable:  # the key is another one now, and nobody used this yet
            secret = ""
        if not secret:
            secret = totp.new_secret()
            kept = keys.seal(secret, person)
        await connection.execute(update(people).where(people.c.id == person).values(totp_secret=kept))
    return secret


async def confirm_factor(
    engine: AsyncEngine, session: SignedIn, code: str, now: datetime, came: From, keys: SeedKeys
) -> list[str]:
    """In use from now on; the recovery codes, told once. Other sessions end.

    Raises WrongField, TooOften, Refused.
    """
    person = session.person.id
    async with engine.begin() as connection:
        until = await limiting.count(connection, factor_key(person), OF_A_FACTOR, now)
    if until:
        raise TooOften(until)
    async with engine.begin() as connection:
        row = await _still_signed_in(connection, session)
        if row.totp_since is not None or not row.totp_secret:
            raise Refused("there is no second factor to confirm")
        secret = keys.open(row.totp_secret, person)
        step = totp.step_of(secret, "".join(code.split()), now, row.totp_step)
        if step is None:
            raise WrongField("code", "doesn't fit")
        await limiting.forgive(connection, factor_key(person))
        kept = keys.seal(secret, person)
        return await _in_use(connection, session, kept, step, now, came, "factor_set_up")


async def replace_factor(
    engine: AsyncEngine, session: SignedIn, password: str, secret: str, code: str, now: datetime, came: From,
    keys: SeedKeys,
) -> list[str]:  # fmt: skip
    """Another telephone in place of the one in use, which is good until then; the recovery codes, told once.

    `secret` was on their screen only: nothing waits to be confirmed. Raises WrongField (old, code), TooOften.
    """
    await prove(engine, session.person, password, now)
    step = totp.step_of(secret, "".join(code.split()), now, 0) if totp.is_secret(secret) else None
    if step is None:
        raise WrongField("code", "doesn't fit")
    async with engine.begin() as connection:
        await _still_signed_in(connection, session)
        kept = keys.seal(secret, session.person.id)
        return await _in_use(connection, session, kept, step, now, came, "factor_replaced")


async def _in_use(
    connection: AsyncConnection,
    session: SignedIn,
    kept: str,
    step: int,
    now: datetime,
    came: From,
    deed: str,
) -> list[str]:
    person, codes = session.person.id, totp.recovery_codes()
    values = {"totp_secret": kept, "totp_since": now, "totp_step": step}
    values["recovery"] = [totp.recovery_hash(each) for each in codes]
    await connection.execute(update(people).where(people.c.id == person).values(values))
    await _end_others(connection, session)
    await auditing.note(connection, now, deed, person=person, address=came.address)
    return codes


async def drop_factor(
    engine: AsyncEngine, session: SignedIn, password: str, now: datetime, came: From, keeping: Keeping
) -> None:
    """The password alone from now on. Raises WrongField (old), TooOften; Refused where the role needs it."""
    await prove(engine, session.person, password, now)
    person = session.person.id
    async with engine.begin() as connection:
        await _still_signed_in(connection, session)
        mine = update(people).where(people.c.id == person, ~signing_in.needs_factor(keeping))
        dropped = mine.values(WITHOUT_FACTOR).returning(people.c.id)
        if (await connection.execute(dropped)).first() is None:
            raise Refused("their role needs a second factor")
        await _end_others(connection, session)
        await auditing.note(connection, now, "factor_dropped", person=person, address=came.address)


async def end_session(engine: AsyncEngine, person: UUID, id: UUID, now: datetime, came: From) -> None:
    """One of one's own. Raises Refused when it is not."""
    its = sessions.c
    async with engine.begin() as connection:
        ended = delete(sessions).where(its.id == id, its.person_id == person).returning(its.id)
        if (await connection.execute(ended)).first() is None:
            raise Refused("there is no such session")
        await auditing.note(connection, now, "session_ended", person=person, address=came.address)


async def end_others(engine: AsyncEngine, session: SignedIn, now: datetime, came: From) -> None:
    """Signed out everywhere but here."""
    async with engine.begin() as connection:
        await _end_others(connection, session)
        await auditing.note(connection, now, "sessions_ended", person=session.person.id, address=came.address)


async def _end_others(connection: AsyncConnection, session: SignedIn) -> None:
    its = sessions.c
    others = delete(sessions).where(its.person_id == session.person.id, its.id != session.id)
    await connection.execute(others)
