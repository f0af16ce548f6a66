"""Notices: texts by SMS and mail that people changed; they stand over the province's `notices.yaml`."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `subject`, `text`: language → text. A retired one hides the file's.
notices = Table(
    "notices",
    metadata,
    Column("on", Text, primary_key=True),
    Column("to", Text, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("subject", JSONB, nullable=False),
    Column("text", JSONB, nullable=False),
    moment("retired_at", nullable=True),
)
