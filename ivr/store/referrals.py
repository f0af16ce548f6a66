"""Referrals: which body was responsible for a case from when, why, and until when it must act."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment, noted

referrals = Table(
    "referrals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("advice", Text, nullable=False, server_default=""),
    moment("referred_at"),
    moment("due_at"),
    moment("ended_at", nullable=True),
    Column("ended_reason", Text),
    Index(None, "case_id"),
    Index("ix_referrals_due_at", "due_at"),
    # One body at most is responsible at any time.
    Index("uq_referrals_running", "case_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    *noted("referrals"),
)
