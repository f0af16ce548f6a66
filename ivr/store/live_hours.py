"""Hours in which an official takes calls of the hotline himself, and the calls that stood in his line."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# The session is a meeting by telephone without planned slots: each call that he takes becomes one.
# `extensions`: names of `meetings.extensions`, which ring together. `room`: how many may wait.
live_hours = Table(
    "live_hours",
    metadata,
    Column("session", Integer, ForeignKey("meeting_sessions.number"), primary_key=True),
    Column("extensions", JSONB, nullable=False),
    Column("room", Integer, nullable=False),
    moment("closed_at", nullable=True),
    Column("closed_by", Text, nullable=False, server_default=""),
)

# `call_id`: of the call, `code`: of the case that holds what she said before. `state`, `outcome`: of
# `ivr.cases.live_hour`. `seen_at`: when the process that carries the call last looked: one that died looks no
# more. `rings`: how often his telephone rang for her. `noted_at`: when the case was told that she was heard.
hour_calls = Table(
    "hour_calls",
    metadata,
    Column("call_id", Uuid, primary_key=True),
    Column("session", Integer, ForeignKey("live_hours.session"), nullable=False),
    Column("code", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("records", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text, nullable=False, server_default=""),
    moment("joined_at"),
    moment("seen_at"),
    moment("taken_at", nullable=True),
    Column("taken_by", Text, nullable=False, server_default=""),
    moment("talked_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("rings", Integer, nullable=False, server_default="0"),
    moment("noted_at", nullable=True),
    Index(None, "session", "joined_at"),
    Index(
        "ix_hour_calls_to_note", "joined_at", postgresql_where=text("outcome = 'heard' AND noted_at IS NULL")
    ),
)
