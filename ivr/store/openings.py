"""Openings: what one person asks to see, and another one allows for a while or refuses."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# Of a confidential case (`case_id`) or of the identities in a file of cases (`export`: what it is asked for).
# `allowed` NULL: nobody has decided. `until`: when what was allowed is over.
openings = Table(
    "openings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id")),
    Column("export", JSONB(none_as_null=True)),
    Column("reason", Text, nullable=False),
    Column("asked_by", Uuid, ForeignKey("people.id"), nullable=False),
    moment("asked_at"),
    Column("allowed", Boolean),
    Column("decided_by", Uuid, ForeignKey("people.id")),
    moment("decided_at", nullable=True),
    moment("until", nullable=True),
    CheckConstraint("decided_by <> asked_by", name="another_person"),
    Index("ix_openings_asked_at", "asked_at"),
)
