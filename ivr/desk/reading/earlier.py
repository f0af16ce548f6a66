"""Her earlier cases, while the service desk registers another one; and which is about the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.search import sought
from ivr.cases.statuses import OPEN, Status
from ivr.desk.people.people import Person
from ivr.desk.reading import number_searches, related

ALIKE = 0.5  # of the words of the shorter, so many are in the other
LEAST_ALIKE = 3  # words


@dataclass(frozen=True, slots=True)
class EarlierCase:
    """`same`: open, and likely about what is being registered."""

    case: Row[Any]
    same: bool


async def of_number(
    engine: AsyncEngine, person: Person, number: str, area_code: str, now: datetime, address: str, knows: bool
) -> Sequence[Row[Any]]:
    """Cases of a whole number, counted and on record as a search by number is; none of the beginning of one.

    `knows`: whether that person may see numbers. Raises TooOften.
    """
    its = sought(number, area_code)
    if not its.whole:
        return []
    new = await number_searches.count(engine, person, its.caller, knows, now)
    async with engine.connect() as connection:
        rows = await related.of_number(connection, person.scope, its.caller)
    if new:
        await number_searches.note(engine, person, its, [row.code for row in rows], now, address)
    return rows


def compared(rows: Sequence[Row[Any]], topics: Collection[str], words: str) -> list[EarlierCase]:
    """`topics`: what the new one may be about, as chosen or proposed."""
    ours = related.stems(words)
    return [EarlierCase(row, Status(row.status) in OPEN and _is_same(row, topics, ours)) for row in rows]


def _is_same(row: Row[Any], topics: Collection[str], ours: frozenset[str]) -> bool:
    theirs = related.stems(row.words)
    shared = len(ours & theirs)
    return row.topic in topics or (shared >= LEAST_ALIKE and shared >= ALIKE * min(len(ours), len(theirs)))
