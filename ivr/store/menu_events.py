"""What was done with a menu's drafts and revisions; rows are only added. The deeds: `ivr.voice.menu_life`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment, noted

# `draft`, `revision`: numbers among the drafts and the revisions of that name. A tree on trial has the number
# of a revision that is not there yet, and keeps it when it is published.
menu_events = Table(
    "menu_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    moment("at"),
    Column("deed", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("draft", Integer),
    Column("revision", Integer),
    Column("details", JSONB, nullable=False),
    *noted("menu_events"),
    Index("ix_menu_events_name_id", "name", "id"),
)
