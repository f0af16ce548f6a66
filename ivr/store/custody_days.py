"""Custody days: the root over all events that were written on a day (in Tehran), chained from day to day."""

from __future__ import annotations

from sqlalchemy import Column, Date, Integer, LargeBinary, Table

from ivr.store.base import metadata, moment

custody_days = Table(
    "custody_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("previous", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("events", Integer, nullable=False),
    moment("closed_at"),
)
