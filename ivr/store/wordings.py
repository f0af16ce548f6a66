"""Wordings: ready answers that people changed; they stand over the province's `answers.yaml`."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `said`: language → text. A retired one hides the file's.
wordings = Table(
    "wordings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("said", JSONB, nullable=False),
    moment("retired_at", nullable=True),
)
