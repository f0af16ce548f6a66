"""Case events: everything that ever happened to a case, numbered, chained, never changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects.postgresql import JSONB

from ivr.cases.zone import TIMEZONE
from ivr.store.base import metadata, moment

_EMPTY = text("''::bytea")  # what code from before the chain writes; the worker gives it its place

UNCHAINED_ROWS = text("hash = ''::bytea")  # literally, or the planner can't use the index

# `state`, `previous`, `hash`: `ivr.cases.custody`. `noted_on`: the day, in Tehran, of the writing.
case_events = Table(
    "case_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    moment("at"),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("state", LargeBinary, nullable=False, server_default=_EMPTY),
    Column("previous", LargeBinary, nullable=False, server_default=_EMPTY),
    Column("hash", LargeBinary, nullable=False, server_default=_EMPTY),
    Column(
        "noted_on",
        Date,
        nullable=False,
        server_default=text(f"((clock_timestamp() AT TIME ZONE '{TIMEZONE}'::text))::date"),
    ),
    Unique("case_id", "seq"),
    Index("ix_case_events_at", "at"),
    Index("ix_case_events_noted_on", "noted_on", postgresql_using="brin"),
    Index("ix_case_events_unchained", "case_id", postgresql_where=UNCHAINED_ROWS),
)

CHANNEL = "ivr_cases"  # NOTIFY with the ids of cases that something happened to
_MOST = 200  # ids of one notice; PostgreSQL takes 8,000 bytes
NOTIFY = select(func.pg_notify(CHANNEL, bindparam("ids", type_=Text)))


def notices(ids: Iterable[uuid.UUID]) -> list[dict[str, str]]:
    """The parameters of NOTIFY, to be executed in the transaction that writes the events."""
    names = [each.hex for each in dict.fromkeys(ids)]
    return [{"ids": " ".join(names[at : at + _MOST])} for at in range(0, len(names), _MOST)]
