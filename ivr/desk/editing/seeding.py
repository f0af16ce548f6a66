"""Bring a province's seed folder into the database, again and again; and read the directory from there."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.escalation import as_json
from ivr.cases.kinds import Kind
from ivr.desk.book.book import CHANNEL, BookEmpty, Conventions, read_calendar
from ivr.desk.book.seeds import SeedError, Seeds, directory_from, groups, load_seeds
from ivr.desk.editing.checks import read_province, wrongs
from ivr.desk.editing.keeping import Kept, sift
from ivr.desk.editing.nouns import AGENCY, AREA, DAY, KIND, PEOPLE, RULE, TOPIC, Noun
from ivr.store.calendar_revisions import raise_revision
from ivr.store.named_lock import alone
from ivr.store.tables import agencies, areas, calendar_days, provinces, routing_rules, topics
from ivr.voice.directory import County, Directory, Topic

__all__ = ["directory", "directory_from", "seed"]

log = logging.getLogger(__name__)

SEED = "seed"
_MEND = (
    "nothing of the files was taken, and what runs goes on as it was: undo what people changed of it (in the "
    "panel, or `ivr book history` and `ivr book undo`); where nobody did, retire the code that the files "
    "gave up, for it stays; or give one of two another key; then again"
)


async def seed(engine: AsyncEngine, folder: Path) -> list[Kept]:
    """Insert or update everything in one transaction, then tell all workers.

    Raises SeedError, also when the database holds another province, or they clash with what stays.

    What the files no longer name stays (cases point to it); only seeded routing rules are replaced whole.
    What people changed (`ivr.desk.editing`) stays too: in what it differs from the files is the answer.
    When days or ladders changed, all open cases are timed anew by `ivr.desk.deadlines.retiming`.
    """
    seeds, kept = load_seeds(folder), list[Kept]()
    async with engine.begin() as connection:
        await alone(connection, "seed")
        before, clashed = await _timing(connection), await _clashes(connection)
        await _only_its_own(connection, seeds)
        for noun, table, rows in _rows(seeds):
            if noun is not None:
                rows, _, found = await sift(connection, noun, rows)
                kept += found
            await _upsert(connection, table, rows)
        kept += await _kinds(connection, seeds)
        kept += await _replace_rules(connection, seeds)
        _refuse_new(await _clashes(connection), clashed)
        if await _timing(connection) != before:
            await raise_revision(connection, "")
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
    return kept


async def _only_its_own(connection: AsyncConnection, seeds: Seeds) -> None:
    """Codes of bodies, topics and counties are alike in two provinces: a second would overwrite the first.

    The telephone's area code tells two provinces apart from one whose folder was renamed, which goes on.
    """
    its_own = (provinces.c.code == seeds.name) | (provinces.c.area_code == seeds.areas.area_code)
    there = (await connection.execute(select(provinces.c.code).where(~its_own))).scalar()
    if there is not None:
        needs = "needs a database and an IVR_STATE of its own"
        raise SeedError(f"this database holds the province {there}; {seeds.name} {needs}")
    renamed = update(provinces).where(provinces.c.code != seeds.name)
    await connection.execute(renamed.values(code=seeds.name))


async def _clashes(connection: AsyncConnection) -> set[str]:
    """What is well in the files alone, and not in the book: it keeps people's changes and codes given up.

    Only what books callers wrongly, or leaves no desk: menus and routing pass by the rest.
    """
    found = set[str]()
    if (await connection.execute(select(provinces.c.code))).first() is None:
        return found
    its = await read_province(connection, datetime.now(UTC), {})
    for noun, rows in ((AGENCY, its.agencies), (TOPIC, its.topics), (AREA, its.areas)):
        for code, row in rows.items():
            for wrong in wrongs(noun.name, None, row, its):
                if wrong.what == "taken":
                    one, other = sorted((code, wrong.params["by"]))
                    found.add(f"{noun.name} {one} and {noun.name} {other} are both behind key {row['key']}")
                elif wrong.what == "is_desk":
                    found.add(f"agency {code} is the desk (fallback in agencies.yaml): {wrong}")
    return found


def _refuse_new(clashes: set[str], before: set[str]) -> None:
    """Raises SeedError. What stood so before keeps nobody from an update."""
    for each in sorted(clashes & before):
        log.warning("as before, %s", each)
    if new := sorted(clashes - before):
        raise SeedError("\n".join([*new, _MEND]))


async def directory(engine: AsyncEngine, conventions: Conventions) -> Directory:
    """The province as the call flow sees it, from the database. Raises BookEmpty before the first seeding."""
    async with engine.connect() as connection:
        province = (await connection.execute(select(provinces))).first()
        if province is None:
            raise BookEmpty("the database has no province yet: run `ivr db upgrade`")
        live = topics.c.retired_at.is_(None) & (topics.c.key != "")
        leaves = await connection.execute(
            select(topics.c.code, topics.c.key).where(live).order_by(topics.c.key, topics.c.code)
        )
        here = areas.c.retired_at.is_(None)
        counties = await connection.execute(
            select(areas.c.code, areas.c.key).where(here).order_by(areas.c.key, areas.c.code)
        )
        bodies = await connection.execute(select(agencies.c.code).order_by(agencies.c.code))
        return Directory(
            groups=groups(province.menu),
            topics=tuple(Topic(row.code, row.key) for row in leaves),
            counties=tuple(County(row.code, row.key) for row in counties),
            agencies=tuple(bodies.scalars()),
            other_topic=province.other_topic,
            calendar=await read_calendar(connection, conventions),
            area_code=province.area_code,
            meeting_topic=province.kinds.get(Kind.MEETING, ""),
        )


def _rows(seeds: Seeds) -> list[tuple[Noun | None, Table, list[dict[str, Any]]]]:
    """The noun that people may change, its table, its rows. The kinds of cases follow by themselves."""
    province = {
        "code": seeds.name,
        "area_code": seeds.areas.area_code,
        "subscriber_digits": seeds.areas.subscriber_digits,
        "desk": seeds.agencies.fallback,
        "other_topic": seeds.topics.other,
        "menu": seeds.topics.menu,
        "kinds": {},
        "escalation": as_json(seeds.ladders),
    }
    counties = [
        county.model_dump(include={"code", "key", "name", "capital", "aliases"}) | {"towns": county.all_towns}
        for county in seeds.areas.counties
    ]
    bodies = [
        {
            **agency.model_dump(include={"code", "name", "short", "level", "county", "parent"}),
            "assignable": agency.scope == "inside",
            "note": agency.note or "",
        }
        for agency in seeds.agencies.agencies
    ]
    leaves = [
        {
            **leaf.model_dump(include={"code", "name", "key", "deadline_days", "keywords", "confidential"}),
            "parent": top.code,
        }
        for top, leaf in seeds.leaves()
    ]
    days = [
        {"day": day.day, "county": day.county, "is_working": day.working, "note": day.note}
        for day in seeds.calendar.days
    ]
    return [
        (None, provinces, [province]),
        (AREA, areas, counties),
        (AGENCY, agencies, bodies),
        (TOPIC, topics, leaves),
        (DAY, calendar_days, days),
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
    own = [*keys, "kinds"]  # a province's kinds are merged
    changes = {name: statement.excluded[name] for name in rows[0] if name not in own}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


async def _kinds(connection: AsyncConnection, seeds: Seeds) -> list[Kept]:
    """Which topic governs a kind of case: the files' word where people said nothing."""
    wanted = [{"kind": str(kind), "topic": topic} for kind, topic in seeds.kinds.kinds.items()]
    rows, held, kept = await sift(connection, KIND, wanted)
    here = await KIND.rows(connection)
    kinds = {row["kind"]: row["topic"] for row in [*rows, *(here[key] for key in held if key in here)]}
    await connection.execute(update(provinces).values(kinds=kinds))
    return kept


async def _replace_rules(connection: AsyncConnection, seeds: Seeds) -> list[Kept]:
    await connection.execute(delete(routing_rules).where(routing_rules.c.source == SEED))
    wanted = [
        {"topic": r.topic, "scope": str(r.scope), "county": r.county, "agency": r.agency}
        for r in seeds.rules()
    ]
    rows, held, kept = await sift(connection, RULE, wanted)
    theirs = select(routing_rules).where(routing_rules.c.source == PEOPLE)
    for row in [dict(row) for row in (await connection.execute(theirs)).mappings()]:
        if RULE.key(row) not in held:  # taken back: the files' again; two bodies in one scope would be none
            await RULE.drop(connection, row)
    if rows:
        seeded = [row | {"source": SEED} for row in rows]
        await connection.execute(insert(routing_rules).on_conflict_do_nothing(), seeded)
    return kept
