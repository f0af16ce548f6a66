"""What may be changed: each noun with its fields, its key and the table that it lives in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.kinds import Kind
from ivr.cases.roles import Role
from ivr.cases.routing import RuleScope
from ivr.cases.statuses import OPEN, Status
from ivr.desk.case.change import EVENTS
from ivr.desk.editing.values import Field, Row
from ivr.desk.letters.notices import OF_ITS_CASE
from ivr.store import tables

PEOPLE = "desk"  # the source of rules that people made
_RETIRED = Field("retired", "flag", needed=False)
_SCOPES = tuple(str(scope) for scope in RuleScope if scope is not RuleScope.PRECEDENT)
ENDED = tuple(str(status) for status in Status if status not in OPEN)
# Of what a notice may tell: a case's beginning, what is done with it, and what time does.
_TOLD = ("opened", *EVENTS.values(), "part_answered", "duplicate_merged", "repeated", "reminded", "escalated")
_TOLD += ("number_confirmed", "office_reminded", "report_asked", "turn_missed", "order_said")
_OF_MEETINGS = (
    *("meeting_invited", "meeting_reminder", "meeting_off"),
    *("meeting_view_asked", "meeting_view_late", "meeting_body_moved", "meeting_body_off"),  # to a body
)
_PATTERN = r"\*|[a-z][a-z0-9_.]*(\.\*)?"  # of topics, as `notices.fits` reads it
LIMITS = (
    *("cases_per_hour", "cases_per_day", "repeat_days", "wrong_codes", "wrong_codes_minutes"),
    "reveals_per_day",
)


@dataclass(frozen=True, slots=True)
class Noun:
    """`plural` names it in files. `over_files`: its rows stand over those of a file, which hold without them.

    Cases point at what else `retires`: it is never deleted.
    """

    name: str
    plural: str
    table: Table
    fields: tuple[Field, ...]
    keys: tuple[str, ...] = ("code",)
    over_files: bool = False

    @property
    def stays(self) -> bool:
        """Whether cases may point at its rows."""
        return self.retires and not self.over_files

    @property
    def retires(self) -> bool:
        return _RETIRED in self.fields

    def whole(self, row: Row | None) -> Row | None:
        """With the fields that it had not yet when it was kept."""
        return None if row is None else {field.name: field.empty for field in self.fields} | row

    def key(self, row: Row) -> str:
        return "/".join(str(row[name]) for name in self.keys)

    async def rows(self, connection: AsyncConnection) -> dict[str, Row]:
        """All of them, by key."""
        query = select(self.table).order_by(*(self.table.c[name] for name in self.keys))
        found = [self._row(row._mapping) for row in await connection.execute(query)]
        return {self.key(row): row for row in found}

    async def put(self, connection: AsyncConnection, row: Row, by: str, now: datetime) -> None:
        """Insert it, or write over the one of its key."""
        values = self._values(row, now)
        changes = {name: value for name, value in values.items() if name not in self.keys}
        statement = insert(self.table).values(values)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=list(self.keys), set_=changes)
        )

    async def drop(self, connection: AsyncConnection, row: Row) -> None:
        """Take it away; only for what cases don't point at."""
        values = self._values(row, None)
        where = and_(*(self.table.c[name] == values[name] for name in self.keys))
        await connection.execute(delete(self.table).where(where))

    def _row(self, found: Any) -> Row:
        row: Row = {}
        for field in self.fields:
            value = found["retired_at"] is not None if field is _RETIRED else found[field.name]
            row[field.name] = field.empty if value is None else value
            if isinstance(value, date):
                row[field.name] = value.isoformat()
        return row

    def _values(self, row: Row, now: datetime | None) -> Row:
        """As the table has them."""
        values: Row = {}
        for field in self.fields:
            value = row[field.name]
            if field is _RETIRED:
                values["retired_at"] = now if value else None
            elif field.kind == "day":
                values[field.name] = date.fromisoformat(value)
            else:
                nullable = self.table.c[field.name].nullable
                values[field.name] = None if value == "" and nullable else value
        return values


class RuleNoun(Noun):
    """What the rules of a topic say in one scope: one agency."""

    __slots__ = ()

    async def put(self, connection: AsyncConnection, row: Row, by: str, now: datetime) -> None:
        await self.drop(connection, row)
        await connection.execute(insert(self.table).values(row | {"source": PEOPLE}))


class DayNoun(Noun):
    """A day that people declared keeps who did so: seeds don't know it."""

    __slots__ = ()

    async def put(self, connection: AsyncConnection, row: Row, by: str, now: datetime) -> None:
        values = self._values(row, now) | {"declared_by": by, "declared_at": now}
        statement = insert(self.table).values(values)
        await connection.execute(statement.on_conflict_do_update(index_elements=list(self.keys), set_=values))


class KindNoun(Noun):
    """Which topic governs a kind of case: a part of the province's row."""

    __slots__ = ()

    async def rows(self, connection: AsyncConnection) -> dict[str, Row]:
        kinds = (await connection.execute(select(self.table.c.kinds))).scalar_one()
        return {kind: {"kind": kind, "topic": topic} for kind, topic in sorted(kinds.items())}

    async def put(self, connection: AsyncConnection, row: Row, by: str, now: datetime) -> None:
        await self._set(connection, row["kind"], row["topic"])

    async def drop(self, connection: AsyncConnection, row: Row) -> None:
        await self._set(connection, row["kind"], None)

    async def _set(self, connection: AsyncConnection, kind: str, topic: str | None) -> None:
        kinds = dict((await connection.execute(select(self.table.c.kinds))).scalar_one())
        kinds.pop(kind, None)
        if topic is not None:
            kinds[kind] = topic
        await connection.execute(update(self.table).values(kinds=kinds))


AGENCY = Noun(
    "agency",
    "agencies",
    tables.agencies,
    (
        Field("code", "code"),
        Field("name"),
        Field("short", needed=False, high=24),
        Field("level", "choice", choices=("province", "county")),
        Field("county", "code", needed=False, names="area"),
        Field("parent", "code", needed=False, names="agency"),
        Field("assignable", "flag", needed=False),
        Field("note", needed=False, high=1000),
        _RETIRED,
    ),
)
TOPIC = Noun(
    "topic",
    "topics",
    tables.topics,
    (
        Field("code", "code"),
        Field("name"),
        Field("parent", "code"),
        Field("key", pattern=r"0|[1-9]\d", needed=False),
        Field("deadline_days", "whole", low=1, high=365),
        Field("confidential", "flag", needed=False),
        Field("keywords", "list", needed=False),
        _RETIRED,
    ),
)
AREA = Noun(
    "area",
    "areas",
    tables.areas,
    (
        Field("code", "code"),
        Field("key", pattern=r"\d\d?", width=2),
        Field("name"),
        Field("capital"),
        Field("towns", "list", needed=False),
        Field("aliases", "list", needed=False),
        _RETIRED,
    ),
)
RULE = RuleNoun(
    "rule",
    "rules",
    tables.routing_rules,
    (
        Field("topic", "code", names="topic"),
        Field("scope", "choice", choices=_SCOPES),
        Field("county", "code", needed=False, names="area"),
        Field("agency", "code", names="agency", pattern=r"[a-z][a-z0-9_.{}]{0,79}"),
    ),
    ("topic", "scope", "county"),
)
KIND = KindNoun(
    "kind",
    "kinds",
    tables.provinces,
    (Field("kind", "choice", choices=tuple(map(str, Kind))), Field("topic", "code", names="topic")),
    ("kind",),
)
DAY = DayNoun(
    "day",
    "days",
    tables.calendar_days,
    (
        Field("day", "day"),
        Field("county", "code", needed=False, names="area"),
        Field("is_working", "flag", needed=False),
        Field("note"),
    ),
    ("day", "county"),
)
WORDING = Noun(
    "wording",
    "wordings",
    tables.wordings,
    (
        Field("name", "code", pattern=r"[a-z0-9_.-]{1,60}"),
        Field("topic", "code", needed=False, pattern=_PATTERN, default="*"),
        Field("status", "choice", needed=False, choices=("answered", "advised"), default="answered"),
        Field("said", "said", high=2000, fields=OF_ITS_CASE),
        _RETIRED,
    ),
    ("name", "topic", "status"),
    over_files=True,
)
NOTICE = Noun(
    "notice",
    "notices",
    tables.notices,
    (
        Field("on", "choice", choices=(*(f"case_{event}" for event in dict.fromkeys(_TOLD)), *_OF_MEETINGS)),
        Field("to", "choice", choices=("citizen", "agency", "level")),
        Field("by", "choice", choices=("sms", "email")),
        Field("topic", "code", needed=False, pattern=_PATTERN, default="*"),
        Field("subject", "said", needed=False),
        Field("text", "said", high=2000, lines=True),
        _RETIRED,
    ),
    ("on", "to", "by", "topic"),
    over_files=True,
)
LIMIT = Noun(
    "limit",
    "limits",
    tables.limits,
    (Field("name", "choice", choices=LIMITS), Field("value", "whole", low=0, high=100_000)),
    ("name",),
)
RETENTION = Noun(
    "retention",
    "retention",
    tables.retention_terms,
    (
        Field("what", "choice", choices=("cases", "calls", "scraps")),
        Field("kind", "choice", needed=False, choices=tuple(map(str, Kind))),
        Field("status", "choice", needed=False, choices=ENDED),
        Field("delete_after", "whole", needed=False, high=36_500),
        Field("anonymise_after", "whole", needed=False, high=36_500),
        _RETIRED,
    ),
    ("what", "kind", "status"),
    over_files=True,
)
FACTOR = Noun(
    "factor",
    "factors",
    tables.factor_roles,
    (Field("role", "choice", choices=tuple(map(str, Role))), Field("needed", "flag", needed=False)),
    ("role",),
)
NOUNS: Sequence[Noun] = (AGENCY, TOPIC, AREA, RULE, KIND, DAY, WORDING, NOTICE, LIMIT, RETENTION, FACTOR)
FIXED = (LIMIT, FACTOR)  # people change their rows, and make no new ones
BY_NAME = {noun.name: noun for noun in NOUNS}
