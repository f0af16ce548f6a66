"""Transcripts: every wording of what a recording says, by whom. `recordings.transcript` is the last."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from ivr.store.base import metadata, moment

transcripts = Table(
    "transcripts",
    metadata,
    Column("recording", Text, ForeignKey("recordings.name"), primary_key=True),
    Column("edition", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    moment("written_at"),
)
