"""Marks: a second of a recording that somebody wants to find again, with a note or without."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Double, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

# `made_by`, `removed_by`: as case events name their actors.
marks = Table(
    "marks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("recording", Text, ForeignKey("recordings.name"), nullable=False),
    Column("second", Double, CheckConstraint("second >= 0", name="second"), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("made_by", Text, nullable=False),
    moment("made_at"),
    moment("removed_at", nullable=True),
    Column("removed_by", Text),
    Index("ix_marks_recording", "recording", "second", postgresql_where=text("removed_at IS NULL")),
)
