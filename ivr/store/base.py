"""What every table shares. The tables themselves: one noun per file, gathered by `ivr.store.tables`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Sequence, text

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


# By its number a row is sealed: `ivr.desk.keeping.sealing`. Numbers of what was rolled back, or was there
# already, are never used.
custody_numbers = Sequence("custody_numbers", metadata=metadata)


def noted(table: str) -> tuple[Column[int], Index]:
    """The number that a row gets when it is written, whatever wrote it, and the index over it."""
    number = text("nextval('custody_numbers')")
    return (
        Column("noted_no", BigInteger, nullable=False, server_default=number),
        Index(f"ix_{table}_noted_no", "noted_no", unique=True),
    )
