"""What agencies owe a session: to come, and a written view of each request that needs them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, Uuid

from ivr.store.base import metadata, moment

# `state`: invited, accepts, substitute, refuses. `who`: the substitute's name. `came`: "" until it is noted,
# then head, substitute or nobody.
meeting_invitations = Table(
    "meeting_invitations",
    metadata,
    Column("session", Integer, ForeignKey("meeting_sessions.number"), primary_key=True),
    Column("agency", Text, ForeignKey("agencies.code"), primary_key=True),
    moment("invited_at"),
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("answered_by", Text, nullable=False, server_default=""),
    moment("answered_at", nullable=True),
    Column("came", Text, nullable=False, server_default=""),
    Column("came_by", Text, nullable=False, server_default=""),
    Index(None, "agency"),
)

# A row is owed from the day it is asked for. `session`: that before which it is owed. `words` "": not given.
meeting_views = Table(
    "meeting_views",
    metadata,
    Column("case_id", Uuid, ForeignKey("meeting_requests.case_id"), primary_key=True),
    Column("agency", Text, ForeignKey("agencies.code"), primary_key=True),
    Column("session", Integer, ForeignKey("meeting_sessions.number"), nullable=False),
    moment("asked_at"),
    moment("due_at"),
    moment("reminded_at", nullable=True),
    Column("words", Text, nullable=False, server_default=""),
    Column("given_by", Text, nullable=False, server_default=""),
    moment("given_at", nullable=True),
    Index(None, "session"),
)
