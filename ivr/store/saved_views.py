"""Saved views: a person's name for a queue with its filters, as the inbox's address has them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, Uuid, text
from sqlalchemy import UniqueConstraint as Unique

from ivr.store.base import metadata, moment

# `query`: like "kind=complaint&queue=overdue". `shared`: everybody sees it, each within what they may see.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    moment("made_at"),
    Unique("person_id", "name"),
    Index("ix_saved_views_shared", "name", postgresql_where=text("shared")),
)
