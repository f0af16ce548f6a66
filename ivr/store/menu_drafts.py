"""Menu drafts: every text of a tree that somebody saved; rows are only added."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from ivr.store.base import metadata, moment

# `number` counts for each name. `began_from`: the digest of the text that its author began from, "" = none.
menu_drafts = Table(
    "menu_drafts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("began_from", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("at"),
)
