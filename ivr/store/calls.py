"""Calls: who called when, every step with time and key, and how it ended."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

LOST = "lost"  # the outcome of a call whose process died
KNOWN = text("(caller <> '' OR steps <> '[]')")  # not forgotten by retention
UNNUMBERED = text("ended_at IS NOT NULL AND noted_no IS NULL")

# `noted_no`: as `ivr.store.base.noted`, given to a call that has ended by whoever seals it.
# `passed`: what she did at which steps, by which her call is found (`ivr.voice.step_figures`); NULL before
# that was noted.
# `caller` is what the network delivered, `caller_key` its E.164 form where it has one ("" = withheld).
calls = Table(
    "calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unique_id", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("caller_key", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    moment("started_at"),
    moment("answered_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("outcome", Text),
    Column("language", Text, nullable=False),
    Column("menu_name", Text, nullable=False),
    Column("menu_revision", Text, nullable=False),
    Column("steps", JSONB, nullable=False),
    Column("passed", JSONB),
    Column("noted_no", BigInteger),
    Index("ix_calls_passed", "passed", postgresql_using="gin", postgresql_ops={"passed": "jsonb_path_ops"}),
    Index("ix_calls_started_at_id", "started_at", "id"),
    Index(None, "unique_id"),
    Index("ix_calls_known", "started_at", postgresql_where=KNOWN),
    Index("ix_calls_running", "started_at", postgresql_where=text("ended_at IS NULL")),
    Index("ix_calls_noted_no", "noted_no", unique=True),
    Index("ix_calls_unnumbered", "id", postgresql_where=UNNUMBERED),
)
