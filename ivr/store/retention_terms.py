"""Retention terms: how long what is kept, where people changed it; they stand over `retention.yaml`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from ivr.store.base import metadata, moment

# `what`: cases | calls | scraps. `kind`, `status` "" = any, as for calls and scraps. Days after the end, 0 =
# never. A retired one hides the file's.
retention_terms = Table(
    "retention_terms",
    metadata,
    Column("what", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("delete_after", Integer, nullable=False),
    Column("anonymise_after", Integer, nullable=False),
    moment("retired_at", nullable=True),
)
