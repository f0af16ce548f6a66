"""Sessions at which an official meets citizens, and their slots."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Identity, Index, Integer, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

# `official`: governor, deputy, …; `agency`: of which body. `way`: in_person, phone, video; `link`: the number
# or address for the latter two. `state`: planned or cancelled. `reason`: of the calling off.
meeting_sessions = Table(
    "meeting_sessions",
    metadata,
    Column("number", Integer, Identity(), primary_key=True),
    Column("official", Text, nullable=False),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False),
    moment("starts_at"),
    moment("ends_at"),
    Column("way", Text, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
    Column("link", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("made_by", Text, nullable=False),
    moment("made_at"),
    Index("ix_meeting_sessions_starts_at", "starts_at"),
)

# `case_id` NULL: free. `outcome`: "" until the meeting was, then met or no_show. `by_hand`: why somebody was
# put there who was not next in the fair order; `ahead_of`: how many she was put ahead of. `arrived_at`,
# `began_at`, `ended_at`: when she was there, came in, and went.
# One request has one slot that is still to come, whoever books at the same moment.
meeting_slots = Table(
    "meeting_slots",
    metadata,
    Column("session", Integer, ForeignKey("meeting_sessions.number"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    moment("starts_at"),
    Column("case_id", Uuid, ForeignKey("meeting_requests.case_id")),
    Column("outcome", Text, nullable=False, server_default=""),
    Column("by_hand", Text, nullable=False, server_default=""),
    Column("ahead_of", Integer, nullable=False, server_default="0"),
    Column("placed_by", Text, nullable=False, server_default=""),
    moment("placed_at", nullable=True),
    moment("arrived_at", nullable=True),
    moment("began_at", nullable=True),
    moment("ended_at", nullable=True),
    Index("uq_meeting_slots_booked", "case_id", unique=True, postgresql_where=text("outcome = ''")),
)
