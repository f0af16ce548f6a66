"""Precedents: what the desk ruled on whose a topic is in a county. One at most is in force for each."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

# `county` "" = unknown. `ended_at` is set when it is revoked, or replaced by a later ruling.
precedents = Table(
    "precedents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, ForeignKey("topics.code"), nullable=False),
    Column("county", Text, nullable=False),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("ruled_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("ruled_at"),
    moment("ended_at", nullable=True),
    Column("ended_by", Text),
    Column("ended_reason", Text),
    Index(
        "uq_precedents_in_force", "topic", "county", unique=True, postgresql_where=text("ended_at IS NULL")
    ),
)
