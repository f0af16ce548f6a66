"""Channels: other systems that may send cases, each with a token of which only the hash is kept."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy import ForeignKey as To
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `token_hash`: SHA-256 of a random token, so no slow hash is needed. `window_at`, `window_count`: requests of
# the minute that began then. `rights`: of `ivr.cases.channels`. `agency`: whose orders it sees, NULL = all.
# `webhook`: the address that gets news of orders, "" = none.
channels = Table(
    "channels",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("per_minute", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    moment("made_at"),
    moment("revoked_at", nullable=True),
    moment("window_at", nullable=True),
    Column("window_count", Integer, nullable=False, server_default="0"),
    Column("rights", JSONB, nullable=False, server_default='["cases"]'),
    Column("agency", Text, To("agencies.code")),
    Column("webhook", Text, nullable=False, server_default=""),
)

# What a channel asked for under a key of its own, so that asking again makes no second case.
channel_requests = Table(
    "channel_requests",
    metadata,
    Column("channel", Text, To("channels.name"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("case_id", Uuid, To("cases.id"), nullable=False),
    moment("made_at"),
    Index(None, "made_at"),
)
