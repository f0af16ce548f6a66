"""Search over code, caller, words and answers, and every case by its facets. Newest first, by key.

A frequent word is not sorted out of a hundred thousand cases: the days are walked backwards, first as many as
hold a page by what the planner expects, then ever more, until it is full. Each step asks the index for word
*and* days at once, so that it finds little more than what is shown. What the planner expects seldom, a rare
word or several that rarely come together, is looked for in all days at once (docs/decisions/inbox.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, any_, bindparam, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.search import Sought, backwards, day_of, end_of, tsquery
from ivr.cases.statuses import OPEN
from ivr.cases.transitions import CaseAction
from ivr.desk.case import confiding
from ivr.desk.case.change import EVENTS
from ivr.desk.people.scope import OPEN_TO_ALL
from ivr.desk.reading.inbox import (
    EVERYTHING,
    PAGE,
    Filters,
    InboxPage,
    Key,
    ListOrder,
    Sight,
    facets,
    key_of,
    of_citizens,
    of_number,
    seen_by,
    shown,
    wanted,
)
from ivr.store.cases import KNOWN
from ivr.store.estimate import expected
from ivr.store.tables import case_events, cases, inbox_entries

FEW = 2_000  # cases that are looked at and sorted at once, should the planner expect no more
AS_A_CASE = 200  # of what an index lists for a lexeme, so many take as long as looking at a case
FIRST_DAYS, MORE = 2, 16  # the least first step, and how often a further one repeats the days so far
YOUNG_DAYS, YOUNG_BLOCK = 16, 8  # what is open is mostly this young; days of the blocks that hold these
SPARE = 2  # a step is as long as would hold twice what is missing, by what is expected or was found so far
MOST_OF_A_NUMBER = 2_000  # cases put in order at once, so that the planner goes by the number and no day
_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)

Lexemes = tuple[str, ...]  # lexemes of which an entry must hold one


@dataclass(frozen=True, slots=True)
class Search:
    """The newest cases that hold all words, behind `after`, at most `limit`."""

    words: tuple[str, ...]
    sight: Sight
    filters: Filters = EVERYTHING
    after: Key | None = None
    limit: int = PAGE

    @property
    def parts(self) -> tuple[Lexemes, ...]:
        every, groups = facets(self.sight, self.filters)
        return (*((lexeme,) for lexeme in (*self.words, *every)), *map(tuple, groups))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of `total` cases, how many hold all that is sought (`many`), and its rarest part (`rarest`).

    `few`: the parts that the index is best asked for, held by `found` cases; the rest is read off these.
    """

    total: int
    many: float
    rarest: int
    few: tuple[Lexemes, ...]
    found: float


async def find(
    connection: AsyncConnection,
    sought: Sought,
    sight: Sight,
    now: datetime,
    filters: Filters = EVERYTHING,
    after: Key | None = None,
    limit: int = PAGE,
) -> InboxPage:
    """Cases that answer to what was typed; everything that may be seen where nothing was.

    The case of a code goes before those of a caller, these before those in which it was said.
    """
    if not (sought or filters.codes or sight.agency or sight.counties):
        rows = (await connection.execute(newest(filters, after, limit + 1, sight))).all()
        return _page(rows, limit)
    if sought.code and (rows := (await connection.execute(by_code(sought.code, sight))).all()):
        return InboxPage(rows)
    if sought.caller:
        rows = (await connection.execute(by_caller(sought, sight, filters, after, limit + 1))).all()
        if rows:
            return _page(rows, limit)
    search = Search(sought.words, sight, filters, after, limit + 1)
    page = await _holding(connection, search, now)
    if page.rows or not sought.grouped:
        return page
    return await _holding(connection, replace(search, words=sought.grouped), now)


async def _holding(connection: AsyncConnection, search: Search, now: datetime) -> InboxPage:
    parts = search.parts
    guess = guessed(parts, *await expected(connection, *(tsquery([], [part]) for part in parts)))
    latest = min(now, search.after.at if search.after else now, search.filters.until or now)
    found = await _walk(connection, search, guess, day_of(latest), now)
    if not found:
        return InboxPage()
    rows = await connection.execute(_FOUND, {"ids": [row.id for row in found]})
    return _page(rows.all(), search.limit - 1)


async def _walk(
    connection: AsyncConnection, search: Search, guess: Estimate, day: int, now: datetime
) -> Sequence[Row[Any]]:
    """From that day backwards."""
    today, enough, at_once = day_of(now), SPARE * search.limit, guess.found <= FEW
    young = search.filters.status in OPEN and guess.many > enough and today - day < YOUNG_DAYS
    if at_once and not young:
        return [*await connection.execute(step(search, guess.few, [], end_of(day)))]
    first = search.filters.since or (await connection.execute(_FIRST)).scalar() or now
    oldest_day, seen = day_of(first), 0
    every_day = today - oldest_day + 1
    days = min(every_day, max(FIRST_DAYS, int(every_day * enough / guess.many)))
    if at_once:  # a block that more cases hold than the rarest part would not help the index
        days = YOUNG_DAYS if YOUNG_BLOCK * guess.total < guess.rarest * every_day else every_day
    found: list[Row[Any]] = []
    while day >= oldest_day and len(found) < search.limit:
        from_day, blocks = backwards(day, days)
        if from_day <= oldest_day or 2 * days > every_day:
            from_day, blocks = oldest_day, []  # all the rest
        missing = replace(search, limit=search.limit - len(found))
        few = guess.few if at_once and not blocks else search.parts
        found += (await connection.execute(step(missing, few, blocks, end_of(day)))).all()
        seen += day - from_day + 1
        more = 1 + SPARE * (search.limit - len(found)) // max(len(found), 1)
        day, days = from_day - 1, every_day if at_once else seen * min(MORE, more)
    return found


def guessed(parts: Sequence[Lexemes], total: int, *often: int) -> Estimate:
    """`often`: how many of all cases hold each part, taken as independent of the others.

    The index is asked for the rarest part, and for the next as long as reading through what it lists costs
    less than looking at the cases that are ruled out by it.
    """
    (rarest, part), *others = sorted(zip(often, parts, strict=True))
    few, found, many = [part], float(rarest), float(rarest)
    for count, part in others:
        share = min(1.0, count / total)
        if found * (1 - share) > count / AS_A_CASE:
            few.append(part)
            found *= share
        many *= share
    return Estimate(total, many, rarest, tuple(few), found)


def step(search: Search, few: Sequence[Lexemes], blocks: Sequence[str], before: datetime) -> Select[Any]:
    """The newest cases that hold everything: those of the blocks of days, or all of them `before`.

    The index is asked for `few` of the parts, the others are read off the rows.
    """
    rest = [part for part in search.parts if part not in few]
    entry = inbox_entries.c
    query = select(entry.case_id.label("id"), entry.opened_at)
    query = query.where(wanted([], [*few, *([blocks] if blocks else [])]), entry.opened_at < before)
    query = query.where(entry.case_id.not_in(search.sight.scope.kept()), *of_citizens(search.filters, entry))
    if rest:
        query = query.where(wanted([], rest).is_(true()))  # so put, it is nothing for the index
    for bound in _bounds(search.filters, search.after, entry.opened_at, entry.case_id):
        query = query.where(bound)
    return query.order_by(entry.opened_at.desc(), entry.case_id.desc()).limit(search.limit)


def newest(filters: Filters, after: Key | None, limit: int, sight: Sight) -> Select[Any]:
    """Every case of these days, for those who may see cases of every body and county."""
    chosen = seen_by(select(cases.c.id, cases.c.opened_at.label("listed_at")), sight)
    chosen = chosen.where(*of_citizens(filters, cases.c))
    for bound in _bounds(filters, after, cases.c.opened_at, cases.c.id):
        chosen = chosen.where(bound)
    return shown(chosen.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit), newest=True)


def by_code(code: str, sight: Sight) -> Select[Any]:
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at")).where(cases.c.code == code)
    return shown(seen_by(chosen, sight), newest=True)


def by_caller(sought: Sought, sight: Sight, filters: Filters, after: Key | None, limit: int) -> Select[Any]:
    """The newest cases of whoever has or gave that number, or of all whose own begins so.

    Nobody learns by it whose a confidential case is.
    """
    key, begins = cases.c.caller_key, sought.caller
    within = (KNOWN, key >= begins, key < f"+{int(begins) + 1}", key.startswith(begins, autoescape=True))
    hers = (cases.c.id.in_(of_number(begins)),) if sought.whole else within
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at")).where(OPEN_TO_ALL, *hers)
    chosen = chosen.where(
        *of_citizens(filters, cases.c), *(cases.c[name] == value for name, value in filters.codes.items())
    )
    for bound in _bounds(filters, after, cases.c.opened_at, cases.c.id):
        chosen = chosen.where(bound)
    order = ListOrder(cases.c.opened_at, cases.c.id, newest=True)
    some = seen_by(chosen, sight).order_by(*order.by).limit(MOST_OF_A_NUMBER).subquery()
    order = ListOrder(some.c.listed_at, some.c.id, newest=True)
    return shown(select(some).order_by(*order.by).limit(limit), newest=True)


def visible(ids: Sequence[uuid.UUID], sight: Sight) -> Select[Any]:
    """The codes of those among these cases that may be seen."""
    found: Select[Any] = seen_by(select(cases.c.code).where(cases.c.id.in_(ids)), sight)
    return found


def has_left(ids: Sequence[uuid.UUID], sight: Sight) -> Select[Any]:
    """Those among these cases that what happened to them last took out of that sight."""
    its, scope = case_events.c, sight.scope
    taken = and_(its.details["from"].astext == sight.agency, cases.c.agency != sight.agency)
    taken = and_(taken, its.seq == cases.c.last_seq)
    confided = and_(its.event == confiding.EVENT, ~scope.not_kept())
    county = its.details["before"][1].astext.in_(["", *sight.counties])
    elsewhere = and_(its.event == EVENTS[CaseAction.CHANGE_TOPIC], county, ~scope.in_sight())
    with_them = cases.c.agency == sight.agency if sight.agency else true()
    # What is confided may be moved by that: then it is the last event but one.
    late = (its.case_id == cases.c.id, its.seq >= cases.c.last_seq - 1)
    query = select(cases.c.id).join(case_events, and_(*late)).where(cases.c.id.in_(ids))
    return query.where(or_(taken, and_(with_them, or_(confided, elsewhere)))).limit(1)


def _bounds(filters: Filters, after: Key | None, at: Any, id: Any) -> list[Any]:
    bounds = [at >= filters.since] if filters.since else []
    bounds += [at < filters.until] if filters.until else []
    return bounds + ([tuple_(at, id) < tuple_(after.at, after.case)] if after else [])


def _page(rows: Sequence[Row[Any]], limit: int) -> InboxPage:
    return InboxPage(rows[:limit], key_of(rows[limit - 1])) if len(rows) > limit else InboxPage(rows)


_FIRST = select(cases.c.opened_at).where(cases.c.opened_at > _BEFORE_ALL).order_by(cases.c.opened_at).limit(1)
# Made once: it takes longer to make than to run.
_FOUND = shown(
    select(cases.c.id, cases.c.opened_at.label("listed_at")).where(
        cases.c.id == any_(bindparam("ids", type_=ARRAY(cases.c.id.type)))
    ),
    newest=True,
)
