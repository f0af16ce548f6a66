"""What callers are told for a while, slot by slot; rows are only added, and the last one of a slot holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `words`: language → text; {} switches the slot off.
announcements = Table(
    "announcements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("slot", Text, nullable=False),
    Column("words", JSONB, nullable=False),
    moment("until"),
    Column("author", Text, nullable=False),
    moment("at"),
    Index("ix_announcements_slot_id", "slot", "id"),
)
