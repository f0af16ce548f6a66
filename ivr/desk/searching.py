"""Search over code, caller, words and answers, and every case by its facets. Newest first, by key.

A frequent word is not sorted out of a hundred thousand cases: the days are walked backwards, first as many as
hold a page by what the planner expects, then ever more, until it is full. Each step asks the index for word
*and* days at once, so that it finds little more than what is shown. What the planner expects seldom, a rare
word or several that rarely come together, is looked for in all days at once (docs/decisions/inbox.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, any_, bindparam, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.search import Sought, backwards, day_of, end_of
from ivr.desk.inbox import EVERYTHING, PAGE, Filters, Key, Page, Sight, facets, key_of, seen_by, shown, wanted
from ivr.store.cases import KNOWN
from ivr.store.estimate import expected
from ivr.store.tables import cases, inbox_entries

FEW = 2_000  # cases that are sorted at once, should the planner expect no more
FIRST_DAYS, MORE = 2, 16  # the least first step, and how often a further one repeats the days so far
SPARE = 2  # a step is as long as would hold twice what is missing, by what is expected or was found so far
MOST_OF_A_NUMBER = 2_000  # cases whose caller's number begins so
_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)


async def find(
    connection: AsyncConnection,
    sought: Sought,
    sight: Sight,
    now: datetime,
    filters: Filters = EVERYTHING,
    after: Key | None = None,
    limit: int = PAGE,
) -> Page:
    """Cases that answer to what was typed; everything that may be seen where nothing was.

    The case of a code goes before those of a caller, these before those in which it was said.
    """
    if not (sought or filters.codes or sight.agency or sight.counties):
        rows = (await connection.execute(newest(filters, after, limit + 1))).all()
        return _page(rows, limit)
    if sought.code and (rows := (await connection.execute(by_code(sought.code, sight))).all()):
        return Page(rows)
    if sought.caller:
        rows = (await connection.execute(by_caller(sought.caller, sight, filters, after, limit + 1))).all()
        if rows:
            return _page(rows, limit)
    return await _holding(connection, sought.words, sight, now, filters, after, limit)


async def _holding(
    connection: AsyncConnection,
    words: Sequence[str],
    sight: Sight,
    now: datetime,
    filters: Filters,
    after: Key | None,
    limit: int,
) -> Page:
    latest = min([now, *([after.at] if after else []), *([filters.until] if filters.until else [])])
    day, limit = day_of(latest), limit + 1
    held, groups = facets(sight, filters)
    every = (*words, *held)
    for few in dict.fromkeys((seldom(words, sight, filters), every)):
        if few and (many := await expected(connection, holding(few))) <= FEW:
            query = at_once(few, sight, filters, end_of(day), after, limit)
            found = (await connection.execute(query)).all()
            break
    else:
        if groups:
            many = await expected(connection, holding(every, groups))
        found = await _walk(connection, words, sight, now, filters, day, after, limit, many)
    if not found:
        return Page()
    rows = await connection.execute(_FOUND, {"ids": [row.id for row in found]})
    return _page(rows.all(), limit - 1)


async def _walk(
    connection: AsyncConnection,
    words: Sequence[str],
    sight: Sight,
    now: datetime,
    filters: Filters,
    day: int,
    after: Key | None,
    limit: int,
    many: int,
) -> Sequence[Row[Any]]:
    """From that day backwards. `many`: cases that are expected to hold everything."""
    first = filters.since or (await connection.execute(_FIRST)).scalar() or now
    oldest_day, seen = day_of(first), 0
    every_day = day_of(now) - oldest_day + 1
    days = every_day if many <= FEW else max(FIRST_DAYS, every_day * SPARE * limit // many)
    found: list[Row[Any]] = []
    while day >= oldest_day and len(found) < limit:
        from_day, blocks = backwards(day, days)
        if from_day <= oldest_day or 2 * days > every_day:
            from_day, blocks = oldest_day, []  # all the rest
        query = step(words, sight, filters, blocks, end_of(day), after, limit - len(found))
        found += (await connection.execute(query)).all()
        seen += day - from_day + 1
        missing = limit - len(found)
        day, days = from_day - 1, seen * min(MORE, 1 + SPARE * missing // max(len(found), 1))
    return found


def holding(every: Sequence[str], groups: Sequence[Sequence[str]] = ()) -> Select[Any]:
    """Every case that holds all of `every` and one of each group."""
    return select(inbox_entries.c.case_id).where(wanted(every, groups))


def seldom(words: Sequence[str], sight: Sight, filters: Filters) -> tuple[str, ...]:
    """What is asked for without kind, county and way: of these there are few, and each has many cases."""
    rest = facets(replace(sight, counties=frozenset()), replace(filters, kind="", county="", channel=""))
    return (*words, *rest[0])


def at_once(
    few: Sequence[str], sight: Sight, filters: Filters, before: datetime, after: Key | None, limit: int
) -> Select[Any]:
    """The newest cases that hold everything, by what `few` of them hold; the rest is read off their rows.

    An index takes longer over what many cases hold than it takes to look at the few.
    """
    every, groups = facets(sight, filters)
    often = [each for each in every if each not in few]
    holds = [wanted(few, [])]
    if often or groups:
        holds.append(wanted(often, groups).is_(true()))  # so put, it is nothing for the index
    return _newest_entries(holds, filters, before, after, limit)


def step(
    words: Sequence[str],
    sight: Sight,
    filters: Filters,
    blocks: Sequence[str],
    before: datetime,
    after: Key | None,
    limit: int,
) -> Select[Any]:
    """The newest cases that hold everything: those of the blocks of days, or all of them `before`."""
    every, groups = facets(sight, filters)
    holds = wanted([*words, *every], [*groups, *([blocks] if blocks else [])])
    return _newest_entries([holds], filters, before, after, limit)


def _newest_entries(
    holds: Sequence[Any], filters: Filters, before: datetime, after: Key | None, limit: int
) -> Select[Any]:
    entry = inbox_entries.c
    query = select(entry.case_id.label("id"), entry.opened_at).where(*holds, entry.opened_at < before)
    for bound in _bounds(filters, after, entry.opened_at, entry.case_id):
        query = query.where(bound)
    return query.order_by(entry.opened_at.desc(), entry.case_id.desc()).limit(limit)


def newest(filters: Filters, after: Key | None, limit: int) -> Select[Any]:
    """Every case of these days, for those who may see every case."""
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at"))
    for bound in _bounds(filters, after, cases.c.opened_at, cases.c.id):
        chosen = chosen.where(bound)
    return shown(chosen.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit), newest=True)


def by_code(code: str, sight: Sight) -> Select[Any]:
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at")).where(cases.c.code == code)
    return shown(seen_by(chosen, sight), newest=True)


def by_caller(begins: str, sight: Sight, filters: Filters, after: Key | None, limit: int) -> Select[Any]:
    """The newest cases of callers whose number begins so, among `MOST_OF_A_NUMBER` of them."""
    key = cases.c.caller_key
    within = (KNOWN, key >= begins, key < f"+{int(begins) + 1}", key.startswith(begins, autoescape=True))
    some: Any = select(cases).where(*within).limit(MOST_OF_A_NUMBER).subquery()
    chosen = select(some.c.id, some.c.opened_at.label("listed_at"))
    chosen = chosen.where(*(some.c[name] == value for name, value in filters.codes.items()))
    for bound in _bounds(filters, after, some.c.opened_at, some.c.id):
        chosen = chosen.where(bound)
    chosen = seen_by(chosen, sight, some.c)
    return shown(chosen.order_by(some.c.opened_at.desc(), some.c.id.desc()).limit(limit), newest=True)


def visible(ids: Sequence[uuid.UUID], sight: Sight) -> Select[Any]:
    """The codes of those among these cases that may be seen."""
    found: Select[Any] = seen_by(select(cases.c.code).where(cases.c.id.in_(ids)), sight)
    return found


def _bounds(filters: Filters, after: Key | None, at: Any, id: Any) -> list[Any]:
    bounds = [at >= filters.since] if filters.since else []
    bounds += [at < filters.until] if filters.until else []
    return bounds + ([tuple_(at, id) < tuple_(after.at, after.case)] if after else [])


def _page(rows: Sequence[Row[Any]], limit: int) -> Page:
    return Page(rows[:limit], key_of(rows[limit - 1])) if len(rows) > limit else Page(rows)


_FIRST = select(cases.c.opened_at).where(cases.c.opened_at > _BEFORE_ALL).order_by(cases.c.opened_at).limit(1)
# Made once: it takes longer to make than to run.
_FOUND = shown(
    select(cases.c.id, cases.c.opened_at.label("listed_at")).where(
        cases.c.id == any_(bindparam("ids", type_=ARRAY(cases.c.id.type)))
    ),
    newest=True,
)
