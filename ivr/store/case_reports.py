"""Reports that the governor's office asked the body of a case for. Their words stand in events."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

# `id`: of the event that asked. One at most is owed for each case, by whichever body has it.
case_reports = Table(
    "case_reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    moment("asked_at"),
    Column("due_on", Date, nullable=False),
    Column("given_by", Text),
    moment("given_at", nullable=True),
    Index(None, "case_id"),
    Index("uq_case_reports_owed", "case_id", unique=True, postgresql_where=text("given_at IS NULL")),
)
