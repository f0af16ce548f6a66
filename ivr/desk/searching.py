"""Search over code, caller, words and answers, and every case by its facets. Newest first, by key.

A frequent word is not sorted out of a hundred thousand cases: the days are walked backwards, first two of
them, then ever more, until a page is full. Each step asks the index for word *and* days at once, so that it
finds little more than what is shown. What the planner expects seldom, a rare word or several that rarely come
together, is looked for in all days at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.search import Sought, backwards, day_of, end_of
from ivr.desk.inbox import EVERYTHING, PAGE, Filters, Key, Page, Sight, facets, key_of, seen_by, shown, wanted
from ivr.store.cases import KNOWN
from ivr.store.estimate import expected
from ivr.store.tables import cases, inbox_entries

FEW = 2_000  # cases that are sorted at once, should the planner expect no more
FIRST_DAYS, MORE = 2, 16  # the first step, and how many times the days so far a further one takes at most
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
    return await _walk(connection, sought.words, sight, now, filters, after, limit)


async def _walk(
    connection: AsyncConnection,
    words: Sequence[str],
    sight: Sight,
    now: datetime,
    filters: Filters,
    after: Key | None,
    limit: int,
) -> Page:
    latest = [now, *([after.at] if after else []), *([filters.until] if filters.until else [])]
    newest_day = day_of(min(latest))
    first = filters.since or (await connection.execute(_FIRST)).scalar() or now
    oldest_day, days, seen = day_of(first), FIRST_DAYS, 0
    if await expected(connection, holding(words, sight, filters)) <= FEW:
        days = newest_day - oldest_day + 1
    found: list[Row[Any]] = []
    while newest_day >= oldest_day and len(found) <= limit:
        from_day, blocks = backwards(newest_day, days)
        if newest_day - days < oldest_day:
            from_day, blocks = oldest_day, []  # all the rest
        query = step(words, sight, filters, blocks, end_of(newest_day), after, limit + 1 - len(found))
        found += (await connection.execute(query)).all()
        seen += newest_day - from_day + 1
        newest_day, days = from_day - 1, seen * MORE
    if not found:
        return Page()
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at"))
    rows = await connection.execute(
        shown(chosen.where(cases.c.id.in_([row.id for row in found])), newest=True)
    )
    return _page(rows.all(), limit)


def holding(words: Sequence[str], sight: Sight, filters: Filters) -> Select[Any]:
    """Every case that holds everything."""
    return select(inbox_entries.c.case_id).where(wanted(*_held(words, sight, filters)))


def _held(words: Sequence[str], sight: Sight, filters: Filters) -> tuple[list[str], list[list[str]]]:
    every, groups = facets(sight, filters)
    return [*words, *every], groups


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
    entry = inbox_entries.c
    every, groups = _held(words, sight, filters)
    holds = wanted(every, [*groups, *([blocks] if blocks else [])])
    query = select(entry.case_id.label("id"), entry.opened_at).where(holds)
    query = query.where(entry.opened_at < before)
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
