"""Menu step days: what callers did at the steps of a tree on each day that is over, counted once and kept."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `figures`: `ivr.voice.step_figures`. The row of a day whose `name` is "" says that the day has been counted.
menu_step_days = Table(
    "menu_step_days",
    metadata,
    Column("name", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("revision", Text, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("figures", JSONB, nullable=False),
    moment("counted_at"),
)
