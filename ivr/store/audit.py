"""Audit: who did, saw or heard what, from where, and why. Rows are only added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text, Uuid, text
from sqlalchemy import ForeignKey as To
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment, noted

# What tells who a caller is: somebody should read who did it and why.
TELLING = text(
    "action IN ('caller_revealed', 'callback_revealed', 'national_id_revealed', 'voice_revealed',"
    " 'reveal_limit_reached', 'identities_exported', 'recording_downloaded')"
)

# `person_id`: null = the command line, or a name that nobody has. `subject`: what it was about beside a case
# or a recording, like "person/karimi" or "agency/abfa". `address`: the network address it came from.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    moment("at"),
    Column("person_id", Uuid, To("people.id")),
    Column("action", Text, nullable=False),
    Column("case_id", Uuid, To("cases.id")),
    Column("recording", Text, To("recordings.name")),
    Column("subject", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Index(None, "case_id", "id", postgresql_where=text("case_id IS NOT NULL")),
    Index(None, "person_id", "id"),
    Index(None, "subject", "id"),
    Index("ix_audit_telling", "at", "id", postgresql_where=TELLING),
    *noted("audit"),
)
