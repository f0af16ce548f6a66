"""Sessions: who is signed in where. The browser holds a random token, of which only the hash is here."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy import ForeignKey as To

from ivr.store.base import metadata, moment

# `needs`: "" = whole, "totp" = the second factor is still to come. `ends_at`: the absolute end.
# `proved_at`: when a password or a one-time code was last given in it.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("person_id", Uuid, To("people.id"), nullable=False),
    Column("needs", Text, nullable=False, server_default=""),
    moment("made_at"),
    moment("seen_at"),
    moment("ends_at"),
    moment("proved_at", nullable=True),
    Column("address", Text, nullable=False, server_default=""),
    Column("browser", Text, nullable=False, server_default=""),
    Index(None, "person_id"),
    Index(None, "ends_at"),
)

# How often something was tried since `since`: "address/192.0.2.7", "track/192.0.2.7". One row a key.
attempts = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    moment("since"),
    Column("many", Integer, nullable=False),
    Index(None, "since"),
)
