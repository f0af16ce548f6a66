"""Book changes: what people changed of agencies, topics, rules, calendar and the like. Rows are only added.

The database itself refuses to change or delete one (migration).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Select,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `before`, `after`: the row's values, NULL = there was, or is, none. `batch`: the changes of one import.
# `undoes`: the change that this one takes back. `held`: whether the row is people's from now on, so that
# seeding leaves it alone.
book_changes = Table(
    "book_changes",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    moment("changed_at"),
    Column("changed_by", Text, nullable=False),
    Column("noun", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("reason", Text, nullable=False, server_default=""),
    Column("batch", Uuid),
    Column("undoes", BigInteger, ForeignKey("book_changes.number")),
    Column("held", Boolean, nullable=False),
    Index("ix_book_changes_noun_key_number", "noun", "key", "number"),
    Index("ix_book_changes_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
)


def held_keys(noun: str) -> Select[Any]:
    """The keys of the rows that are people's now."""
    newest = select(func.max(book_changes.c.number)).where(book_changes.c.noun == noun)
    newest = newest.group_by(book_changes.c.key)
    return select(book_changes.c.key).where(book_changes.c.number.in_(newest), book_changes.c.held)
