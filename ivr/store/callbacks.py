"""Call-backs: what a citizen is to be told by telephone, and every attempt to reach her."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, Uuid, and_, literal_column, or_, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# An answer that the desk must tell of, since nobody can be called. Callers join it with the case's status.
UNTOLD = text("callbacks.purpose = 'answer' AND callbacks.state = 'unreachable'")

# In `notice`: why a row could not be worked on and was put aside, as `unreachable`.
ASIDE = "put_aside"

# Whoever asked to be rung about a case, and is known yet: retention looks for those of nameless ones.
ASKED_FOR = text("(number <> '' AND purpose IN ('status', 'turn'))")

# One row for one thing to tell; `key` makes it unique however often its cause is applied.
# `state`: waiting | calling | reached | unconfirmed | cancelled | unreachable. `number` is E.164.
# `notice`: what is told about a meeting (`ivr.desk.case.meeting_calls`).
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    moment("created_at"),
    moment("next_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("first_at", nullable=True),
    moment("last_at", nullable=True),
    Column("last_outcome", Text),
    moment("ended_at", nullable=True),
    Column("notice", JSONB(none_as_null=True)),
    Index("ix_callbacks_next_at", "next_at", postgresql_where=text("state = 'waiting'")),
    Index(None, "case_id"),
    Index("ix_callbacks_verify_number", "number", postgresql_where=text("purpose = 'verify'")),
    Index(
        "ix_callbacks_untold",
        "case_id",
        postgresql_where=text("purpose = 'answer' AND state = 'unreachable'"),
    ),
    Index("ix_callbacks_created_at_id", "created_at", "id"),
    Index("ix_callbacks_asked_for", "ended_at", postgresql_where=ASKED_FOR),
)

# A server that starts looks at these again: whatever ends what waits must end them, too. They are
# counted each minute, and are few. Written out, not bound: else the planner can't know their index by it.
PUT_ASIDE = and_(
    callbacks.c.state == literal_column("'unreachable'"),
    callbacks.c.notice.op("->")(literal_column(f"'{ASIDE}'")).is_not(None),
)
Index("ix_callbacks_put_aside", callbacks.c.id, postgresql_where=PUT_ASIDE)
NOBODY_ON_THE_LINE = or_(callbacks.c.state == "waiting", PUT_ASIDE)  # of what is yet to be told

# Committed before the call is placed. Its `id` is the channel's unique id in Asterisk; `outcome` NULL = in
# progress, or nobody knows.
callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("callback_id", Uuid, ForeignKey("callbacks.id"), nullable=False),
    Column("number", Text, nullable=False),
    moment("at"),
    Column("outcome", Text),
    moment("ended_at", nullable=True),
    Index(None, "callback_id"),
    Index("ix_callback_attempts_number_at", "number", "at"),
    Index("ix_callback_attempts_at", "at"),
    Index("ix_callback_attempts_open", "at", postgresql_where=text("outcome IS NULL")),
)
