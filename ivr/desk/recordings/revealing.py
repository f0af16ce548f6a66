"""Who a caller is, is masked; revealing it takes a reason. Who saw and heard what of a case can be asked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import NOBODYS
from ivr.cases.zone import TIMEZONE
from ivr.desk.case import confiding
from ivr.desk.case.rows import TOPIC
from ivr.desk.people import auditing, limiting, unsealing
from ivr.desk.people.limiting import Limit, TooOften
from ivr.desk.people.people import Person
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.audit import TELLING
from ivr.store.tables import audit, case_events, cases, people, recordings, referrals, topics

SITTING = timedelta(minutes=15)  # seeing or hearing a thing again within it is the same seeing
REVEALED = timedelta(hours=8)  # a working day: so long a revealed voice stays
DAY = timedelta(days=1)
MOST_A_DAY = 30  # cases whose identities one person may reveal
LIMIT_REACHED = "reveal_limit_reached"  # in the audit
_ONCE = Limit(1, DAY)
SHORTEST = 4  # characters of a reason; at most as many as for an opening


class Hidden(StrEnum):
    """What is masked. The values are the columns of a case that hold it; the voice is in its recordings."""

    CALLER = "caller"
    CALLBACK = "callback"
    NATIONAL_ID = "national_id"
    VOICE = "voice"


async def reveal(
    engine: AsyncEngine,
    person: Person,
    code: str,
    what: Hidden,
    reason: str,
    now: datetime,
    address: str,
    most: int = MOST_A_DAY,
) -> str:
    """What is hidden; "" for the voice, which is heard.

    Raises NoSuchCase, WrongField for no reason, Refused for a confidential case that is not opened to them,
    and TooOften for more than `most` cases in a day, which is on record too.
    """
    reason = unsealing.checked(reason, SHORTEST)
    await count(engine, person, code, most, now, address)
    async with engine.begin() as connection:
        query = select(cases).where(cases.c.code == code, person.scope.cases())
        case = (await connection.execute(query)).first()
        if case is None:
            raise NoSuchCase(f"there is no case {code}")
        if case.confidential and not await unsealing.opened(connection, person.id, case.id, now):
            raise Refused(f"case {code} is confidential: another one of the few must allow it first")
        action = f"{what}_revealed"
        await auditing.note(
            connection, now, action, person=person.id, case=case.id, reason=reason, address=address
        )
        return "" if what is Hidden.VOICE else str(getattr(case, what))


async def reveal_at_terminal(engine: AsyncEngine, code: str, reason: str, now: datetime, who: str) -> None:
    """Whoever has the command line may read a caller's numbers, and it is noted as on the panel, by `who`.

    Raises NoSuchCase, and WrongField for no reason.
    """
    reason = unsealing.checked(reason, SHORTEST)
    async with engine.begin() as connection:
        case = (await connection.execute(select(cases).where(cases.c.code == code))).first()
        if case is None:
            raise NoSuchCase(f"there is no case {code}")
        if case.confidential:
            raise Refused(f"case {code} is confidential: who she is, two of the few open on the panel")
        for what in (Hidden.CALLER, Hidden.CALLBACK):
            if getattr(case, what):
                action, detail = f"{what}_revealed", {"terminal": who}
                await auditing.note(connection, now, action, case=case.id, reason=reason, detail=detail)


async def count(
    engine: AsyncEngine, person: Person, code: str, most: int, now: datetime, address: str
) -> None:
    """One more case of hers today, however much of it, heard here or taken away.

    Raises TooOften; the first time it is an alert.
    """
    try:
        async with engine.begin() as connection:
            if await limiting.count(connection, f"reveal/{person.id}/{code}", _ONCE, now):
                return
            if until := await limiting.count(connection, f"reveals/{person.id}", Limit(most, DAY), now):
                raise TooOften(until)
    except TooOften:
        async with engine.begin() as connection:
            if not await limiting.count(connection, f"reveals-refused/{person.id}", _ONCE, now):
                await auditing.note(
                    connection, now, LIMIT_REACHED, person=person.id, address=address, detail={"most": most}
                )
        raise


async def may_hear(
    engine: AsyncEngine, person: Person, case: UUID | None, now: datetime, *, confidential: bool
) -> bool:
    """Whether they revealed the voices of this case lately, and a confidential one is still open to them."""
    action = f"{Hidden.VOICE}_revealed"
    async with engine.connect() as connection:
        if confidential and not (case and await unsealing.opened(connection, person.id, case, now)):
            return False
        return await seen_lately(connection, person.id, action, now, within=REVEALED, case=case)


async def saw(engine: AsyncEngine, person: Person, case: UUID, now: datetime, address: str) -> None:
    """They have the case's page before them."""
    async with engine.begin() as connection:
        if not await seen_lately(connection, person.id, "case_seen", now, case=case):
            await auditing.note(connection, now, "case_seen", person=person.id, case=case, address=address)


async def seen_lately(
    connection: AsyncConnection,
    person: UUID,
    action: str,
    now: datetime,
    *,
    case: UUID | None,
    recording: str | None = None,
    within: timedelta = SITTING,
) -> bool:
    """Whether the audit has that of them already. Without a case, by person: index and all."""
    query = select(audit.c.id).where(audit.c.person_id == person, audit.c.action == action)
    query = query.where(audit.c.case_id == case if case else audit.c.case_id.is_(None))
    if recording is not None:
        query = query.where(audit.c.recording == recording)
    query = query.where(audit.c.at > now - within).order_by(audit.c.id.desc()).limit(1)
    return (await connection.execute(query)).first() is not None


async def seen_by(
    engine: AsyncEngine, case: UUID, limit: int = 100, before: int = 0, zone: str = TIMEZONE
) -> list[dict[str, Any]]:
    """Who saw, heard, revealed or took away what of a case; the latest first. No name: the command line.

    Files with who the callers are, in which it may be, are among it: which cases were in one nobody keeps.
    `before`: the `id` of the last row seen. `zone`: by whose days such a file was asked for.
    """
    async with engine.connect() as connection:
        its = (await connection.execute(select(cases).where(cases.c.id == case))).one()
        had = select(referrals.c.agency).where(referrals.c.case_id == case)
        bodies = {its.agency, *(await connection.execute(had)).scalars()}
        rows = await connection.execute(seeing(its, bodies, zone, before).limit(limit))
        return [dict(row._mapping) for row in rows]


def seeing(case: Row[Any], bodies: Collection[str], zone: str, before: int = 0) -> Select[Any]:
    """`bodies`: those that have or had it."""
    who = (people.c.name, people.c.full_name, people.c.role, people.c.agency)
    what = (audit.c.id, audit.c.at, audit.c.action, audit.c.reason, recordings.c.recorded_at)
    query = select(*what, *who).join(people, people.c.id == audit.c.person_id, isouter=True)
    query = query.join(recordings, recordings.c.name == audit.c.recording, isouter=True)
    query = query.where(or_(audit.c.case_id == case.id, _taken_along(case, bodies, zone)))
    return query.where(*([audit.c.id < before] if before else [])).order_by(audit.c.id.desc())


def _taken_along(case: Row[Any], bodies: Collection[str], zone: str) -> ColumnElement[bool]:
    """The rows of the files that it may be in, by its topic, county and kind of now (`exporting.Export`).

    Whose file named no body took their own body's, by where they are now.
    """
    its, asked, county = audit.c, audit.c.detail, case.county or ""
    day = case.opened_at.astimezone(ZoneInfo(zone)).date().isoformat()
    agency = func.coalesce(asked["agency"].astext, people.c.agency, "")
    in_sight = or_(func.jsonb_array_length(people.c.areas) == 0, people.c.areas.has_key(county))
    named = {"topic": case.topic, "kind": case.kind, "county": county}
    return and_(
        its.subject == "export/cases",
        its.action == "identities_exported",
        its.at >= case.opened_at,
        asked["since"].astext <= day,
        asked["until"].astext > day,
        agency.in_(["", *sorted(bodies)]),
        *(func.coalesce(asked[name].astext, code) == code for name, code in named.items()),
        in_sight if county else true(),
        false() if case.channel in NOBODYS else true(),
        its.at < _sealed_at(case) if case.confidential else true(),
    )


def _sealed_at(case: Row[Any]) -> Any:
    """When it was made confidential; null where it was opened so, and no file names her."""
    its = case_events.c
    of = select(func.min(its.at)).where(its.event == confiding.EVENT)
    if case.confidential == TOPIC and case.merged_into is None:  # a duplicate is sealed with its whole
        secret = select(topics.c.code).where(topics.c.confidential)
        moved = (its.details["topic"].astext.in_(secret), its.details["before"][0].astext.not_in(secret))
        of = select(func.min(its.at)).where(its.event == "topic_changed", *moved)
    return of.where(its.case_id == case.id).scalar_subquery()


async def lately(
    engine: AsyncEngine, scope: Scope, since: datetime, limit: int, before: int = 0
) -> list[Any]:
    """Who revealed or took away what of whom and why since then, the newest first: what somebody should read.

    Rows of the audit with `full_name` (None: the command line), `agency` and the case's `code`; whom a limit
    stopped is among them. `before`: the `id` of the last row seen.
    """
    async with engine.connect() as connection:
        return list(await connection.execute(telling(scope, since, before).limit(limit)))


async def stopped(engine: AsyncEngine, scope: Scope, since: datetime) -> list[Any]:
    """The same, but of all since then only whom a limit stopped: once a day, however often they try."""
    async with engine.connect() as connection:
        return list(await connection.execute(telling(scope, since).where(audit.c.action == LIMIT_REACHED)))


def telling(scope: Scope, since: datetime, before: int = 0) -> Select[Any]:
    its, last = audit.c, audit.alias()
    query = select(audit, people.c.full_name, people.c.agency, cases.c.code)
    query = query.outerjoin(people, people.c.id == its.person_id)
    query = query.outerjoin(cases, cases.c.id == its.case_id)
    query = query.where(TELLING, its.at > since, or_(its.case_id.is_(None), scope.cases()))
    if before:
        at = select(last.c.at).where(last.c.id == before).scalar_subquery()
        query = query.where(tuple_(its.at, its.id) < tuple_(at, before))
    return query.order_by(its.at.desc(), its.id.desc())
