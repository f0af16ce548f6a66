"""Papers that were issued: by their token a public page says whether one is genuine."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, Uuid

from ivr.store.base import metadata, moment

# `year`, `number`: the indicator number, from 1 in each Jalali year. `office`: who issues it, as the
# letterhead has it. `fingerprint`: SHA-256 of its kind and text, in hex; what it says stands nowhere here.
# `as_of`: the last event of its case that it knows of; `session`: of which it is.
papers = Table(
    "papers",
    metadata,
    Column("token", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("dated", Date, nullable=False),
    Column("office", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("case_id", Uuid, ForeignKey("cases.id")),
    Column("as_of", Integer),
    Column("session", Integer, ForeignKey("meeting_sessions.number")),
    Column("issued_by", Text, nullable=False),
    moment("issued_at"),
    moment("withdrawn_at", nullable=True),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    UniqueConstraint("year", "number"),
    Index(None, "fingerprint"),
    Index(None, "case_id"),
    Index(None, "session"),
)
