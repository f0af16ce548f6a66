"""Suggestions: what was proposed for a case's words, and what was chosen in the end, by whom."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `source`: words | transcript. `top`: up to three {agency, topic, confidence}, the likeliest first.
# `assigned`: it was sure enough and acted alone. `chosen_…`: NULL as long as the case is at the desk.
suggestions = Table(
    "suggestions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("source", Text, nullable=False),
    moment("suggested_at"),
    Column("top", JSONB, nullable=False),
    Column("assigned", Boolean, nullable=False),
    Column("chosen_topic", Text),
    Column("chosen_agency", Text),
    Column("chosen_by", Text),
    moment("chosen_at", nullable=True),
    Index(None, "case_id"),
    Index("ix_suggestions_suggested_at_id", "suggested_at", "id"),
)
