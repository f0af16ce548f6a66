"""Calls in progress as each server tells of them, only while somebody looks at the live board.

One row a process. Not in the write-ahead log: after a crash of the database nobody misses it.
"""

from __future__ import annotations

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

live_calls = Table(
    "live_calls",
    metadata,
    Column("process", Text, primary_key=True),
    moment("at"),
    Column("calls", JSONB, nullable=False),
    prefixes=["UNLOGGED"],
)
