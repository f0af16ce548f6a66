"""The queues of the inbox: which cases stand in each, in what order, page by page. Only what `Sight` allows.

A page costs the same however many cases there are: each queue is one index, read in its order from a key on.
A filter that has no index of its own is applied to the next `MOST_READ` cases of the queue; where these don't
fill a page, it is short and says where to go on (`Page.partial`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.case.callback_planning import TELLABLE
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
    shown,
    wanted,
)
from ivr.store.callbacks import UNTOLD
from ivr.store.cases import ASSIGNED, ESCALATED, RETURNED, RUNNING, TO_APPROVE, UNTOUCHED
from ivr.store.inbox_entries import FAINT
from ivr.store.tables import callbacks, cases, inbox_entries

MOST_READ = 1_500
MOST_COUNTED = 100  # "99 and more" …
MOST_LOOKED_AT = 30_000  # … of so many: what few counties have may stand far behind, and each page counts


class Queue(StrEnum):
    NEW = "new"  # nobody of the body that has it has taken it up
    MINE = "mine"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    RETURNED = "returned"
    FAINT = "faint"  # silent or fall-back recordings: somebody must listen
    TO_APPROVE = "to_approve"
    UNTOLD = "untold"  # answered, and nobody can be told of it by telephone


_MOST_OVERDUE = ListOrder(cases.c.due_at, cases.c.id, newest=False)
_NEWEST = ListOrder(cases.c.opened_at, cases.c.id, newest=True)
_NEWEST_ENTRY = ListOrder(inbox_entries.c.opened_at, inbox_entries.c.case_id, newest=True)
NEWEST_FIRST = frozenset({Queue.NEW, Queue.FAINT})
# By which of these columns, if it is fixed, the queue has an index of its own.
_LEADS: Mapping[Queue, tuple[str, ...]] = {
    Queue.OVERDUE: ("agency", "county"),
    Queue.ESCALATED: ("agency",),
    Queue.TO_APPROVE: ("agency",),
    Queue.FAINT: ("agency",),
}


async def page(
    connection: AsyncConnection,
    queue: Queue,
    sight: Sight,
    now: datetime,
    filters: Filters = EVERYTHING,
    after: Key | None = None,
    limit: int = PAGE,
) -> InboxPage:
    """A page of a queue; `after` continues behind the one before."""
    given = _given(sight, now, after)
    asked = (queue, replace(sight, person=None), filters, after is not None)
    found = (await connection.execute(_listing(*asked, limit + 1), given)).all()
    if len(found) > limit:
        return InboxPage(found[:limit], key_of(found[limit - 1]))
    if not _may_be_cut(sight, filters):
        return InboxPage(found)
    last = (await connection.execute(_last_read(*asked), given)).first()
    return InboxPage(found) if last is None else InboxPage(found, key_of(last), partial=True)


async def counts(
    connection: AsyncConnection, sight: Sight, now: datetime, queues: tuple[Queue, ...]
) -> Mapping[str, int]:
    """How many stand in each queue, at most `MOST_COUNTED` of each."""
    query = _counting(replace(sight, person=None), queues)
    return dict((await connection.execute(query, _given(sight, now))).one()._mapping)


# Making a statement takes longer than running it: each is made once, and given what changes.
_NOW: Any = bindparam("now", type_=cases.c.due_at.type)
_ME: Any = bindparam("me", type_=cases.c.person_id.type)
_AT, _CASE = bindparam("at", type_=cases.c.due_at.type), bindparam("case", type_=cases.c.id.type)
_AFTER: Any = Key(_AT, _CASE)  # type: ignore[arg-type]


def _given(sight: Sight, now: datetime, after: Key | None = None) -> dict[str, Any]:
    behind = {"at": after.at, "case": after.case} if after else {}
    return {"now": now, "me": sight.person} | behind


@lru_cache(512)
def _listing(queue: Queue, sight: Sight, filters: Filters, goes_on: bool, limit: int) -> Select[Any]:
    return listing(queue, _anybody(sight), _NOW, filters, _AFTER if goes_on else None, limit)


@lru_cache(512)
def _last_read(queue: Queue, sight: Sight, filters: Filters, goes_on: bool) -> Select[Any]:
    return last_read(queue, _anybody(sight), _NOW, filters, _AFTER if goes_on else None)


@lru_cache(512)
def _counting(sight: Sight, queues: tuple[Queue, ...]) -> Select[Any]:
    return counting(_anybody(sight), _NOW, queues)


def _anybody(sight: Sight) -> Sight:
    return replace(sight, person=_ME)


def _may_be_cut(sight: Sight, filters: Filters) -> bool:
    """Whether something was left out of what was read; else a short page is the last one."""
    return filters != EVERYTHING or bool(sight.agency or sight.counties)


def listing(
    queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None, limit: int
) -> Select[Any]:
    """The rows of a page with all that it shows."""
    read = _read(queue, sight, now, filters, after).limit(MOST_READ).subquery()
    order = ListOrder(read.c.listed_at, read.c.id, queue in NEWEST_FIRST)
    chosen = select(read.c.id, read.c.listed_at).where(*_left(queue, sight, filters, read.c))
    return shown(chosen.order_by(*order.by).limit(limit), order.newest)


def last_read(queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None) -> Select[Any]:
    """The last of the `MOST_READ` cases that a short page was chosen from; none where there were fewer."""
    read = _read(queue, sight, now, filters, after).offset(MOST_READ - 1).limit(1).subquery()
    return select(read.c.id, read.c.listed_at)


def belonging(
    queue: Queue, sight: Sight, now: datetime, filters: Filters, ids: Sequence[uuid.UUID]
) -> Select[Any]:
    """The codes of those among these cases that stand in the queue."""
    read = _read(queue, sight, now, filters, None).order_by(None).where(_order(queue).id.in_(ids)).subquery()
    chosen = select(read.c.id).where(*_left(queue, sight, filters, read.c))
    return select(cases.c.code).where(cases.c.id.in_(chosen))


def counting(sight: Sight, now: datetime, queues: Sequence[Queue]) -> Select[Any]:
    """How many stand in each queue, at most `MOST_COUNTED` of each, as one row."""
    numbers = []
    for queue in queues:
        standing = _read(queue, sight, now, EVERYTHING, None).order_by(None)
        if queue is Queue.OVERDUE and sight.counties:  # those alone, by their index: it is the longest of all
            standing = standing.where(_in_counties(sight, cases.c.county))
        read = standing.limit(MOST_LOOKED_AT).subquery()
        some = (
            select(read.c.id).where(*_left(queue, sight, EVERYTHING, read.c)).limit(MOST_COUNTED).subquery()
        )
        numbers.append(select(func.count()).select_from(some).scalar_subquery().label(queue))
    return select(*numbers)


_FILTERED = ("kind", "topic", "county", "agency", "status", "channel", "opened_at")
_OF_AN_ENTRY = ("lexemes", "agency", "opened_at")


def _read(queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None) -> Select[Any]:
    """A queue in its order through its index, without the filters that have none."""
    order = _order(queue)
    columns = [order.id.table.c[name] for name in (_OF_AN_ENTRY if queue is Queue.FAINT else _FILTERED)]
    query = select(order.id.label("id"), order.at.label("listed_at"), *columns)
    query = query.where(*_standing(queue, sight, now, filters), *_led(queue, sight, filters))
    hidden = order.id.not_in(sight.scope.kept()) if queue is Queue.FAINT else sight.scope.not_kept()
    query = query.where(hidden)
    if after is not None:
        query = query.where(order.behind(after))
    return query.order_by(*order.by)


def _order(queue: Queue) -> ListOrder:
    if queue is Queue.FAINT:
        return _NEWEST_ENTRY
    return _NEWEST if queue in NEWEST_FIRST else _MOST_OVERDUE


def _standing(queue: Queue, sight: Sight, now: datetime, filters: Filters) -> list[Any]:
    """What makes a case one of the queue."""
    match queue:
        case Queue.NEW:
            return [UNTOUCHED, cases.c.agency == (filters.agency or sight.body)]
        case Queue.MINE:
            return [ASSIGNED, cases.c.person_id == sight.person]
        case Queue.OVERDUE:
            return [RUNNING, cases.c.due_at <= now]
        case Queue.ESCALATED:
            return [ESCALATED, cases.c.level.not_in(["", sight.lowest])]
        case Queue.RETURNED:
            return [RETURNED]
        case Queue.FAINT:
            return [FAINT]
        case Queue.TO_APPROVE:
            return [TO_APPROVE]
        case Queue.UNTOLD:
            untold = select(callbacks.c.case_id).where(UNTOLD)
            return [TELLABLE, cases.c.id.in_(untold)]


def _led(queue: Queue, sight: Sight, filters: Filters) -> list[Any]:
    """The one fixed column by which the queue has an index of its own."""
    fixed = {"agency": sight.agency or filters.agency, "county": filters.county}
    for name in _LEADS.get(queue, ()):
        if fixed[name]:
            table = inbox_entries if queue is Queue.FAINT else cases
            return [table.c[name] == fixed[name]]
    return []


def _left(queue: Queue, sight: Sight, filters: Filters, read: Any) -> list[Any]:
    """Everything that a case of the queue must be, read off the columns at hand."""
    left = [read.agency == sight.agency] if sight.agency else []
    left += of_citizens(filters, read)
    if queue is Queue.FAINT:
        every, groups = facets(replace(sight, agency=""), filters)
        left += [wanted(every, groups, read.lexemes)] if every or groups else []
    else:
        left += [read[name] == value for name, value in filters.codes.items()]
        if sight.counties:
            left.append(_in_counties(sight, read.county))
    if filters.since:
        left.append(read.opened_at >= filters.since)
    if filters.until:
        left.append(read.opened_at < filters.until)
    return [and_(*left)] if left else []


def _in_counties(sight: Sight, county: Any) -> Any:
    return or_(county.in_(sorted(sight.counties)), county.is_(None))
