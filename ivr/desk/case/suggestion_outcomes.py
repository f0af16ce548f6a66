"""What became of suggestions: proposed, chosen in the end, by whom; and what that says about them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.tables import cases, provinces, suggestions, topics

if TYPE_CHECKING:
    from ivr.cases.suggest import Suggestion  # brings numpy

Json = dict[str, Any]
WORDS, TRANSCRIPT = "words", "transcript"  # where the words came from
ALONE = "ivr"  # who chose where the suggestion was sure enough to act


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a case was put."""

    topic: str
    agency: str
    by: str

    @classmethod
    def of(cls, case: Mapping[str, Any], by: str) -> Placement:
        return cls(case["topic"], case["agency"], by)


async def retired(connection: AsyncConnection) -> frozenset[str]:
    """Topics of which no case is opened any more: none is proposed."""
    query = select(topics.c.code).where(topics.c.retired_at.is_not(None))
    return frozenset((await connection.execute(query)).scalars())


async def keep(
    connection: AsyncConnection,
    case: uuid.UUID,
    found: Suggestion,
    source: str,
    now: datetime,
    chosen: Placement | None = None,
) -> None:
    """Within the transaction that asked for it. `chosen`: what a person has decided already.

    Without it, words that are clear enough have put the case where it is; a transcript never does.
    """
    acted = chosen is None and found.assigned and source == WORDS
    if acted:
        chosen = Placement(found.topic, found.agency, ALONE)
    row: Json = {
        "id": uuid.uuid4(),
        "case_id": case,
        "source": source,
        "suggested_at": now,
        "top": as_json(found),
        "assigned": acted,
    }
    await connection.execute(suggestions.insert().values(row | _chosen(chosen, now)))


async def chosen(connection: AsyncConnection, case: uuid.UUID, choice: Placement, now: datetime) -> None:
    """A person has put the case elsewhere; what was chosen last is what counts."""
    change = update(suggestions).where(suggestions.c.case_id == case)
    await connection.execute(change.values(_chosen(choice, now)))


def as_json(found: Suggestion) -> list[Json]:
    """Confidences to four places. `part`: there are several matters, and one of them is this body's."""
    parts = {part.agency for part in found.parts}
    return [
        {"agency": g.agency, "topic": g.topic, "confidence": round(g.confidence, 4)}
        | ({"part": True} if g.agency in parts else {})
        for g in found.top
    ]


async def summary(engine: AsyncEngine, since: datetime | None = None) -> Json:
    """How often it was right, of those that a person or the machine has decided.

    `suggestions` counts all, `decided` those of which something was chosen (the desk is no choice); `top1`,
    `top3`: the chosen agency was the first, or among the first three; `assigned`: it acted alone, of which
    `assigned_wrong` were moved to another agency later.
    """
    async with engine.connect() as connection:
        row = (await connection.execute(_summary(since))).one()
    found = dict(row._mapping)
    decided, alone = found["decided"], found["assigned"]
    found["top1_share"] = round(found["top1"] / decided, 4) if decided else None
    found["top3_share"] = round(found["top3"] / decided, 4) if decided else None
    found["assigned_error"] = round(found["assigned_wrong"] / alone, 4) if alone else None
    return found


async def listed(engine: AsyncEngine, limit: int = 50, since: datetime | None = None) -> list[Json]:
    """The latest suggestions with their fates, newest first; none of before `since`."""
    query = select(suggestions, cases.c.code).join(cases, cases.c.id == suggestions.c.case_id)
    if since is not None:
        query = query.where(suggestions.c.suggested_at >= since)
    query = query.order_by(suggestions.c.suggested_at.desc(), suggestions.c.id.desc()).limit(limit)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    names = ("source", "top", "assigned", "chosen_topic", "chosen_agency", "chosen_by")
    return [
        {"case": row.code, "suggested_at": row.suggested_at.isoformat()}
        | {name: getattr(row, name) for name in names}
        | {"chosen_at": row.chosen_at and row.chosen_at.isoformat()}
        for row in rows
    ]


def _chosen(choice: Placement | None, now: datetime) -> Json:
    if choice is None:
        return {}
    return {
        "chosen_topic": choice.topic,
        "chosen_agency": choice.agency,
        "chosen_by": choice.by,
        "chosen_at": now,
    }


def _summary(since: datetime | None) -> Select[Any]:
    table = suggestions.c
    desk = select(provinces.c.desk).limit(1).scalar_subquery()
    decided = table.chosen_agency.is_not(None) & (table.chosen_agency != desk)
    first = table.top[0]["agency"].astext == table.chosen_agency
    among = table.top.contains(func.jsonb_build_array(func.jsonb_build_object("agency", table.chosen_agency)))
    count = func.count()
    counts: dict[str, Any] = {
        "suggestions": count,
        "decided": count.filter(decided),
        "top1": count.filter(decided & first),
        "top3": count.filter(decided & among),
        "assigned": count.filter(table.assigned),
        "assigned_wrong": count.filter(table.assigned & decided & ~first),
    }
    query: Select[Any] = select(*(counted.label(name) for name, counted in counts.items()))
    return query if since is None else query.where(table.suggested_at >= since)
