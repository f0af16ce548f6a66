"""Agencies: the bodies that may be responsible for a case, and those that can only be advised.

A retired one gets nothing new; cases that have it go on. `short`: what people call it, where room is scarce.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text

from ivr.store.base import metadata, moment

agencies = Table(
    "agencies",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("short", Text, nullable=False, server_default=""),
    Column("level", Text, nullable=False),
    Column("county", Text),
    Column("parent", Text),
    Column("assignable", Boolean, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    moment("retired_at", nullable=True),
)
