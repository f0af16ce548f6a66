"""The day of a session: what was written down of each hearing, and what browsers have sent already."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, Uuid

from ivr.store.base import metadata, moment

# `said`: what she brought; `decided`: what the official said to it. `people`: with her, herself too.
meeting_minutes = Table(
    "meeting_minutes",
    metadata,
    Column("session", Integer, ForeignKey("meeting_sessions.number"), primary_key=True),
    Column("case_id", Uuid, ForeignKey("meeting_requests.case_id"), primary_key=True),
    Column("said", Text, nullable=False, server_default=""),
    Column("decided", Text, nullable=False, server_default=""),
    Column("people", Integer, nullable=False, server_default="1"),
    Column("written_by", Text, nullable=False),
    moment("written_at"),
    Index(None, "case_id"),
)

# `key`: given by the browser; what comes with it a second time was done already.
meeting_deeds = Table(
    "meeting_deeds",
    metadata,
    Column("key", Uuid, primary_key=True),
    Column("session", Integer, ForeignKey("meeting_sessions.number"), nullable=False),
    Column("deed", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    moment("done_at"),
    moment("sent_at"),
    Index(None, "session"),
)
