"""Rulings on jurisdiction: kept, obeyed by routing, listed, revoked; and who returns how much."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import CHANNEL
from ivr.desk.case.change import Change
from ivr.desk.case.event_log import add_event
from ivr.desk.refusals import Refused
from ivr.store.named_lock import alone
from ivr.store.tables import cases, precedents, referrals

Json = dict[str, Any]
REPLACED, OF_A_PART = "replaced", "of a part"  # as such a ruling binds its own case on


async def keep(change: Change) -> uuid.UUID:
    """Within the transaction of a ruling: its precedent, in place of an earlier one for the same matter.

    One on a part, as every order is, is in force for no other case: it says whose that piece is.
    """
    connection, ask = change.connection, change.ask
    topic, county = _matter(change)
    await alone(connection, "precedents")
    end: Json = {"ended_at": ask.now, "ended_by": ask.actor.name}
    row: Json = {"id": uuid.uuid4(), "topic": topic, "county": county, "agency": change.agency}
    row |= {"case_id": change.case.id, "ruled_by": ask.actor.name, "reason": ask.reason.strip()}
    row |= {"ruled_at": ask.now}
    if change.case.part_of is not None:
        row |= end | {"ended_reason": OF_A_PART}
    else:
        same = (precedents.c.topic == topic, precedents.c.county == county, precedents.c.ended_at.is_(None))
        await connection.execute(update(precedents).where(*same).values(end | {"ended_reason": REPLACED}))
    await connection.execute(precedents.insert(), [row])
    await _tell_workers(connection)
    return uuid.UUID(str(row["id"]))


async def binds(change: Change) -> bool:
    """Whether the last ruling on this very case gave it to the agency that has it, and was not revoked."""
    return await binds_to(change.connection, change.case.id, change.agency, _matter(change))


async def binds_to(
    connection: AsyncConnection, case: uuid.UUID, agency: str, matter: tuple[str, str]
) -> bool:
    """`matter`: its governing topic and its county."""
    query = select(precedents).where(precedents.c.case_id == case)
    query = query.order_by(precedents.c.ruled_at.desc(), precedents.c.ended_at.desc().nulls_first())
    last = (await connection.execute(query.limit(1))).first()
    if last is None or last.agency != agency or (last.topic, last.county) != matter:
        return False
    return last.ended_at is None or last.ended_reason in (REPLACED, OF_A_PART)


async def revoke(
    engine: AsyncEngine, precedent: str, actor: Actor, reason: str, now: datetime | None = None
) -> None:
    """From now on routing goes by its rules again. Raises Refused."""
    if actor.side is not Side.DESK:
        raise Refused(f"a precedent can't be revoked by the {actor.side}, only by the desk")
    if not reason.strip():
        raise Refused("a precedent can't be revoked without a reason")
    end: Json = {"ended_at": now or datetime.now(UTC), "ended_by": actor.name, "ended_reason": reason.strip()}
    this = (precedents.c.id == _id(precedent), precedents.c.ended_at.is_(None))
    its = select(precedents.c.case_id).where(*this).scalar_subquery()
    async with engine.begin() as connection:
        lock = select(cases.c.id).where(cases.c.id == its).with_for_update(key_share=True)
        await connection.execute(lock)
        await alone(connection, "precedents")  # after its case, as who rules does
        revoking = update(precedents).where(*this).values(end).returning(precedents.c.case_id)
        case = (await connection.execute(revoking)).scalar()
        if case is None:
            raise Refused(f"no precedent {precedent} is in force")
        details = {"precedent": precedent, "reason": reason.strip()}
        await add_event(
            connection, uuid.uuid4(), case, end["ended_at"], "ruling_revoked", details, actor=actor.name
        )
        await _tell_workers(connection)


async def listed(engine: AsyncEngine, past: bool = False) -> list[Json]:
    """The precedents in force, newest first; with `past` those that ended as well."""
    query = select(precedents, cases.c.code).join(cases, cases.c.id == precedents.c.case_id)
    if not past:
        query = query.where(precedents.c.ended_at.is_(None))
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(precedents.c.ruled_at.desc()))).all()
    return [_json(row) for row in rows]


async def bounces(engine: AsyncEngine) -> list[Json]:
    """The bounce ledger: of each agency's referrals, how many it returned or sent onward."""
    returned, onward = (
        func.count().filter(referrals.c.ended_reason == ended).label(ended)
        for ended in ("returned", "onward")
    )
    query = select(referrals.c.agency, func.count().label("referrals"), returned, onward)
    query = query.group_by(referrals.c.agency).order_by(returned.desc(), onward.desc(), referrals.c.agency)
    async with engine.connect() as connection:
        return [dict(row._mapping) for row in await connection.execute(query)]


def _matter(change: Change) -> tuple[str, str]:
    return change.page.rules.governing_topic(change.case.kind, change.topic), change.county


def _json(row: Any) -> Json:
    names = ("topic", "county", "agency", "ruled_by", "reason", "ended_by", "ended_reason")
    return {
        "id": str(row.id),
        "case": row.code,
        **{name: getattr(row, name) for name in names},
        "ruled_at": row.ruled_at.isoformat(),
        "ended_at": row.ended_at and row.ended_at.isoformat(),
    }


def _id(precedent: str) -> uuid.UUID:
    try:
        return uuid.UUID(precedent)
    except ValueError:
        raise Refused(f"{precedent} is no precedent's id") from None


async def _tell_workers(connection: AsyncConnection) -> None:
    await connection.execute(select(func.pg_notify(CHANNEL, "")))
