"""What every table shares. The tables themselves: one noun per file, gathered by `ivr.store.tables`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, DateTime, MetaData

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def moment(name: str, nullable: bool = False) -> Column[datetime]:
    """A point in time; always with its zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)
