"""Interventions: who listened in on a call, ended it or took it over, when and why.

Never changed but to say how it went. `code_hash`: of the code that the supervisor's telephone dials, good
once and until `expires_at`; NULL where none is needed. `used_at`: when it was dialled, `over_at`: when the
listening or the conversation ended.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

interventions = Table(
    "interventions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("call_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("at"),
    Column("code_hash", LargeBinary),
    moment("expires_at", nullable=True),
    moment("used_at", nullable=True),
    moment("over_at", nullable=True),
    Index(None, "call_id"),
    Index(None, "at"),
    Index(
        "ix_interventions_code_hash",
        "code_hash",
        postgresql_where=text("used_at IS NULL AND code_hash IS NOT NULL"),
    ),
)
