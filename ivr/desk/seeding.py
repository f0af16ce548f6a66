"""Bring a province's seed folder into the database, again and again; and read the directory from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.escalation import as_json
from ivr.desk.book import CHANNEL, BookEmpty
from ivr.desk.seeds import Seeds, directory_from, groups, load_seeds
from ivr.store.calendar_revisions import raise_revision
from ivr.store.tables import agencies, areas, calendar_days, provinces, routing_rules, topics
from ivr.voice.directory import County, Directory, Topic

__all__ = ["directory", "directory_from", "seed"]

SEED = "seed"


async def seed(engine: AsyncEngine, folder: Path) -> None:
    """Insert or update everything in one transaction, then tell all workers. Raises SeedError.

    What the files no longer name stays (cases point to it); only seeded routing rules are replaced whole.
    When days or ladders changed, all open cases are timed anew by `ivr.desk.retiming`.
    """
    seeds = load_seeds(folder)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('seed'))"))
        before = await _timing(connection)
        await connection.execute(delete(provinces).where(provinces.c.code != seeds.name))
        for table, rows in _rows(seeds):
            await _upsert(connection, table, rows)
        await _replace_rules(connection, seeds)
        if await _timing(connection) != before:
            await raise_revision(connection, "")
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


async def directory(engine: AsyncEngine) -> Directory:
    """The province as the call flow sees it, from the database. Raises BookEmpty before the first seeding."""
    async with engine.connect() as connection:
        province = (await connection.execute(select(provinces))).first()
        if province is None:
            raise BookEmpty("the database has no province yet: run `ivr db upgrade`")
        leaves = await connection.execute(select(topics.c.code, topics.c.key).order_by(topics.c.key))
        counties = await connection.execute(select(areas.c.code, areas.c.key).order_by(areas.c.key))
        bodies = await connection.execute(select(agencies.c.code).order_by(agencies.c.code))
        return Directory(
            groups=groups(province.menu),
            topics=tuple(Topic(row.code, row.key) for row in leaves),
            counties=tuple(County(row.code, row.key) for row in counties),
            agencies=tuple(bodies.scalars()),
            other_topic=province.other_topic,
        )


def _rows(seeds: Seeds) -> list[tuple[Table, list[dict[str, Any]]]]:
    province = {
        "code": seeds.name,
        "area_code": seeds.areas.area_code,
        "subscriber_digits": seeds.areas.subscriber_digits,
        "desk": seeds.agencies.fallback,
        "other_topic": seeds.topics.other,
        "menu": seeds.topics.menu,
        "kinds": dict(seeds.kinds.kinds),
        "escalation": as_json(seeds.ladders),
    }
    counties = [
        county.model_dump(include={"code", "key", "name", "capital", "towns", "aliases"})
        for county in seeds.areas.counties
    ]
    bodies = [
        {
            **agency.model_dump(include={"code", "name", "level", "county", "parent"}),
            "assignable": agency.scope == "inside",
            "note": agency.note or "",
        }
        for agency in seeds.agencies.agencies
    ]
    leaves = [
        {**leaf.model_dump(include={"code", "name", "key", "deadline_days", "keywords"}), "parent": top.code}
        for top, leaf in seeds.leaves()
    ]
    days = [
        {"day": day.day, "county": day.county, "is_working": day.working, "note": day.note}
        for day in seeds.calendar.days
    ]
    return [
        (provinces, [province]),
        (areas, counties),
        (agencies, bodies),
        (topics, leaves),
        (calendar_days, days),
    ]


async def _timing(connection: AsyncConnection) -> list[Any]:
    """What bears on the times of open cases."""
    days = await connection.execute(select(calendar_days).order_by("day", "county"))
    ladders = await connection.execute(select(provinces.c.escalation))
    return [[tuple(day)[:3] for day in days], ladders.scalars().all()]


async def _upsert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


async def _replace_rules(connection: AsyncConnection, seeds: Seeds) -> None:
    await connection.execute(delete(routing_rules).where(routing_rules.c.source == SEED))
    rows = [
        {"topic": r.topic, "scope": r.scope, "county": r.county, "agency": r.agency, "source": SEED}
        for r in seeds.rules()
    ]
    await connection.execute(insert(routing_rules).on_conflict_do_nothing(), rows)
