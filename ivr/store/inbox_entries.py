"""Inbox entries: what the inbox finds and shows of a case beyond its row. One for each case.

Written with each event of the case, in its transaction (`ivr.desk.case.entries`). `cases.entered` is NULL for
a case that has none yet: one that older code opened.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from ivr.store.base import metadata, moment

# `lexemes`: `ivr.cases.search`. `seq`: the last event that it knows. `silent`: all its words are silence.
# `fallback`: the dialplan alone recorded them. `faint`: either, and someone still owes it a first hearing.
# `repeats`: how often the caller said it again. `seconds`: of all words that count.
FAINT = text("faint")
inbox_entries = Table(
    "inbox_entries",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    moment("opened_at"),
    Column("agency", Text, nullable=False),
    Column("lexemes", TSVECTOR, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("fallback", Boolean, nullable=False),
    Column("faint", Boolean, nullable=False),
    Column("over_limit", Boolean, nullable=False),
    Column("repeats", Integer, nullable=False),
    Index(
        "ix_inbox_entries_lexemes",
        "lexemes",
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},  # every search would read the pending list whole
    ),
    Index("ix_inbox_entries_faint", "opened_at", "case_id", postgresql_where=FAINT),
    Index("ix_inbox_entries_faint_agency", "agency", "opened_at", "case_id", postgresql_where=FAINT),
)
