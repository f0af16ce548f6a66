"""People: who may sign in to the panel, and what stands between them and a second sign-in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table, Text, Uuid
from sqlalchemy import ForeignKey as To
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `name`: what is typed to sign in. `agency`: of officers and heads; `areas`: codes of counties, [] = all.
# `password_hash`: argon2id. `locked_at`: by an admin, until an admin releases it. `totp_secret`: base32, in
# use once `totp_since` is set; `totp_step`: the last step used, so that no code works twice.
# `trusted`: one of the few who, two of them together, open what is sealed (`ivr.desk.people.unsealing`).
# `recovery`: SHA-256 of each code that is left.
people = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("full_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("agency", Text, To("agencies.code")),
    Column("areas", JSONB, nullable=False, server_default="[]"),
    Column("password_hash", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    moment("locked_at", nullable=True),
    Column("totp_secret", Text, nullable=False, server_default=""),
    moment("totp_since", nullable=True),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("recovery", JSONB, nullable=False, server_default="[]"),
    Column("trusted", Boolean, nullable=False, server_default="false"),
    moment("made_at"),
    moment("password_at"),
    moment("signed_in_at", nullable=True),
)
