"""Orders given to agencies when a citizen was heard: each is a part of her case."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Table, Text, Uuid

from ivr.store.base import metadata, moment

# `case_id`: the part; `of_case`: her case. `due_on`: as it is now; `first_due_on`: as it was given.
# `said`: what she said on our call, an outcome of `ivr.cases.callback`; `said_by`: in which attempt. That her
# case is not solved counts likewise, in no attempt of these.
# `checked_at`: when the office looked last at what the body reported and found it done.
meeting_orders = Table(
    "meeting_orders",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("of_case", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("given_by", Text, nullable=False),
    moment("given_at"),
    Column("due_on", Date, nullable=False),
    Column("first_due_on", Date, nullable=False),
    Column("said", Text, nullable=False, server_default=""),
    moment("said_at", nullable=True),
    Column("said_by", Uuid),
    moment("checked_at", nullable=True),
    Column("checked_by", Text),
    Index(None, "of_case"),
    Index(None, "due_on"),
)
