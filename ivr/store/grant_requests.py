"""What one admin asks another to allow: making somebody into what neither may make alone."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, Uuid, text
from sqlalchemy import ForeignKey as To
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `deed`: add, change, password, totp. `name`: of whom, who need not be there yet. `wanted`: what they are to
# be. `allowed`: null until another admin has decided.
grant_requests = Table(
    "grant_requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("deed", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("wanted", JSONB, nullable=False),
    Column("asked_by", Uuid, To("people.id"), nullable=False),
    moment("asked_at"),
    Column("decided_by", Uuid, To("people.id")),
    moment("decided_at", nullable=True),
    Column("allowed", Boolean),
    Index(
        "ix_grant_requests_waiting",
        "name",
        "deed",
        unique=True,
        postgresql_where=text("decided_at IS NULL"),
    ),
)
