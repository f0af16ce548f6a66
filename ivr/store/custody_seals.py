"""Custody seals: minute by minute, what was written into the tables that must not be changed unseen.

A row of such a table has a number (`ivr.store.base.noted`), an entry names a number's row with its digest, a
seal is the root over its entries, chained to the seal before. `ivr.desk.keeping.sealing` makes them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from ivr.store.base import metadata, moment

# `complete_to`: every number up to it has its entry. `up_to`: the highest number that has one.
custody_seals = Table(
    "custody_seals",
    metadata,
    Column("seal", BigInteger, primary_key=True, autoincrement=False),
    Column("previous", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("complete_to", BigInteger, nullable=False),
    Column("up_to", BigInteger, nullable=False),
    moment("made_at"),
)

# `kind`, `key`: `ivr.desk.keeping.sealed`; a number that never came has the kind "none".
custody_entries = Table(
    "custody_entries",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("seal", BigInteger, ForeignKey("custody_seals.seal"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
