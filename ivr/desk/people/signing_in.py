"""Signing in and out: the password, the second factor, the session, and what each tells the audit."""

from __future__ import annotations

import hashlib
import logging
import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people import auditing, known_browsers, limiting, passwords, puzzles, totp
from ivr.desk.people.limiting import Limit, TooOften
from ivr.desk.people.people import Person, factor_key, name_key, one
from ivr.desk.people.puzzles import Puzzle, PuzzleFirst
from ivr.desk.people.seed_keys import SeedKeys, SeedUnreadable
from ivr.desk.refusals import Refused
from ivr.store.tables import agencies, factor_roles, people, sessions

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
LONGEST_BROWSER = 200
SEEN_EVERY = timedelta(minutes=1)  # so that not every page costs a write

# Whole offices share one address; who signs in is not counted against it. A name bears less from one address,
# and what all strangers together may try of it does not touch a browser that signed in with it before.
OF_AN_ADDRESS = Limit(60, timedelta(minutes=10))
OF_A_NAME = Limit(8, timedelta(minutes=15))
OF_A_NAME_IN_ALL = Limit(40, timedelta(minutes=15))
# How many times the first price a puzzle costs at most, for one source's tries, and for all of a name:
MOST_OF_ONE, MOST_OF_ALL = 32, 8
OF_A_FACTOR = Limit(8, timedelta(minutes=15))
FACTOR_WITHIN = timedelta(minutes=10)  # after the password


class NotSignedIn(Refused):
    """What was given doesn't fit, or may not be used now.

    `puzzle`: what the next try costs who paid for this one.
    """

    def __init__(self, said: str, puzzle: Puzzle | None = None) -> None:
        super().__init__(said)
        self.puzzle = puzzle


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a session lives, unused and at most; how long a password given in it proves who is there.

    `factors`: the roles that need a second factor where no admin chose otherwise. `keys`: of its seeds.
    """

    idle: timedelta = timedelta(hours=2)
    whole: timedelta = timedelta(hours=12)
    proof: timedelta = timedelta(minutes=10)
    factors: frozenset[str] = frozenset()
    keys: SeedKeys = field(default_factory=SeedKeys)


@dataclass(frozen=True, slots=True)
class From:
    """Where a request came from."""

    address: str = ""
    browser: str = ""
    marks: str = ""  # of names that signed in there before (known_browsers)

    @property
    def source(self) -> str:
        return limiting.source_of(self.address)


@dataclass(frozen=True, slots=True)
class Begun:
    """`token` of a new session; `marks` for the browser to be known by."""

    token: str
    marks: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    id: UUID
    person: Person
    needs: str = ""  # "totp": the second factor is still to come; "factor": it must be set up first
    proved_at: datetime | None = None


async def sign_in(
    engine: AsyncEngine,
    name: str,
    password: str,
    now: datetime,
    came: From,
    keeping: Keeping,
    solved: str = "",
) -> Begun:
    """A new session, which may still need the second factor. `solved`: the puzzle, after PuzzleFirst.

    Raises NotSignedIn, which never tells what was wrong, and PuzzleFirst, for names that nobody has too.
    """
    name = name.strip().casefold()[:40]
    async with engine.begin() as connection:
        row = (await connection.execute(select(people).where(people.c.name == name))).first()
        mark = known_browsers.mark_of(came.marks, name, row.password_hash) if row else ""
        limits = _limits(name, came, mark)
        refused = await _dear(connection, limits, solved, now, came)
    if refused:
        raise refused
    known = row.password_hash if row else passwords.nobody()
    fits = await passwords.fits(password[: passwords.LONGEST], known)
    async with engine.begin() as connection:
        fits = fits and (row is None or await _is_as_it_was(connection, row))
        if row is not None and fits and not row.locked_at:
            return await _welcome(connection, row, now, came, keeping, mark)
        await auditing.note(
            connection,
            now,
            "sign_in_refused",
            person=row.id if row else None,
            subject=f"person/{name}" if row else "",  # what is typed there by mistake may be the password
            address=came.address,
            detail={"why": "locked" if row and fits else "password" if row else "nobody"},
        )
        puzzle = await _puzzle(connection, limits, now, came) if solved else None
    raise NotSignedIn("the name and the password don't belong together", puzzle)


async def _is_as_it_was(connection: AsyncConnection, row: Row[Any]) -> bool:
    """False where their password or factor was reset, or they were locked, while the password was hashed."""
    now = await one(connection, row.name)
    given = (row.password_hash, row.totp_since, row.locked_at)
    return (now.password_hash, now.totp_since, now.locked_at) == given


async def _dear(
    connection: AsyncConnection, limits: list[tuple[str, Limit]], solved: str, now: datetime, came: From
) -> PuzzleFirst | None:
    """None: it may be tried, and is counted. What is refused counts nowhere, and so makes it no dearer."""
    until = [await limiting.count(connection, *each, now) for each in limits]
    if not any(until):
        return None
    if await puzzles.fits(connection, _form(came), solved, await _price(connection, limits, now), now):
        return None
    for key, _ in limits:
        await limiting.give_back(connection, key)
    return PuzzleFirst(max(filter(None, until)), await _puzzle(connection, limits, now, came))


async def _puzzle(
    connection: AsyncConnection, limits: list[tuple[str, Limit]], now: datetime, came: From
) -> Puzzle:
    return await puzzles.ask(connection, _form(came), await _price(connection, limits, now), now)


async def _price(connection: AsyncConnection, limits: list[tuple[str, Limit]], now: datetime) -> int:
    """Hashes for one more try."""
    most = {limit: MOST_OF_ALL if limit is OF_A_NAME_IN_ALL else MOST_OF_ONE for _, limit in limits}
    tried = [(await limiting.tried(connection, *each, now), each[1]) for each in limits]
    return max(puzzles.price(many, limit, most[limit]) for many, limit in tried)


def _form(came: From) -> str:
    return f"sign-in/{came.source}"


def _limits(name: str, came: From, mark: str) -> list[tuple[str, Limit]]:
    key = name_key(name)
    if mark:
        return [(f"{key}/known/{mark[:16]}", OF_A_NAME)]
    here = (f"{key}/from/{came.source}", OF_A_NAME)
    return [(f"address/{came.source}", OF_AN_ADDRESS), here, (key, OF_A_NAME_IN_ALL)]


async def _welcome(
    connection: AsyncConnection, row: Row[Any], now: datetime, came: From, keeping: Keeping, mark: str
) -> Begun:
    limits = _limits(row.name, came, mark)
    for key, limit in limits:
        if limit is OF_A_NAME:
            await limiting.forgive(connection, key)
        else:  # what others tried meanwhile stays
            await limiting.give_back(connection, key)
    marks = known_browsers.remembering(came.marks, row.name, row.password_hash)
    if row.totp_since is not None:
        waiting = replace(keeping, whole=FACTOR_WITHIN)
        return Begun(await begin(connection, row.id, now, came, waiting, "totp"), marks)
    await _signed_in(connection, row.id, now, came)
    return Begun(await begin(connection, row.id, now, came, keeping, proved=True), marks)


async def second_factor(
    engine: AsyncEngine, session: SignedIn, code: str, now: datetime, came: From, keeping: Keeping
) -> str:
    """The token of a whole session in place of the one that waited. `code`: of the telephone or for recovery.

    Raises NotSignedIn, TooOften.
    """
    person = session.person.id
    async with engine.begin() as connection:
        if until := await limiting.count(connection, factor_key(person), OF_A_FACTOR, now):
            await connection.execute(delete(sessions).where(sessions.c.id == session.id))
    if until:
        raise TooOften(until)
    async with engine.begin() as connection:
        spent = await spend(connection, person, code, now, keeping.keys)
        waited = delete(sessions).where(sessions.c.id == session.id).returning(sessions.c.id)
        if spent and (await connection.execute(waited)).first() is not None:
            await limiting.forgive(connection, factor_key(person))
            await _signed_in(connection, person, now, came, {"factor": spent})
            return await begin(connection, person, now, came, keeping, proved=True)
        await auditing.note(connection, now, "factor_refused", person=person, address=came.address)
    raise NotSignedIn("the code doesn't fit")


async def spend(connection: AsyncConnection, person: UUID, code: str, now: datetime, keys: SeedKeys) -> str:
    """Use a code up: "totp" or "recovery"; "" when it is wrong or was used before."""
    row = (await connection.execute(select(people).where(people.c.id == person).with_for_update())).one()
    code = "".join(code.split()).casefold()
    mine = update(people).where(people.c.id == person)
    try:
        seed = keys.open(row.totp_secret, person)
    except SeedUnreadable as error:  # the key is lost: recovery codes are good, and an admin helps
        log.error("%s: %s", row.name, error)
        seed = ""
    if seed and (step := totp.step_of(seed, code, now, row.totp_step)) is not None:
        kept = row.totp_secret if keys.is_current(row.totp_secret) else keys.seal(seed, person)
        await connection.execute(mine.values(totp_step=step, totp_secret=kept))
        return "totp"
    if (given := totp.recovery_hash(code)) in row.recovery:
        await connection.execute(mine.values(recovery=[each for each in row.recovery if each != given]))
        return "recovery"
    return ""


async def _signed_in(
    connection: AsyncConnection, person: UUID, now: datetime, came: From, detail: dict[str, str] | None = None
) -> None:
    await connection.execute(update(people).where(people.c.id == person).values(signed_in_at=now))
    await auditing.note(connection, now, "signed_in", person=person, address=came.address, detail=detail)


async def begin(
    connection: AsyncConnection, person: UUID, now: datetime, came: From, keeping: Keeping, needs: str = "",
    *, proved: bool = False,
) -> str:  # fmt: skip
    """A new session; its token, which is kept nowhere else. `proved`: just now. Those long over go."""
    await connection.execute(delete(sessions).where(sessions.c.ends_at < now))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {"token_hash": hashed(token), "id": uuid.uuid4(), "person_id": person, "needs": needs}
    row |= {"made_at": now, "seen_at": now, "ends_at": now + keeping.whole, "address": came.address}
    row["proved_at"] = now if proved else None
    await connection.execute(sessions.insert(), [row | {"browser": came.browser[:LONGEST_BROWSER]}])
    return token


async def lives(engine: AsyncEngine, session: UUID, now: datetime, keeping: Keeping) -> bool:
    """Whether a session is still good. Asking is no use of it."""
    its = sessions.c
    query = select(its.id).where(its.id == session, its.ends_at > now, its.seen_at > now - keeping.idle)
    query = query.join(people, its.person_id == people.c.id).where(~_lacks_factor(keeping))
    async with engine.connect() as connection:
        return (await connection.execute(query)).first() is not None


async def session(
    engine: AsyncEngine, token: str, now: datetime, keeping: Keeping, *, uses: bool = True
) -> SignedIn | None:
    """Whose token this is; None when it is nobody's, or was not used for too long.

    `uses`: asking is a use of it; not where an open page asks by itself.
    """
    its = sessions.c
    query = select(
        people, agencies.c.name.label("agency_name"), its.id.label("session"), its.needs, its.seen_at,
        its.proved_at, _lacks_factor(keeping).label("lacks_factor"),
    )  # fmt: skip
    query = query.join(sessions, its.person_id == people.c.id).outerjoin(agencies)
    query = query.where(its.token_hash == hashed(token), its.ends_at > now, its.seen_at > now - keeping.idle)
    async with engine.connect() as connection:
        row = (await connection.execute(query.where(people.c.locked_at.is_(None)))).first()
        if row is None:
            return None
        if uses and now - row.seen_at > SEEN_EVERY:
            await connection.execute(update(sessions).where(its.id == row.session).values(seen_at=now))
            await connection.commit()
    needs = row.needs or ("factor" if row.lacks_factor else "")
    return SignedIn(row.session, Person.of(row), needs, row.proved_at)


def needs_factor(keeping: Keeping) -> ColumnElement[bool]:
    """Whether people's role needs a second factor: as an admin chose, else by the settings."""
    its = factor_roles.c
    chosen = select(its.needed).where(its.role == people.c.role).scalar_subquery()
    return func.coalesce(chosen, people.c.role.in_(sorted(keeping.factors)))


def _lacks_factor(keeping: Keeping) -> ColumnElement[bool]:
    """Whether they have not set up the one that their role needs."""
    return people.c.totp_since.is_(None) & needs_factor(keeping)


async def sign_out(engine: AsyncEngine, session: SignedIn, now: datetime, came: From) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(sessions).where(sessions.c.id == session.id))
        await auditing.note(connection, now, "signed_out", person=session.person.id, address=came.address)


def hashed(token: str) -> bytes:
    """The token is random, so no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
