"""Recordings: files under the recordings folder, each with its hash; `case_id` NULL = words of no case."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Table, Text, Uuid

from ivr.store.base import metadata, moment

recordings = Table(
    "recordings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id")),
    Column("call_id", Uuid),
    moment("recorded_at"),
    Column("seconds", Double, nullable=False),
    Column("voiced_seconds", Double, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("ended", Text, nullable=False),
    Column("superseded", Boolean, nullable=False),
    Index(None, "case_id"),
    Index(None, "call_id"),
)
