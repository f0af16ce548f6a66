"""Every second factor under the newest key, and those that no key opens."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.people.seed_keys import SeedKeys, SeedUnreadable
from ivr.store.tables import people


@dataclass(frozen=True, slots=True)
class KeptSeeds:
    """`sealed`: under the newest key. `others`: in clear, or under one before. `lost`: whose no key opens."""

    sealed: int
    others: int
    lost: tuple[str, ...] = ()


async def look(engine: AsyncEngine, keys: SeedKeys) -> KeptSeeds:
    """How they are kept now."""
    query = select(people.c.id, people.c.name, people.c.totp_secret).where(people.c.totp_secret != "")
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(people.c.name))).all()
    current = {row.id for row in rows if keys and keys.is_current(row.totp_secret)}
    lost = []
    for row in rows:
        try:
            keys.open(row.totp_secret, row.id)
        except SeedUnreadable:
            lost.append(row.name)
    return KeptSeeds(len(current), len(rows) - len(current), tuple(lost))


async def reseal(engine: AsyncEngine, keys: SeedKeys) -> int:
    """Seal those that are in clear or under an older key, one transaction each. How many."""
    query = select(people.c.id).where(people.c.totp_secret != "")
    async with engine.connect() as connection:
        ids = (await connection.execute(query)).scalars().all()
    done = 0
    for id in ids:
        async with engine.begin() as connection:
            its = select(people.c.totp_secret).where(people.c.id == id).with_for_update()
            kept = (await connection.execute(its)).scalar_one()
            if keys.is_current(kept):
                continue
            try:
                sealed = keys.seal(keys.open(kept, id), id)
            except SeedUnreadable:
                continue
            await connection.execute(update(people).where(people.c.id == id).values(totp_secret=sealed))
            done += 1
    return done
