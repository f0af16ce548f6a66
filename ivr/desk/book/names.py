"""What codes are called: agencies, counties, topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.alphabet import persian_order
from ivr.cases.roles import Role
from ivr.store.tables import agencies, areas, people, topics


@dataclass(frozen=True, slots=True)
class Called:
    """Code → name, each in the order of the names. `manned`: agencies with somebody in the panel.

    `office_manned`: so the governor's office, whose people are of no agency.
    """

    agency: Mapping[str, str]
    county: Mapping[str, str]
    topic: Mapping[str, str]
    manned: frozenset[str]
    office_manned: bool


async def called(engine: AsyncEngine) -> Called:
    """As it is now."""
    async with engine.connect() as connection:
        names: list[dict[str, str]] = []
        for table in (agencies, areas, topics):
            rows = (await connection.execute(select(table.c.code, table.c.name))).all()
            names.append(
                {row.code: row.name for row in sorted(rows, key=lambda row: persian_order(row.name))}
            )
        active = select(people.c.agency, people.c.role).where(people.c.locked_at.is_(None)).distinct()
        found = (await connection.execute(active)).all()
        manned = frozenset(person.agency for person in found if person.agency)
        office = any(person.role == Role.GOVERNOR for person in found)
        return Called(names[0], names[1], names[2], manned, office)
