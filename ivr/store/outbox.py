"""Outbox: everything that must leave the house, written in the transaction that caused it.

`key` makes a message unique however often its cause is applied. `dead_at`: tried often enough, a person must
look.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment, noted

outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    moment("created_at"),
    moment("next_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("delivered_at", nullable=True),
    Column("last_error", Text),
    moment("dead_at", nullable=True),
    Index("ix_outbox_next_at", "next_at", postgresql_where=text("delivered_at IS NULL AND dead_at IS NULL")),
    Index("ix_outbox_delivered_at", "delivered_at", postgresql_where=text("delivered_at IS NOT NULL")),
    Index("ix_outbox_dead_at", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
    *noted("outbox"),
)
