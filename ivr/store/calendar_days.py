"""Days that differ from weekend and holidays, like sudden closures. `county` "" = everywhere.

`declared_at` is empty for those that the seed files name.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Table, Text

from ivr.store.base import metadata, moment

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("county", Text, primary_key=True),
    Column("is_working", Boolean, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("declared_by", Text, nullable=False, server_default=""),
    moment("declared_at", nullable=True),
)
