"""Blocked callers: numbers that hear a notice and get the operator or the beep, always until some day."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, Table, Text, Uuid, and_

from ivr.store.base import metadata, moment

# `caller_key` as in `calls`. In force from `blocked_at` until the earlier of `until` and `ended_at`;
# long after that retention takes key and reason.
blocked_callers = Table(
    "blocked_callers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("blocked_by", Text, nullable=False),
    moment("blocked_at"),
    moment("until"),
    moment("ended_at", nullable=True),
    Column("ended_by", Text),
    Index(None, "caller_key", "until"),
)


def in_force(now: Any) -> ColumnElement[bool]:
    """`now`: a moment, or a parameter for one."""
    return and_(blocked_callers.c.until > now, blocked_callers.c.ended_at.is_(None))
