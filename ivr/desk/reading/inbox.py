"""What the inbox shows of cases, to whom, and page by page: shared by its queues and its search."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, case, cast, false, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from ivr.cases.channels import CITIZEN, NOBODYS
from ivr.cases.search import facet, tsquery
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.store.cases import KNOWN
from ivr.store.tables import cases, inbox_entries, marks, people, recordings

_LETTERS = {"kind": "k", "topic": "t", "county": "c", "agency": "a", "status": "s", "channel": "w"}
PAGE = 50
MOST_SAID = 200  # characters: more than a line holds


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person may see. `agency`: only its cases; `counties`: only those and no known one; empty: all.

    `body`: whose new cases are hers; `lowest`: the level at which no case counts as escalated; `of_desk`
    and `of_office`: as of a scope.
    """

    body: str
    agency: str = ""
    counties: frozenset[str] = frozenset()
    person: uuid.UUID | None = None
    lowest: str = ""
    of_desk: bool = False
    of_office: bool = False

    @property
    def scope(self) -> Scope:
        """Which decides; the words of `facets` only find fast what it allows."""
        counties = tuple(sorted(self.counties))
        return Scope(self.agency, counties, self.person, self.of_desk, self.of_office)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is left of a queue; empty: everything. `since` ≤ opened_at < `until`.

    `channel` may be `CITIZEN`: whatever a citizen came by.
    """

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
        found = {name: value for name in names if (value := getattr(self, name))}
        return {name: value for name, value in found.items() if value != CITIZEN}


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ended: the moment by which its list is ordered, and the case."""

    at: datetime
    case: uuid.UUID


@dataclass(frozen=True, slots=True)
class InboxPage:
    """`after`: where the next page begins; None at the end. `partial`: not all was looked through yet."""

    rows: Sequence[Row[Any]] = ()
    after: Key | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ListOrder:
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


def key_of(row: Row[Any]) -> Key:
    return Key(row.listed_at, row.id)


def shown(chosen: Select[Any], newest: bool) -> Select[Any]:
    """What the inbox shows of the chosen cases (`id`, `listed_at`), in order."""
    ids = chosen.subquery()
    its = recordings.c
    heard = select(its.id).where(its.case_id == cases.c.id, ~its.superseded, its.removed_at.is_(None))
    heard = heard.order_by(its.recorded_at)
    heard = heard.where(OPEN_TO_ALL).correlate(cases)
    # Tuples, for the inbox keeps lines by their rows.
    sounds = func.array(heard.scalar_subquery(), type_=ARRAY(its.id.type, as_tuple=True)).label("recordings")
    entry = inbox_entries.c
    flags = (entry.silent, entry.fallback, entry.over_limit, entry.repeats, entry.seconds)
    own = (*(cases.c[name] for name in _SHOWN), _whose(), _said().label("said"))
    drafted = func.coalesce(func.jsonb_typeof(cases.c.draft) == "object", false()).label("drafted")
    person = people.c.full_name.label("person_name")
    return (
        select(ids.c.listed_at, *own, *flags, drafted, person, sounds)
        .join(cases, cases.c.id == ids.c.id)
        .outerjoin(inbox_entries, inbox_entries.c.case_id == cases.c.id)
        .outerjoin(people, people.c.id == cases.c.person_id)
        .order_by(*ListOrder(ids.c.listed_at, ids.c.id, newest).by)
    )


def _whose() -> Any:
    return case((OPEN_TO_ALL, cases.c.caller_key), else_="").label("caller_key")


def _said() -> Any:
    """The beginning of what she wants in words: as written, as heard, or as somebody noted who listened."""
    its, note = recordings.c, marks.c.note
    heard = select(func.left(its.transcript, MOST_SAID)).where(its.case_id == cases.c.id, ~its.superseded)
    heard = heard.where(its.transcript != "").order_by(its.recorded_at).limit(1)
    noted = select(note).join(recordings, its.name == marks.c.recording).where(its.case_id == cases.c.id)
    noted = noted.where(note != "", marks.c.removed_at.is_(None)).order_by(marks.c.made_at).limit(1)
    written = func.nullif(func.left(cases.c.words, MOST_SAID), "")
    said = func.coalesce(written, heard.scalar_subquery(), noted.scalar_subquery(), "")
    told = func.coalesce(func.left(cases.c.told, MOST_SAID), "")  # what is confidential is in no list
    return case((OPEN_TO_ALL, said), else_=told)


_SHOWN = (
    *("id", "code", "kind", "topic", "county", "agency", "status", "channel", "opened_at"),
    *("due_at", "closed_at", "stopped_at", "paused_until", "rung", "level", "person_id", "last_seq"),
    *("call_id", "answered_at", "confidential"),
)


def rows_of(codes: Sequence[str], sight: Sight) -> Select[Any]:
    """What the inbox shows of these cases, as far as they may be seen."""
    chosen = select(cases.c.id, cases.c.opened_at.label("listed_at")).where(cases.c.code.in_(codes))
    return shown(seen_by(chosen, sight), newest=True)


def seen_by(chosen: Any, sight: Sight, its: Any = cases.c) -> Any:
    """Only what may be seen of the chosen cases. `its`: their columns."""
    return chosen.where(sight.scope.cases(its))


def of_citizens(filters: Filters, its: Any) -> list[Any]:
    """The condition that it is a citizen's own, if that is asked for. `its`: columns of cases or entries."""
    if filters.channel != CITIZEN:
        return []
    if "channel" in its:
        return [its.channel.not_in(NOBODYS)]
    none = [facet(_LETTERS["channel"], channel) for channel in sorted(NOBODYS)]
    return [wanted([], [], its.lexemes, none).is_(True)]  # so put, it is nothing for the index


def of_number(number: str) -> Any:
    """The ids of the cases whose caller has that number, in E.164, or gave it to be called back."""
    has = select(cases.c.id).where(KNOWN, cases.c.caller_key == number)
    return has.union(select(inbox_entries.c.case_id).where(wanted([facet("n", number)], [])))


def wanted(
    every: Sequence[str],
    groups: Sequence[Sequence[str]],
    its: Any = inbox_entries.c.lexemes,
    none: Sequence[str] = (),
) -> Any:
    """The condition that an entry holds all of `every`, one of each group, none of `none`. `its`: lexemes."""
    return its.op("@@")(cast(literal(tsquery(every, groups, none), Text), TSQUERY))


def facets(sight: Sight, filters: Filters) -> tuple[list[str], list[list[str]]]:
    """What an entry must hold, and groups of which it must hold one."""
    every = [facet(_LETTERS[name], value) for name, value in filters.codes.items()]
    every += [facet("a", sight.agency)] if sight.agency else []
    if not sight.counties or filters.county in sight.counties:
        return every, []
    return every, [[facet("c", county) for county in ["", *sorted(sight.counties)]]]
