"""What codes are called: agencies, counties, topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.alphabet import persian_order
from ivr.store.tables import agencies, areas, people, topics


@dataclass(frozen=True, slots=True)
class Called:
    """Code → name, each in the order of the names. `manned`: agencies with somebody in the panel."""

    agency: Mapping[str, str]
    county: Mapping[str, str]
    topic: Mapping[str, str]
    manned: frozenset[str]


async def called(engine: AsyncEngine) -> Called:
    """As it is now."""
    async with engine.connect() as connection:
        names: list[dict[str, str]] = []
        for table in (agencies, areas, topics):
            rows = (await connection.execute(select(table.c.code, table.c.name))).all()
            names.append(
                {row.code: row.name for row in sorted(rows, key=lambda row: persian_order(row.name))}
            )
        active = select(people.c.agency).where(people.c.agency.is_not(None), people.c.locked_at.is_(None))
        manned = (await connection.execute(active.distinct())).scalars()
        return Called(names[0], names[1], names[2], frozenset(manned))
