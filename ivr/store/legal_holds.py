"""Legal holds: cases that retention must not touch, by whom and why. One at most is in force for each."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("held_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("held_at"),
    moment("ended_at", nullable=True),
    Column("ended_by", Text),
    Index("uq_legal_holds_in_force", "case_id", unique=True, postgresql_where=text("ended_at IS NULL")),
)
