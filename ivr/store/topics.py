"""Topics: the leaves of the two-press topic tree.

`confidential`: its cases are. A retired one gets nothing new; cases that have it go on.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

topics = Table(
    "topics",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("deadline_days", Integer, nullable=False),
    Column("keywords", JSONB, nullable=False),
    Column("confidential", Boolean, nullable=False, server_default="false"),
    moment("retired_at", nullable=True),
)
