"""The queues of the inbox: which cases stand in each, in what order, page by page. Only what `Sight` allows.

A page costs the same however many cases there are: each queue is one index, read in its order from a key on.
A filter that has no index of its own is applied to the next `MOST_READ` cases of the queue; where these don't
fill a page, it is short and says where to go on (`Page.partial`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.cases import ASSIGNED, ESCALATED, RETURNED, RUNNING, TO_APPROVE, UNTOUCHED
from ivr.store.inbox_entries import FAINT
from ivr.store.tables import agencies, areas, cases, inbox_entries, recordings, topics

PAGE = 50
MOST_READ = 3_000
MOST_COUNTED = 100  # "99 and more"


class Queue(StrEnum):
    NEW = "new"  # nobody of the body that has it has taken it up
    MINE = "mine"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    RETURNED = "returned"
    FAINT = "faint"  # silent or fall-back recordings: somebody must listen
    TO_APPROVE = "to_approve"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person may see. `agency`: only its cases; `counties`: only those and no known one; empty: all.

    `body`: whose new cases are hers; `lowest`: the level at which no case counts as escalated.
    """

    body: str
    agency: str = ""
    counties: frozenset[str] = frozenset()
    person: uuid.UUID | None = None
    lowest: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is left of a queue; empty: everything. `since` ≤ opened_at < `until`."""

    kind: str = ""
    topic: str = ""
    county: str = ""
    agency: str = ""
    status: str = ""
    channel: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def codes(self) -> dict[str, str]:
        """Column → the value it must have."""
        names = ("kind", "topic", "county", "agency", "status", "channel")
        return {name: value for name in names if (value := getattr(self, name))}


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ended: the moment by which its list is ordered, and the case."""

    at: datetime
    case: uuid.UUID


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: where the next page begins; None at the end. `partial`: not all was looked through yet."""

    rows: Sequence[Row[Any]] = ()
    after: Key | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    """Of a list: by which moment, and from which end."""

    at: Any
    id: Any
    newest: bool

    @property
    def by(self) -> tuple[Any, ...]:
        return (self.at.desc(), self.id.desc()) if self.newest else (self.at, self.id)

    def behind(self, key: Key) -> ColumnElement[bool]:
        here, there = tuple_(self.at, self.id), tuple_(key.at, key.case)
        return here < there if self.newest else here > there


_MOST_OVERDUE = _Order(cases.c.due_at, cases.c.id, newest=False)
_NEWEST = _Order(cases.c.opened_at, cases.c.id, newest=True)
_NEWEST_ENTRY = _Order(inbox_entries.c.opened_at, inbox_entries.c.case_id, newest=True)
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
) -> Page:
    """A page of a queue; `after` continues behind the one before."""
    found = (await connection.execute(listing(queue, sight, now, filters, after, limit + 1))).all()
    if len(found) > limit:
        return Page(found[:limit], key_of(found[limit - 1]))
    last = (await connection.execute(last_read(queue, sight, now, filters, after))).first()
    return Page(found) if last is None else Page(found, key_of(last), partial=True)


def key_of(row: Row[Any]) -> Key:
    return Key(row.listed_at, row.id)


def listing(
    queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None, limit: int
) -> Select[Any]:
    """The rows of a page with all that it shows."""
    read = _read(queue, sight, now, filters, after).limit(MOST_READ).subquery()
    order = _Order(read.c.listed_at, read.c.id, queue in NEWEST_FIRST)
    chosen = select(read.c.id, read.c.listed_at).where(*_left(queue, sight, filters, read.c))
    return shown(chosen.order_by(*order.by).limit(limit), order.newest)


def last_read(queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None) -> Select[Any]:
    """The last of the `MOST_READ` cases that a short page was chosen from; none where there were fewer."""
    read = _read(queue, sight, now, filters, after).offset(MOST_READ - 1).limit(1).subquery()
    return select(read.c.id, read.c.listed_at)


def counting(sight: Sight, now: datetime, queues: Sequence[Queue]) -> Select[Any]:
    """How many stand in each queue, at most `MOST_COUNTED` of each, as one row."""
    numbers = []
    for queue in queues:
        read = _read(queue, sight, now, EVERYTHING, None).order_by(None).limit(MOST_READ).subquery()
        some = (
            select(read.c.id).where(*_left(queue, sight, EVERYTHING, read.c)).limit(MOST_COUNTED).subquery()
        )
        numbers.append(select(func.count()).select_from(some).scalar_subquery().label(queue))
    return select(*numbers)


def shown(chosen: Select[Any], newest: bool) -> Select[Any]:
    """What the inbox shows of the chosen cases (`id`, `listed_at`), in order."""
    ids = chosen.subquery()
    heard = (
        select(recordings.c.name)
        .where(
            recordings.c.case_id == cases.c.id, ~recordings.c.superseded, recordings.c.removed_at.is_(None)
        )
        .order_by(recordings.c.recorded_at)
        .limit(1)
    )
    names = (topics.c.name.label("topic_name"), agencies.c.name.label("agency_name"))
    entry = inbox_entries.c
    flags = (entry.silent, entry.fallback, entry.over_limit, entry.repeats, entry.seconds)
    own = (cases.c[name] for name in _SHOWN)
    drafted = func.coalesce(func.jsonb_typeof(cases.c.draft) == "object", false()).label("drafted")
    return (
        select(ids.c.listed_at, *own, *names, areas.c.name.label("county_name"), *flags, drafted,
               heard.scalar_subquery().label("recording"))
        .join(cases, cases.c.id == ids.c.id)
        .join(topics, topics.c.code == cases.c.topic)
        .join(agencies, agencies.c.code == cases.c.agency)
        .outerjoin(areas, areas.c.code == cases.c.county)
        .outerjoin(inbox_entries, inbox_entries.c.case_id == cases.c.id)
        .order_by(*_Order(ids.c.listed_at, ids.c.id, newest).by)
    )  # fmt: skip


_SHOWN = (
    *("id", "code", "kind", "topic", "county", "agency", "status", "channel", "caller_key", "opened_at"),
    *("due_at", "closed_at", "stopped_at", "paused_until", "rung", "level", "person_id", "last_seq"),
    *("call_id", "answered_at"),
)
_FILTERED = ("kind", "topic", "county", "agency", "status", "channel", "opened_at")


def _read(queue: Queue, sight: Sight, now: datetime, filters: Filters, after: Key | None) -> Select[Any]:
    """A queue in its order through its index, without the filters that have none."""
    order = _order(queue)
    columns = [cases.c[name] for name in _FILTERED]
    query = select(order.id.label("id"), order.at.label("listed_at"), *columns)
    if queue is Queue.FAINT:
        query = query.join_from(inbox_entries, cases, cases.c.id == inbox_entries.c.case_id)
    query = query.where(*_standing(queue, sight, now, filters), *_led(queue, sight, filters))
    if after is not None:
        query = query.where(order.behind(after))
    return query.order_by(*order.by)


def _order(queue: Queue) -> _Order:
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
    wanted = [read[name] == value for name, value in filters.codes.items()]
    if sight.agency:
        wanted.append(read.agency == sight.agency)
    if sight.counties:
        wanted.append(or_(read.county.in_(sorted(sight.counties)), read.county.is_(None)))
    if filters.since:
        wanted.append(read.opened_at >= filters.since)
    if filters.until:
        wanted.append(read.opened_at < filters.until)
    return [and_(*wanted)] if wanted else []
