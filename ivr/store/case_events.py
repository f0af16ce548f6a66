"""Case events: everything that ever happened to a case, numbered, never changed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

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
    UniqueConstraint("case_id", "seq"),
)
