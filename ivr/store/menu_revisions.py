"""Menu revisions: every text that was ever on the air; rows are only added."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from ivr.store.base import metadata, moment, noted

menu_revisions = Table(
    "menu_revisions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("author", Text, nullable=False),
    moment("at"),
    *noted("menu_revisions"),
)
